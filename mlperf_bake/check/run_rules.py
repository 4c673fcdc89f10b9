"""Rules on all runs together: that each is a run of its own, and that a system's were made on one machine."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.check.fixes import run_again
from mlperf_bake.check.rule import OURS, RULES_TEXT, Breach, Severity, Table
from mlperf_bake.check.tree import Log, System
from mlperf_bake.program import shown
from mlperf_bake.results.run import DETAIL, MANIFEST
from mlperf_bake.submission.submitters import UNNAMED


@dataclass(frozen=True, slots=True)
class Standing:
    """A run of the tree by what tells it from every other.

    Attributes:
        run_id: of its manifest; None where it has none.
        mark: when LoadGen started it, its mean and its longest latency; None where the log does not say.
        inferred: it stands for another scenario than it was made in, as edge systems may have it.
        log: the directory of its logs.
        result: the directory of the result it stands for.
        system: the directory of the system.
    """

    run_id: str | None
    mark: tuple[str, float, float] | None
    inferred: bool
    log: Path
    result: Path
    system: Path
    submitter: str


MACHINE: Final[Table[System]] = Table("provenance")
RUNS: Final[Table[tuple[Standing, ...]]] = Table("provenance")


@MACHINE.rule("machine", OURS)
def machine(system: System) -> Iterator[Breach]:
    """All runs of a system were made on one machine."""
    first: Log | None = None
    for log in (log for model in system.models for result in model.results for log in result.runs):
        if log.manifest.value is None:
            continue
        first = first or log
        before, here = (one.manifest.value.host if one.manifest.value else None for one in (first, log))
        if before and here and before.cpu_model != here.cpu_model and first.result is not log.result:
            yield Breach(
                log.manifest.path,
                "the runs of one system were made on different machines",
                found=f"{here.cpu_model} here, {before.cpu_model} in {first.directory}",
                expected="a directory below results/ for each system",
                fix=f"{run_again(log.result, 'performance')} && {run_again(log.result, 'accuracy')}",
            )


def standings(system: System) -> tuple[Standing, ...]:
    """The runs of a system, for the rules that look at all runs of a tree."""
    return tuple(
        _standing(log)
        for model in system.models
        for result in model.results
        for log in result.runs
        if log.manifest.value or log.detail.value
    )


def _standing(log: Log) -> Standing:
    detail, run, result = log.detail.value, log.manifest.value, log.result
    mark = None
    if detail and log.kind == "performance":
        started, mean = detail.text("test_datetime"), detail.number("result_mean_latency_ns")
        most = detail.number("result_max_latency_ns")
        mark = (started, mean, most) if started and mean and most else None
    there = detail.scenario if detail else None
    return Standing(
        run_id=run.run_id if run else None,
        mark=mark,
        inferred=there != result.scenario and (there, result.scenario) in result.rules.tree.inferable,
        log=log.directory,
        result=result.path,
        system=result.system.path,
        submitter=result.submitter.name,
    )


def _remove_one(one: Standing, other: Standing) -> str:
    """How one of two results of the same run goes: that of a submitter whom nobody has named, else the second."""
    unnamed = next((run for run in (one, other) if run.submitter == UNNAMED), None)
    return f"rm -r {shlex.quote(shown((unnamed or one).result))}"


@RUNS.rule("run_ids", OURS)
def run_ids(runs: tuple[Standing, ...]) -> Iterator[Breach]:
    """No run stands in for two."""
    seen: dict[str, Standing] = {}
    for run in runs:
        if run.inferred:
            continue
        first = seen.setdefault(run.run_id, run) if run.run_id else run
        if first is not run:
            yield Breach(
                run.log / MANIFEST,
                "the same run stands in two places",
                found=f"{run.run_id} is also in {first.log}",
                expected="a run of its own for each",
                fix=_remove_one(run, first),
            )


@RUNS.rule("copied", RULES_TEXT)
def copied(runs: tuple[Standing, ...]) -> Iterator[Breach]:
    """No log stands for two systems."""
    seen: dict[tuple[str, float, float], Standing] = {}
    for run in runs:
        first = seen.setdefault(run.mark, run) if run.mark else run
        if first.system != run.system:
            yield Breach(
                run.log / DETAIL,
                "the same measurement stands for two systems",
                found=f"start, mean and longest latency are those in {first.log}",
                expected="a run of its own for each system",
                severity=Severity.WARNING,
            )
