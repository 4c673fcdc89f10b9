"""What an experiment found, for people and for machines: which is faster, by how much, whether that is chance, and what next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlperf_bake.cli.output import print_line, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlperf_bake.experiment.outcome import Found

    Groups = tuple[tuple[Found, ...], ...]

_HEADER = ("target", "setting", "figure", "range", "runs", "ratio", "95 % interval", "against the first")


def as_data(groups: Groups) -> dict[str, object]:
    """What `--json` prints."""
    return {"groups": [[_found_as_data(found) for found in group] for group in groups]}


def _found_as_data(found: Found) -> dict[str, object]:
    measured = found.compared.measured
    return {
        "target": found.run.target,
        "scenario": measured.scenario,
        "setting": found.run.setting,
        "benchmark": measured.benchmark,
        "median": measured.figure.value if measured.figure else None,
        "lowest": found.lowest,
        "highest": found.highest,
        "unit": measured.figure.unit if measured.figure else None,
        "repeats": found.repeats,
        "validity": measured.validity,
        "ratio": found.compared.ratio,
        "ratio_low": found.pairs.low if found.pairs else None,
        "ratio_high": found.pairs.high if found.pairs else None,
        "pairs": found.pairs.count if found.pairs else 0,
        "shown": found.pairs.shown.value if found.pairs and not found.compared.reasons else None,
        "reasons": list(found.compared.reasons),
    }


def print_groups(groups: Groups, file: Path, round_name: str) -> None:
    """A table for each benchmark and scenario, a sentence on the fastest, and one command to go on with."""
    for group in groups:
        first = group[0].compared.measured
        print_line(f"\n{first.benchmark}, {first.scenario}: median of the runs, repeat against repeat")
        print_table(_HEADER, [_row(found, first=found is group[0]) for found in group], ("range", "runs"))
        for sentence in _sentences(group):
            print_line(sentence)
    if step := _next(groups, file, round_name):
        print_line(f"\nnext: {step}")


def _row(found: Found, *, first: bool) -> tuple[str, ...]:
    from mlperf_bake.cli.compare import ratio_text
    from mlperf_bake.results.figures import number

    known = found.lowest is not None and found.highest is not None
    return (
        found.run.target,
        found.run.setting,
        str(found.compared.measured.figure or "no figure"),
        f"{number(found.lowest or 0)} to {number(found.highest or 0)}" if known else "-",
        str(found.repeats),
        ratio_text(found.compared, first=first),
        _interval(found),
        "; ".join(found.compared.reasons) or ("-" if first else _shown(found)),
    )


def _interval(found: Found) -> str:
    between = found.pairs
    if between is None or between.low is None or between.high is None:
        return "-"
    return f"{between.low:.3g} to {between.high:.3g}"


def _shown(found: Found) -> str:
    from mlperf_bake.comparison.pairs import Shown, fewest_pairs

    if found.pairs is None:
        return "no repeat that both have"
    few = found.pairs.shown is Shown.TOO_FEW
    return f"{found.pairs.shown.value} ({fewest_pairs()} can show it)" if few else found.pairs.shown.value


def _sentences(group: tuple[Found, ...]) -> Iterator[str]:
    """The answer in words, where there is anything to compare."""
    from mlperf_bake.comparison.pairs import Shown

    others = [found for found in group[1:] if found.pairs and not found.compared.reasons]
    faster = [found for found in others if found.pairs and found.pairs.shown is Shown.FASTER]
    undecided = [found for found in others if found.pairs and found.pairs.shown is Shown.TOO_FEW]
    if faster:
        best = max(faster, key=lambda found: found.compared.ratio or 0)
        yield (
            f"fastest shown: {_name(best)}, {best.compared.ratio:.3g} times as fast as {_name(group[0])} "
            f"({_interval(best)}, 95 % of {best.pairs.count if best.pairs else 0} pairs)"
        )
    elif others and not undecided:
        yield f"nothing is shown to be faster than {_name(group[0])}; more repeats narrow the intervals"


def _name(found: Found) -> str:
    return f"{found.run.target}, {found.run.setting}"


def again_command(file: Path, round_name: str) -> str:
    """The command that makes what an experiment lacks, as a shell takes it; the round is part of what its runs are."""
    from mlperf_bake.submission.completing import round_option

    return shlex.join(["mlperf-bake", "experiment", str(file), *round_option(round_name)])


def _next(groups: Groups, file: Path, round_name: str) -> str | None:
    """More repeats where they would tell something; else whether the fastest still answers rightly."""
    from mlperf_bake.comparison.pairs import Shown, fewest_pairs

    every = [found for group in groups for found in group[1:] if found.pairs and not found.compared.reasons]
    if any(found.pairs and found.pairs.shown is Shown.TOO_FEW for found in every):
        again = again_command(file, round_name)
        return f"set repeats: {fewest_pairs()} or more in {file}, then: {again}  # makes what is missing"
    faster = [found for found in every if found.pairs and found.pairs.shown is Shown.FASTER]
    if not faster:
        return None
    best = max(faster, key=lambda found: found.compared.ratio or 0)
    return f"{shlex.join(['mlperf-bake', *best.run.accuracy])}  # whether the fastest still answers rightly"
