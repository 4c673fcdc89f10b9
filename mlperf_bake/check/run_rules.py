"""Rules on all runs together: that each is a run of its own, and that a system's were made on one machine."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.check.fixes import run_again
from mlperf_bake.check.performance_rules import round_of_seed
from mlperf_bake.check.rule import OURS, RULES_TEXT, Breach, Severity, Table
from mlperf_bake.check.tree import Log, System
from mlperf_bake.program import shown
from mlperf_bake.results.run import DETAIL, MANIFEST
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.submitters import UNNAMED

SEED: Final = "qsl_rng_seed"


@dataclass(frozen=True, slots=True)
class Standing:
    """A run of the tree by what tells it from every other.

    Attributes:
        run_id: of its manifest; None where it has none.
        mark: when LoadGen started it, its mean and its longest latency; None where the log does not say.
        round: whose seeds it used; None where no round has them.
        inferred: it stands for another scenario than it was made in, as edge systems may have it.
        log: the directory of its logs.
        result: the directory of the result it stands for.
        system: the directory of the system.
    """

    run_id: str | None
    mark: tuple[str, float, float] | None
    round: str | None
    inferred: bool
    log: Path
    result: Path
    system: Path
    submitter: str


@dataclass(frozen=True, slots=True)
class Runs:
    """All runs of a tree, and the round that it is judged by."""

    tree: Path
    round: str
    every: tuple[Standing, ...]


MACHINE: Final[Table[System]] = Table("provenance")
RUNS: Final[Table[Runs]] = Table("provenance")


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
        round=round_of_seed(SEED, detail.integer(f"effective_{SEED}")) if detail else None,
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


@RUNS.rule("round", RULES_TEXT)
def another_round(runs: Runs) -> Iterator[Breach]:
    """The runs are of the round that the tree is judged by."""
    rounds = {run.round for run in runs.every}
    if len(rounds) == 1 and rounds.isdisjoint({None, runs.round}):
        (other,) = rounds
        yield Breach(
            runs.tree,
            f"every run of the tree has the seeds of {other}",
            found=str(other),
            expected=runs.round,
            fix=_judged_by(runs.tree, str(other)),
        )


def _judged_by(tree: Path, round_name: str) -> str:
    """How a tree is checked by another round: laid out for that one first, where it is not."""
    source, target = shown(tree), shown(tree)
    lies_apart = any(tree.glob("*/*/measurements"))
    steps = []
    if lies_apart != ("/measurements/" in load_round(round_name).layout.measurements):
        target = f"{source}-{round_name}"
        steps.append(["mlperf-bake", "collect", source, "--out", target, "--round", round_name])
    steps.append(["mlperf-bake", "check", target, "--round", round_name])
    return " && ".join(map(shlex.join, steps))


@RUNS.rule("run_ids", OURS)
def run_ids(runs: Runs) -> Iterator[Breach]:
    """No run stands in for two."""
    seen: dict[str, Standing] = {}
    for run in runs.every:
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
def copied(runs: Runs) -> Iterator[Breach]:
    """No log stands for two systems."""
    seen: dict[tuple[str, float, float], Standing] = {}
    for run in runs.every:
        first = seen.setdefault(run.mark, run) if run.mark else run
        if first.system != run.system:
            yield Breach(
                run.log / DETAIL,
                "the same measurement stands for two systems",
                found=f"start, mean and longest latency are those in {first.log}",
                expected="a run of its own for each system",
                severity=Severity.WARNING,
            )
