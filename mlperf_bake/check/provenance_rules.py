"""Rules that manifests make possible: whose runs these are, that they belong together, and that they are
results at all.

A tree from another harness has no manifests; then one note says that nothing is known, and the rest does not
apply.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from mlperf_bake.check.fixes import build, run_again
from mlperf_bake.check.rule import OURS, Breach, Severity, Table
from mlperf_bake.check.tree import Log, Result
from mlperf_bake.results.run import disagreements

PROVENANCE: Final[Table[Result]] = Table("provenance")

_SLACK: Final = timedelta(minutes=2)
"""Between the harness' own clock reading and LoadGen's."""
_GOOD: Final = re.compile(r"good=(\d{1,15}), total=(\d{1,15})\b", re.ASCII)


def _logs(result: Result) -> tuple[Log, Log]:
    return result.performance, result.accuracy


@PROVENANCE.rule("manifest", OURS)
def manifest(result: Result) -> Iterator[Breach]:
    """Both runs have a manifest that can be read."""
    files = [log.manifest for log in _logs(result)]
    if all(file.missing for file in files):
        yield Breach(
            result.path,
            "no manifest: where the runs come from cannot be checked",
            severity=Severity.NOTE,
        )
        return
    for file in files:
        if file.missing:
            yield Breach(file.path, "the manifest is missing", expected="one for each of the two runs")
        elif file.error:
            yield Breach(file.path, file.error.problem, file.error.found or "", file.error.expected or "")


@PROVENANCE.rule("demonstration", OURS)
def demonstration(result: Result) -> Iterator[Breach]:
    """The runs are results, not demonstrations."""
    for log in _logs(result):
        for reason in log.manifest.value.demonstration if log.manifest.value else ():
            yield Breach(
                log.manifest.path,
                f"the run is a demonstration: {reason}",
                found=reason,
                expected="the official data set for the full time",
                demonstration=True,
            )


@PROVENANCE.rule("finished", OURS)
def finished(result: Result) -> Iterator[Breach]:
    """Both runs were finished."""
    for log in _logs(result):
        if log.manifest.value and log.manifest.value.status != "finished":
            yield Breach(
                log.manifest.path,
                "the run was not finished",
                log.manifest.value.status,
                "finished",
                run_again(result, log.kind),
            )


@PROVENANCE.rule("agree", OURS)
def agree(result: Result) -> Iterator[Breach]:
    """Manifest and detail log tell the same."""
    for log in _logs(result):
        if log.manifest.value and log.detail.value and log.detail.value.complete:
            for disagreement in disagreements(log.manifest.value, log.detail.value):
                yield Breach(log.manifest.path, "manifest and log disagree", disagreement, "files of one run")


@PROVENANCE.rule("place", OURS)
def place(result: Result) -> Iterator[Breach]:
    """The runs lie where their manifests say they belong."""
    for log in _logs(result):
        run = log.manifest.value
        if run is None:
            continue
        pairs = [
            ("mode", run.mode, log.kind),
            ("model", run.cell.model, result.model.name),
            ("round", run.cell.round, result.rules.name),
            (
                "benchmark",
                run.cell.benchmark,
                result.model.benchmark.name if result.model.benchmark else None,
            ),
        ]
        inferable = (run.scenario, result.scenario) in result.rules.tree.inferable
        if not inferable:
            pairs.append(("scenario", run.scenario, result.scenario))
        for what, said, here in pairs:
            if said != here and here is not None:
                yield Breach(
                    log.manifest.path, f"the run has another {what} than its place", str(said), str(here)
                )


@PROVENANCE.rule("division", OURS)
def division(result: Result) -> Iterator[Breach]:
    """A cell for the open division is not submitted in the closed one."""
    for log in _logs(result):
        run = log.manifest.value
        if run and run.cell.division == "open" and result.division != "open":
            problem = "the cell is for the open division"
            yield Breach(log.manifest.path, problem, f"{run.cell.id} in {result.division}/", "open/")


@PROVENANCE.rule("one_thing", OURS)
def one_thing(result: Result) -> Iterator[Breach]:
    """Performance and accuracy were measured on the same image, weights, data set and machine."""
    fast, right = (log.manifest.value for log in _logs(result))
    if fast is None or right is None:
        return
    pairs = [
        ("fingerprints", fast.fingerprint, right.fingerprint),
        ("cells", fast.cell.id, right.cell.id),
        ("backends", fast.backend, right.backend),
        ("weights", fast.weights and fast.weights.sha256, right.weights and right.weights.sha256),
        (
            "data sets",
            fast.dataset and fast.dataset.samples_sha256,
            right.dataset and right.dataset.samples_sha256,
        ),
        ("processors", fast.host.cpu_model, right.host.cpu_model),
    ]
    for what, one, other in pairs:
        if one != other:
            yield Breach(
                result.accuracy.manifest.path,
                f"accuracy and performance have different {what}",
                found=f"{other} for accuracy, {one} for performance",
                expected="the same",
                fix=f"{run_again(result, 'performance')} && {run_again(result, 'accuracy')}",
            )
    if fast.fingerprint is None and right.fingerprint is None:
        yield Breach(
            result.performance.manifest.path,
            "the image has no fingerprint: that both runs used one image cannot be shown",
            fix=build(result, fast.cell.id),
            severity=Severity.WARNING,
        )


@PROVENANCE.rule("time", OURS)
def time(result: Result) -> Iterator[Breach]:
    """Times are in order, and LoadGen's lies within the run's."""
    for log in _logs(result):
        run = log.manifest.value
        if run is None:
            continue
        if run.ended_at is not None and run.ended_at < run.started_at:
            found = f"{run.started_at:%Y-%m-%d %H:%M:%S} to {run.ended_at:%Y-%m-%d %H:%M:%S}"
            yield Breach(log.manifest.path, "the run ended before it started", found, "times in order")
        logged = _logged_time(log)
        end = run.ended_at or run.started_at
        if logged and not run.started_at - _SLACK <= logged <= end + _SLACK:
            yield Breach(
                log.detail.path,
                "LoadGen's time is not within the run",
                found=f"{logged:%Y-%m-%d %H:%M:%S}",
                expected=f"{run.started_at:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC",
                line=log.detail.value.line("test_datetime") if log.detail.value else None,
            )


def _logged_time(log: Log) -> datetime | None:
    """When LoadGen started the test, in UTC."""
    text = log.detail.value.text("test_datetime") if log.detail.value else None
    try:
        found = datetime.fromisoformat(text) if text else None
        return found.astimezone(UTC) if found and found.tzinfo else None
    except (ValueError, OverflowError):
        return None


@PROVENANCE.rule("accuracy", OURS)
def accuracy(result: Result) -> Iterator[Breach]:
    """accuracy.txt says what the manifest says."""
    run, text = result.accuracy.manifest.value, result.accuracy_text.value
    match = _GOOD.search(text) if text else None
    if run is None or run.accuracy is None or match is None:
        return
    said = (run.accuracy.correct, run.accuracy.total)
    if said != (int(match.group(1)), int(match.group(2))):
        expected = f"good={said[0]}, total={said[1]}"
        yield Breach(
            result.accuracy_text.path, "accuracy.txt and manifest disagree", match.group(0), expected
        )
