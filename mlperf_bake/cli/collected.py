"""What `collect` did, for people and for machines."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlperf_bake.cli.output import note, note_prose, print_line
from mlperf_bake.program import pasteable

STEPS_SHOWN = 3
"""Steps at the end; all of them stand above."""

if TYPE_CHECKING:
    from mlperf_bake.submission.filling import Collected, CollectedForeign


def as_data(collected: Collected) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "tree": str(collected.tree),
        "results": [
            {
                "directory": str(result.directory),
                "system": result.pair.key.system,
                "model": result.pair.key.model,
                "scenario": result.pair.key.scenario,
                "performance_run": result.pair.performance.manifest.run_id,
                "because": result.pair.because,
                "accuracy_run": result.pair.accuracy.manifest.run_id,
                "correct": result.score.correct,
                "total": result.score.total,
            }
            for result in collected.results
        ],
        "foreign": [
            {
                "directory": str(one.directory),
                "division": one.result.owner.division,
                "submitter": one.result.owner.submitter,
                "system": one.result.key.system,
                "model": one.result.key.model,
                "scenario": one.result.key.scenario,
                "place": one.result.place,
                "inferred": [
                    {
                        "division": one.owner.division,
                        "submitter": one.owner.submitter,
                        "system": one.target.system,
                        "model": one.target.model,
                        "scenario": one.target.scenario,
                        "from": one.source,
                        "done": one.done,
                    }
                    for one in collected.inferred
                ],
                "remarks": list(one.remarks),
            }
            for one in collected.foreign
        ],
        "inferred": [
            {
                "division": one.owner.division,
                "submitter": one.owner.submitter,
                "system": one.target.system,
                "model": one.target.model,
                "scenario": one.target.scenario,
                "from": one.source,
                "done": one.done,
            }
            for one in collected.inferred
        ],
        "remarks": list(collected.remarks),
        "left_out": [
            {"run": item.run_id, "place": item.place, "reason": item.reason} for item in collected.left_out
        ],
        "asked": [{"directory": one.directory, "keys": list(one.missing)} for one in collected.asked],
        "unknown": [
            {"system": item.system, "keys": list(item.keys), "file": str(item.file)}
            for item in collected.unknown
        ],
    }


def print_collected(collected: Collected, round_name: str) -> None:
    """The results, what was left out and why, and what to do next."""
    from mlperf_bake.results.printable import printable
    from mlperf_bake.rounds import DEFAULT_ROUND
    from mlperf_bake.submission.describing import describing_command
    from mlperf_bake.submission.reasons import reasons
    from mlperf_bake.submission.runs_file import runs_file

    for result in collected.results:
        print_line(f"{result.pair.key}")
        because = f" ({result.pair.because})" if result.pair.because else ""
        print_line(f"  performance  {result.pair.performance.manifest.run_id}{because}")
        print_line(f"  accuracy     {result.pair.accuracy.manifest.run_id}")
        print_line(f"  in           {result.directory}")
    for one in collected.foreign:
        print_line(f"{one.result}")
        print_line(f"  from         {one.result.place}")
        print_line(f"  in           {one.directory}")
    for remark, results in _by_remark(collected.foreign).items():
        note_prose(
            printable(f"{remark}: {results[0]}" + (f" and {len(results) - 1} more" if results[1:] else ""))
        )
    for inference in collected.inferred:
        offer = "" if inference.done else "; --infer does it"
        note_prose(printable(f"{'inferred' if inference.done else 'can be inferred'}: {inference}{offer}"))
    for remark in collected.remarks:
        note_prose(printable(remark))
    told = reasons(collected.left_out)
    for line in told:
        note_prose(f"left out: {line}")
    for run in collected.asked:
        note_prose(printable(f"left out: {run.directory}: nobody has said {', '.join(run.missing)}"))
    if collected.asked:
        note(f"  fill in {runs_file(collected.tree)}")
    for missing in collected.unknown:
        note_prose(f"{missing.system}: nobody has said {', '.join(missing.keys)}")
        command = shlex.join(
            describing_command(collected.tree, missing.submitter, missing.system, round_name)
        )
        note(f"  fill in {missing.file}, then: {command}")
    whose = {one.owner.submitter for one in collected.results}
    whose |= {one.result.owner.submitter for one in collected.foreign}
    whose |= {one.submitter for one in collected.unknown}
    names = f", submitter{'s' if len(whose) > 1 else ''} {', '.join(sorted(whose))}" if whose else ""
    print_line(f"collected  {_counts(collected, every_named=len(told) == len(collected.left_out))}")
    steps = _steps(collected, round_name)
    for number, step in enumerate(steps[:STEPS_SHOWN], 1):
        print_line(f"{'next' if number == 1 else '':<10} {number}. {printable(step)}")
    if len(steps) > STEPS_SHOWN:
        print_line(f"{'':<10} and {len(steps) - STEPS_SHOWN} more above")
    tree = shlex.quote(str(collected.tree))
    round_option = "" if round_name == DEFAULT_ROUND else f" --round {round_name}"
    print_line(f"tree: {collected.tree}{names}; next: mlperf-bake check {tree}{round_option}")


def _counts(collected: Collected, *, every_named: bool) -> str:
    """How many results there are now, and what is not among them."""
    results = len(collected.results) + len(collected.foreign)
    without = len(collected.left_out) + len(collected.asked)
    where = (
        "each named above with its reason" if every_named else "each reason above (--json names every run)"
    )
    words = [
        f"{results} result{'' if results == 1 else 's'}"
        if results or not collected.unknown
        else "no run touched",
        f"{without} run{'' if without == 1 else 's'} left out, {where}" if without else "",
        f"{len(collected.unknown)} systems to describe" if len(collected.unknown) > 1 else "",
    ]
    return "; ".join(filter(None, words))


def _steps(collected: Collected, round_name: str) -> list[str]:
    """What to do before the tree is checked, the most useful first."""
    from mlperf_bake.submission.describing import describing_command
    from mlperf_bake.submission.runs_file import runs_file

    steps = []
    for one in collected.unknown:
        command = describing_command(collected.tree, one.submitter, one.system, round_name)
        steps.append(f"fill in {one.file}, then: {pasteable(shlex.join(command))}")
    if collected.asked:
        steps.append(
            f"fill in {runs_file(collected.tree)}, then collect with --runs-file {shlex.quote(str(runs_file(collected.tree)))}"
        )
    offered = sum(not one.done for one in collected.inferred)
    if offered:
        steps.append(f"--infer copies results to {offered} more scenario{'' if offered == 1 else 's'}")
    return [*steps, *(remark for remark in collected.remarks if "missing" in remark or "say in" in remark)]


def _by_remark(foreign: tuple[CollectedForeign, ...]) -> dict[str, list[str]]:
    """Each remark once, and the results it is made of."""
    found: dict[str, list[str]] = {}
    for one in foreign:
        for remark in one.remarks:
            found.setdefault(remark, []).append(str(one.result))
    return found
