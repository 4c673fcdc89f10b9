"""Why runs were left out, in lines for people: one a run, or of many with one reason the first and how many more."""

from collections.abc import Iterable

from mlperf_bake.results.printable import printable
from mlperf_bake.results.run import LeftOut

NAMED = 20
"""Runs left out for one reason that are named each on a line."""


def reasons(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """``RUN: REASON``, or ``RUN and 99 more: REASON``, in the order in which the reasons first come."""
    runs: dict[str, list[str]] = {}
    for item in left_out:
        runs.setdefault(item.reason, []).append(item.run_id)
    lines = []
    for reason, names in runs.items():
        shown = names if len(names) <= NAMED else [f"{names[0]} and {len(names) - 1:,} more"]
        lines += [printable(f"{name}: {reason}") for name in shown]
    return tuple(lines)
