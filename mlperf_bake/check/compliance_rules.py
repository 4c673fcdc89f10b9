"""Rules on the compliance tests of the closed and network divisions: TEST01, TEST04 and their kin."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlperf_bake.check.fixes import make_tests
from mlperf_bake.check.opened import read_text
from mlperf_bake.check.rule import RULES_TEXT, Breach, Finding, Table, official
from mlperf_bake.check.tree import Log, Result
from mlperf_bake.compliance.audits import audit as audit_of
from mlperf_bake.compliance.deviations import deviations
from mlperf_bake.compliance.evidence import FILES
from mlperf_bake.results.accuracy_text import lines_of, read_figures

COMPLIANCE: Final[Table[Result]] = Table("compliance")

_SOURCE: Final = "checks/compliance_check.py "
_LEAST: Final = frozenset({"effective_min_duration_ms", "requested_min_query_count"})
"""Settings of an audit that a run may exceed: published results that the official checker accepts do."""
_RUN_FILES: Final = frozenset({"mlperf_log_summary.txt", "mlperf_log_detail.txt"})
_IGNORED: Final = frozenset({"mlperf_log_accuracy.json", "mlperf_log_trace.json", "results.json", ".gitkeep"})
_TEST01_ACCURACY: Final = (
    "mlperf_log_accuracy.json",
    "accuracy.txt",
    "baseline_accuracy.txt",
    "compliance_accuracy.txt",
)


def tests_of(result: Result) -> tuple[str, ...]:
    """The compliance tests that a result needs."""
    if result.division == "open" or result.model.benchmark is None:
        return ()
    return result.model.benchmark.compliance_tests


def performance_logs(result: Result) -> tuple[Log, ...]:
    """The performance runs of compliance tests that are there; they are judged as any other performance run."""
    needed = (
        test for test in tests_of(result) if "performance" in result.rules.tree.compliance.get(test, {})
    )
    logs = (result.compliance_log(test) for test in needed)
    return tuple(log for log in logs if result.inventory.is_directory(log.directory))


@COMPLIANCE.rule("tests", official(_SOURCE + "dir_exists_check"))
def tests(result: Result) -> Iterator[Breach]:
    """Every compliance test of the benchmark was made."""
    for test in tests_of(result):
        path = result.compliance / test
        if not result.inventory.is_directory(path):
            yield Breach(
                path,
                f"the compliance test {test} is missing",
                found="nothing; the checker's --skip_compliance has no effect",
                expected=f"{test}/ with its verification files",
                fix=make_tests(result),
                demonstration=result.demonstration,
            )


@COMPLIANCE.rule("verified", official(_SOURCE + "accuracy_check, compliance_performance_check"))
def verified(result: Result) -> Iterator[Breach]:
    """The verification files are there and say that the test passed."""
    for test in tests_of(result):
        directory = result.compliance / test
        if not result.inventory.is_directory(directory):
            continue
        for kind, lines in result.rules.tree.compliance.get(test, {}).items():
            file = result.tree.read(directory / FILES[kind], read_text)
            if file.value is None:
                problem = file.error.problem if file.error else f"{file.path.name} of {test} is missing"
                found = (file.error.found or "") if file.error else ""
                yield Breach(file.path, problem, found, expected="the verification's output")
                continue
            there = {line.strip() for line in lines_of(file.value)}
            absent = [line for line in lines if not there.intersection(line.split("|"))]
            if absent and (test, kind) == ("TEST01", "accuracy"):
                yield from _test01_by_accuracy(result, directory / "accuracy")
            elif absent:
                yield Breach(
                    file.path, f"{test} did not pass", found="no such line", expected=" and ".join(absent)
                )


def _test01_by_accuracy(result: Result, directory: Path) -> Iterator[Breach]:
    """TEST01 of a model that is not deterministic passes if its accuracy lies near enough to the accuracy run's."""
    there = {entry.name for entry in result.inventory.entries(directory)}
    absent = [name for name in _TEST01_ACCURACY if name not in there]
    extra = sorted(there - set(_TEST01_ACCURACY) - _IGNORED)
    if absent or extra:
        yield Breach(
            directory,
            "TEST01 did not pass, and the files to judge it by accuracy are not the right ones",
            found="missing " + ", ".join(absent) if absent else "also " + ", ".join(extra),
            expected=", ".join(_TEST01_ACCURACY),
        )
        return
    benchmark = result.model.benchmark
    metrics = tuple(benchmark.targets(result.scenario or "")) if benchmark else ()
    figures = [
        read_figures(
            result.tree.read(directory / name, read_text).value or "",
            result.rules.tree.accuracy_lines,
            metrics,
        )
        for name in ("baseline_accuracy.txt", "compliance_accuracy.txt")
    ]
    for metric in metrics:
        baseline, compliance = (figure.get(metric, 0.0) for figure in figures)
        allowed = benchmark.allowed_delta_percent(metric) if benchmark else 0.0
        delta = abs(1 - baseline / compliance) * 100 if compliance else None
        if not baseline or delta is None or delta > allowed:
            yield Breach(
                directory,
                f"TEST01 did not pass: {metric} differs from the accuracy run",
                found=f"{baseline:g} and {compliance:g}",
                expected=f"at most {allowed:g} % apart",
            )


@COMPLIANCE.rule("files", official(_SOURCE + "compliance_performance_check"))
def files(result: Result) -> Iterator[Breach]:
    """A test's performance run holds its two logs and nothing else."""
    for test in tests_of(result):
        judged = "performance" in result.rules.tree.compliance.get(test, {})
        if not judged or not result.inventory.is_directory(result.compliance / test):
            continue
        directory = result.compliance_log(test).directory
        if not result.inventory.is_directory(directory):
            yield Breach(directory, f"the performance run of {test} is missing", expected="performance/run_1")
            continue
        there = set(result.inventory.files(directory)) - _IGNORED
        if there != _RUN_FILES:
            found = ", ".join(sorted(there)) or "nothing"
            yield Breach(
                directory, f"{test} has other files than it must", found, ", ".join(sorted(_RUN_FILES))
            )


@COMPLIANCE.rule("audit", RULES_TEXT)
def audit(result: Result) -> Iterator[Breach]:
    """The log of a test's run shows the settings that make it that test."""
    for test in tests_of(result):
        detail, benchmark = result.compliance_log(test).detail.value, result.model.benchmark
        if detail is None or benchmark is None:
            continue
        settings = audit_of(test, result.rules, benchmark.name)
        for one in deviations(settings, detail, result.scenario or ""):
            if one.key in _LEAST and (detail.integer(one.key) or 0) >= int(one.expected):
                continue
            yield Breach(
                detail.path,
                f"the run was made without the settings of {test}",
                found=f"{one.key} {one.found}",
                expected=one.expected,
                fix=make_tests(result),
                line=detail.line(one.key),
            )


def named(finding: Finding, log: Log) -> Finding:
    """A finding on a test's performance run under a rule id that says so: ``compliance.TEST01.seeds``."""
    return Finding(f"compliance.{log.kind}.{finding.rule.rpartition('.')[2]}", finding.source, finding.breach)
