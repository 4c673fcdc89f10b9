"""Rules on the logs of a performance run as files: there, whole, of one run, of this scenario, without errors.

A compliance test's performance run is judged by the same ones.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from shlex import quote
from typing import Final

from mlperf_bake.check.fixes import again
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Log
from mlperf_bake.compliance.deviations import UNAUDITED, audited
from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.results.run import DETAIL, SUMMARY, logged_scenario
from mlperf_bake.rounds import ModelRules

LOGS: Final[Table[Log]] = Table("performance")

_SOURCE: Final = "checks/performance_check.py "
_SHOWN: Final = 5
"""Faults of one log that are told one by one."""
AUDIT_CONFIG: Final = "audit.config"
_OPTIONAL_FILES: Final = (
    "mlperf_log_accuracy.json",
    "mlperf_log_trace.json",
    "manifest.json",
    "results.json",
    "spl.txt",
)


def sound(log: Log) -> tuple[DetailLog, ModelRules] | None:
    """The log and its benchmark, if the log is one to judge by; else another rule has said why not."""
    detail, benchmark = log.detail.value, log.result.model.benchmark
    if detail is None or benchmark is None or log.result.scenario is None or not detail.entries:
        return None
    return detail, benchmark


def at(detail: DetailLog, key: str, problem: str, found: object, expected: str, fix: str = "") -> Breach:
    """A breach at the line of a key."""
    shown = "nothing" if found is None else str(found)
    return Breach(detail.path, problem, found=shown, expected=expected, fix=fix, line=detail.line(key))


def unread(path: Path, error: UsageError) -> Breach:
    """A file that is there and cannot be read."""
    return Breach(path, error.problem, found=error.found or "", expected=error.expected or "")


@LOGS.rule("files", RULES_TEXT + " (only the detail log: performance_check.py missing_check)")
def files(log: Log) -> Iterator[Breach]:
    """Detail and summary log are there and can be read."""
    for opened_file in (log.detail, log.summary):
        if opened_file.missing:
            yield Breach(opened_file.path, f"{opened_file.path.name} is missing", expected="a log of LoadGen")
        elif opened_file.error:
            yield unread(opened_file.path, opened_file.error)


@LOGS.rule("stray", RULES_TEXT)
def stray(log: Log) -> Iterator[Breach]:
    """Only logs lie beside the logs, and there is one run."""
    if log.kind != "performance":
        return
    for entry in log.result.inventory.entries(log.directory):
        known = entry.name in (DETAIL, SUMMARY, AUDIT_CONFIG, *_OPTIONAL_FILES)
        if not known and not entry.name.startswith("."):
            yield Breach(
                log.directory / entry.name,
                "not part of a run",
                found=entry.name,
                severity=Severity.WARNING,
                fix="remove it",
            )
    inventory = log.result.inventory
    for path in inventory.directories(log.directory.parent):
        if path.name not in ("run_1", "power", "ranging"):
            yield Breach(
                path,
                "a run that nobody looks at",
                found=path.name,
                expected="run_1",
                severity=Severity.WARNING,
                fix="remove it"
                if inventory.find(log.directory / DETAIL)
                else f"rmdir {quote(str(log.directory))}; " * inventory.is_directory(log.directory)
                + f"mv {quote(str(path))} {quote(str(log.directory))}",
            )


def damages(detail: DetailLog) -> Iterator[Breach]:
    """What is wrong with a detail log as a file, line by line; of many faults the first and their number."""
    for problem in detail.problems[:_SHOWN]:
        yield Breach(
            detail.path,
            "the log is damaged",
            found=problem.text,
            expected="the log as LoadGen wrote it",
            fix="copy it from the run again",
            line=problem.line,
        )
    if detail.problem_count > _SHOWN:
        yield Breach(
            detail.path,
            "the log is damaged in many places",
            found=f"{detail.problem_count} faults, of which the first {_SHOWN} are shown",
            expected="the log as LoadGen wrote it",
        )


@LOGS.rule("whole", RULES_TEXT)
def whole(log: Log) -> Iterator[Breach]:
    """The detail log is whole: every line can be read and the run was logged to its end."""
    detail = log.detail.value
    if detail is None:
        return
    yield from damages(detail)
    if not detail.problems and not detail.complete:
        yield Breach(
            detail.path,
            "the log was not written to its end",
            found=f"{detail.lines} lines, no result",
            expected="a run that LoadGen finished",
            fix=again(log),
        )


@LOGS.rule("mode", RULES_TEXT)
def mode(log: Log) -> Iterator[Breach]:
    """The log is of a performance run."""
    judged = sound(log)
    if judged and judged[0].mode not in ("performance", "submission"):
        yield at(
            judged[0],
            "effective_test_mode",
            "the log is not of a performance run",
            judged[0].mode,
            "performance",
        )


@LOGS.rule("scenario", official(_SOURCE + "inferred_check"))
def scenario(log: Log) -> Iterator[Breach]:
    """The log is of the directory's scenario, or of one that an edge system may infer it from."""
    judged = sound(log)
    if judged is None or log.result.scenario is None:
        return
    detail, here = judged[0], log.result.scenario
    there = detail.scenario
    if there == logged_scenario(here):
        return
    if (there, here) in log.result.rules.tree.inferable and "edge" in log.result.system.text("system_type"):
        yield Breach(
            detail.path,
            f"the result is inferred from {there}",
            found=f"a log of {there}",
            expected=f"a run of {here} says more",
            severity=Severity.NOTE,
            line=detail.line("effective_scenario"),
        )
        return
    problem = f"the log is of another scenario than its directory {log.result.path.name}"
    yield at(
        detail, "effective_scenario", problem, there, logged_scenario(here), "move it, or run this scenario"
    )


@LOGS.rule("errors", RULES_TEXT + " (performance_check.py loadgen_errors_check looks only with a flag)")
def errors(log: Log) -> Iterator[Breach]:
    """LoadGen logged no error."""
    detail = log.detail.value
    for error in detail.errors if detail else ():
        yield Breach(
            log.detail.path,
            "LoadGen logged an error",
            found=error.text,
            expected="no errors",
            line=error.line,
        )


@LOGS.rule("audit", RULES_TEXT)
def audit(log: Log) -> Iterator[Breach]:
    """No audit.config was in force, and none lies there, except in a compliance test."""
    detail = log.detail.value
    if log.kind != "performance":
        return
    for path in (
        one / AUDIT_CONFIG for one in (log.directory, log.result.accuracy.directory, log.result.path)
    ):
        if log.result.inventory.find(path):
            yield Breach(
                path,
                "an audit.config lies with a run that is no compliance test",
                expected="none: a run that finds one is no result",
                fix=again(log),
            )
    if detail is None:
        return
    for warning in detail.warnings:
        if "audit config" in warning.text.lower():
            yield Breach(
                log.detail.path,
                "the run was made with an audit.config",
                found=warning.text,
                expected="none in the directory it ran in",
                line=warning.line,
            )
    for key in audited(detail):
        problem = "the run was made with the settings of a compliance test"
        yield at(detail, key, problem, f"{key} {detail.raw(key)}", f"{UNAUDITED[key]}")


_FIGURES: Final = {
    "Samples per second": "result_samples_per_second",
    "Completed samples per second": "result_completed_samples_per_sec",
    "Scheduled samples per second": "result_scheduled_samples_per_sec",
    **{f"{one} latency (ns)": f"result_{one.lower()}_latency_ns" for one in ("Min", "Max", "Mean")},
    **{
        f"{percentile} percentile latency (ns)": f"result_{percentile}_percentile_latency_ns"
        for percentile in ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
    },
}
"""What LoadGen calls a figure in its summary, and in its detail log. Source: LoadGen, results.cc."""


def same(said: str, logged: float) -> bool:
    """Whether a figure is the one logged, to the digits that the summary shows; true of words that are no figure."""
    try:
        shown = Decimal(said)
    except InvalidOperation:
        return True
    exponent = shown.as_tuple().exponent
    return not isinstance(exponent, int) or abs(float(shown) - logged) <= 10.0**exponent


@LOGS.rule("summary", RULES_TEXT)
def summary(log: Log) -> Iterator[Breach]:
    """The summary log is of the same run as the detail log, and has its figures."""
    detail, short = log.detail.value, log.summary.value
    if detail is None or short is None or not detail.complete:
        return
    pairs = [("scenario", short.scenario, detail.scenario), ("result", short.validity, detail.validity)]
    for what, said, logged in pairs:
        if said != logged:
            problem = f"the summary's {what} is not that of the detail log"
            yield Breach(short.path, problem, found=said or "nothing", expected=logged or "nothing")
    for name, key in _FIGURES.items():
        said, figure = short.fields.get(name), detail.number(key)
        if said is not None and figure is not None and not same(said, figure):
            problem = f"the summary's {name} is not that of the detail log"
            yield Breach(short.path, problem, found=said, expected=f"{figure:.12g}, as {key} has it")
