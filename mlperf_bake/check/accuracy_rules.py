"""Rules on an accuracy run: its logs, accuracy.txt and the shortened accuracy log."""

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.fixes import prepare_official_data, run_again
from mlperf_bake.check.log_rules import damages, unread
from mlperf_bake.check.opened import read_bytes
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import Result
from mlperf_bake.results.accuracy_text import every_figure, hash_of, lines_of, no_figures, read_figures
from mlperf_bake.results.run import ACCURACY, logged_scenario

ACCURACY_RUN: Final[Table[Result]] = Table("accuracy")
OUTPUTS: Final[Table[Result]] = Table("accuracy")
"""What lies beside the log of an accuracy run, LoadGen's or another's."""

_SOURCE: Final = "checks/accuracy_check.py "
_HASHED: Final = 16 * 2**20
"""Longest accuracy log that is read, to compare its hash; a whole one may be hundreds of gigabytes."""
_SHORTENED: Final = re.compile(rb"^\s*\.{3,}\s*$", re.MULTILINE)
"""What stands for the rest of a log, by MLCommons' script or another."""
_SHARE: Final = re.compile(
    r"accuracy=(\d{1,9}(?:\.\d{1,9})?)%, good=(\d{1,15}), total=(\d{1,15})\b", re.ASCII
)


def accuracy_hash(text: str) -> str | None:
    """The hash line of accuracy.txt."""
    return next(filter(None, map(hash_of, lines_of(text))), None)


def accuracy_figures(result: Result, text: str) -> dict[str, float]:
    """The metrics of the benchmark that accuracy.txt gives, as the official checker quotes them."""
    benchmark = result.model.benchmark
    if benchmark is None:
        return {}
    targets = benchmark.targets(result.scenario or "")
    metrics = {**targets, **benchmark.accuracy_upper_limit}
    return read_figures(text, result.rules.tree.accuracy_lines, metrics, targets)


@ACCURACY_RUN.rule(
    "files", RULES_TEXT + " (detail log and accuracy.txt: a traceback in the official checker)"
)
def files(result: Result) -> Iterator[Breach]:
    """All four files of an accuracy run are there."""
    directory = result.accuracy.directory
    if not result.inventory.is_directory(directory):
        yield Breach(
            directory,
            "the accuracy run is missing",
            expected="accuracy/ with " + ", ".join(result.rules.tree.accuracy_files),
            fix=run_again(result, "accuracy"),
        )
        return
    for name in result.rules.tree.accuracy_files:
        if not result.inventory.is_file(directory / name):
            yield Breach(directory / name, f"{name} is missing", expected="a file")
    error = result.accuracy_text.error
    if error and result.inventory.is_file(result.accuracy_text.path):
        yield unread(result.accuracy_text.path, error)


@ACCURACY_RUN.rule("whole", RULES_TEXT)
def whole(result: Result) -> Iterator[Breach]:
    """The detail log is whole, and its queries cover the samples it says there are."""
    file = result.accuracy.detail
    if file.error:
        yield unread(file.path, file.error)
    detail = file.value
    if detail is None:
        return
    yield from damages(detail)
    if detail.mode != "accuracy" and detail.entries:
        line = detail.line("effective_test_mode")
        found = detail.mode or "nothing"
        yield Breach(
            file.path, "the log is not of an accuracy run", found=found, expected="accuracy", line=line
        )
    elif not detail.problems and not detail.complete:
        yield Breach(
            file.path,
            "the log was not written to its end",
            found=f"queries for {detail.generated_samples} samples",
            expected=f"queries for all {detail.integer('qsl_reported_total_count')} samples",
            fix=run_again(result, "accuracy"),
        )


@ACCURACY_RUN.rule("scenario", RULES_TEXT)
def scenario(result: Result) -> Iterator[Breach]:
    """The log is of the scenario of its directory, or of one it may be inferred from."""
    detail = result.accuracy.detail.value
    if detail is None or result.scenario is None or detail.scenario is None:
        return
    inferable = (detail.scenario, result.scenario) in result.rules.tree.inferable
    if detail.scenario != logged_scenario(result.scenario) and not inferable:
        yield Breach(
            detail.path,
            f"the log is of another scenario than its directory {result.path.name}",
            found=detail.scenario,
            expected=logged_scenario(result.scenario),
            line=detail.line("effective_scenario"),
        )


@ACCURACY_RUN.rule("errors", official(_SOURCE + "loadgen_errors_check"))
def errors(result: Result) -> Iterator[Breach]:
    """LoadGen logged no error."""
    detail = result.accuracy.detail.value
    for error in detail.errors if detail else ():
        yield Breach(
            detail.path if detail else result.path,
            "LoadGen logged an error",
            error.text,
            "no errors",
            line=error.line,
        )


@ACCURACY_RUN.rule("seeds", RULES_TEXT)
def seeds(result: Result) -> Iterator[Breach]:
    """The seeds are the round's here too."""
    detail = result.accuracy.detail.value
    for name, expected in result.rules.seeds.items() if detail and detail.entries else ():
        key = f"effective_{name}"
        found = detail.integer(key) if detail else None
        if detail and found != expected:
            problem = f"{name} is not that of {result.rules.name}"
            yield Breach(detail.path, problem, str(found), str(expected), line=detail.line(key))


@ACCURACY_RUN.rule("dataset", official(_SOURCE + "dataset_check"))
def dataset(result: Result) -> Iterator[Breach]:
    """The run covers the whole official data set."""
    detail, benchmark = result.accuracy.detail.value, result.model.benchmark
    if detail is None or benchmark is None or result.scenario is None or not detail.entries:
        return
    key = "effective_accuracy_sample_count"
    key = key if detail.has(key) else "qsl_reported_total_count"
    found, expected = detail.integer(key), benchmark.accuracy_sample_count(result.scenario)
    if expected is not None and found != expected:
        yield Breach(
            detail.path,
            "the accuracy run does not cover the official data set",
            found=f"{found} samples",
            expected=f"{expected} samples",
            fix=prepare_official_data(result, "accuracy"),
            line=detail.line(key),
            demonstration=result.demonstration,
        )


@ACCURACY_RUN.rule("metric", official(_SOURCE + "accuracy_result_check"))
def metric(result: Result) -> Iterator[Breach]:
    """accuracy.txt gives every metric of the benchmark."""
    text, benchmark = result.accuracy_text.value, result.model.benchmark
    if text is None or benchmark is None or result.scenario is None:
        return
    targets, lines = benchmark.targets(result.scenario), result.rules.tree.accuracy_lines
    for name in {**targets, **benchmark.accuracy_upper_limit}:
        for wrong in no_figures(text, lines[name]):
            yield Breach(
                result.accuracy_text.path,
                f"{name} is no number in accuracy.txt",
                found=wrong[:80],
                expected="a number in every line that gives it",
            )
    for name in targets:
        found = sorted(set(every_figure(text, lines[name])))
        if not found:
            yield Breach(
                result.accuracy_text.path,
                f"accuracy.txt does not give {name}",
                expected="the line that MLCommons' accuracy script prints",
            )
        elif len(found) > 1:
            yield Breach(
                result.accuracy_text.path,
                f"accuracy.txt gives {name} with more than one value",
                found=", ".join(f"{value:.10g}" for value in found[:4]),
                expected="the figure of one run",
                severity=Severity.WARNING,
            )


@ACCURACY_RUN.rule("target", official(_SOURCE + "accuracy_result_check"))
def target(result: Result) -> Iterator[Breach]:
    """Closed division: the accuracy reaches its target and keeps its upper limit."""
    text, benchmark = result.accuracy_text.value, result.model.benchmark
    if text is None or benchmark is None or result.scenario is None or result.division == "open":
        return
    path, lines = result.accuracy_text.path, result.rules.tree.accuracy_lines
    for name, least in benchmark.targets(result.scenario).items():
        lowest = min(every_figure(text, lines[name]), default=least)
        if lowest < least:
            yield Breach(
                path,
                f"{name} is below its target",
                found=f"{lowest:.10g}",
                expected=f"at least {least:.10g}",
                fix="mend the model, or submit in the open division",
                demonstration=result.demonstration,
            )
    for name, most in benchmark.accuracy_upper_limit.items():
        highest = max(every_figure(text, lines[name]), default=most)
        if highest > most:
            yield Breach(
                path,
                f"{name} is above its limit",
                found=f"{highest:.10g}",
                expected=f"at most {most:.10g}",
            )


@ACCURACY_RUN.rule("share", RULES_TEXT)
def share(result: Result) -> Iterator[Breach]:
    """In accuracy.txt, share, good and total fit each other and the log."""
    text, detail = result.accuracy_text.value, result.accuracy.detail.value
    match = _SHARE.search(text) if text else None
    if match is None:
        return
    good, total = int(match.group(2)), int(match.group(3))
    path = result.accuracy_text.path
    if total == 0 or good > total or abs(100 * good / total - float(match.group(1))) > 0.0051:
        yield Breach(
            path, "the accuracy is not good / total", found=match.group(0), expected=f"{good} of {total}"
        )
    logged = detail.integer("qsl_reported_total_count") if detail else None
    if logged is not None and logged != total:
        problem = "accuracy.txt counts other samples than the log"
        yield Breach(path, problem, found=f"total={total}", expected=f"total={logged}")


@ACCURACY_RUN.rule("hash", official(_SOURCE + "accuracy_result_check"))
def hash_line(result: Result) -> Iterator[Breach]:
    """accuracy.txt holds the hash of the whole accuracy log."""
    text = result.accuracy_text.value
    path = result.accuracy_text.path
    if text is None:
        return
    found = accuracy_hash(text)
    if found is None:
        yield Breach(path, "the hash of the accuracy log is missing", expected="hash= and 64 hex digits")
        return
    if not re.fullmatch(r"[0-9a-f]{64}", found):
        yield Breach(path, "the hash is no SHA-256", found=found, expected="64 hex digits")
        return
    log = result.accuracy.directory / ACCURACY
    content = b""
    if result.inventory.size(log) <= _HASHED:
        content = result.tree.read(log, lambda file: read_bytes(file, _HASHED)).value or b""
    if content and not _SHORTENED.search(content):
        own = hashlib.sha256(content).hexdigest()
        if own != found:
            yield Breach(
                path, "the hash is not that of the accuracy log, which is whole", found=found, expected=own
            )


@OUTPUTS.rule("outputs", official(_SOURCE + "extra_files_check"))
def outputs(result: Result) -> Iterator[Breach]:
    """The pictures or videos that the round names lie beside the accuracy log."""
    benchmark = result.model.benchmark
    for kind, wanted in benchmark.accuracy_files.items() if benchmark else ():
        directory = result.accuracy.directory / kind
        there = {name.partition(".")[0] for name in result.inventory.files(directory)}
        missing = [name for name in wanted if name not in there]
        if missing:
            yield Breach(
                directory,
                f"{kind} that reviewers look at are missing",
                found=", ".join(missing) + " missing",
                expected=f"{len(wanted)} files named after their samples",
                fix=run_again(result, "accuracy"),
            )


@ACCURACY_RUN.rule("log_size", official(_SOURCE + "accuracy_json_check"))
def log_size(result: Result) -> Iterator[Breach]:
    """The accuracy log is shortened."""
    path = result.accuracy.directory / ACCURACY
    if not result.inventory.is_file(path):
        return
    found, most = result.inventory.size(path), result.rules.max_accuracy_log_bytes
    if found > most:
        fix = "mlperf-bake collect shortens it"
        yield Breach(
            path, "the accuracy log is not shortened", f"{found} bytes", f"at most {most} bytes", fix
        )
    elif found == 0:
        yield Breach(path, "the accuracy log is empty", "0 bytes", "responses")


@ACCURACY_RUN.rule("summary", RULES_TEXT)
def summary(result: Result) -> Iterator[Breach]:
    """The summary of the accuracy run says that there were no errors."""
    short, detail = result.accuracy.summary.value, result.accuracy.detail.value
    if short and detail and not detail.errors and not short.no_errors:
        yield Breach(
            short.path,
            "the summary does not end as LoadGen ends it",
            found="another ending",
            expected="No errors encountered during test.",
        )


@ACCURACY_RUN.rule("version", RULES_TEXT)
def version(result: Result) -> Iterator[Breach]:
    """Accuracy and performance were measured with one LoadGen."""
    accuracy, performance = result.accuracy.detail.value, result.performance.detail.value
    if not (accuracy and performance and accuracy.version and performance.version):
        return
    if accuracy.version != performance.version:
        yield Breach(
            accuracy.path,
            "LoadGen is another one than in the performance run",
            found=accuracy.version,
            expected=performance.version,
            line=accuracy.line("loadgen_version"),
            severity=Severity.WARNING,
        )
