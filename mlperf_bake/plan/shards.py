"""One selection divided among several machines: every cell goes to exactly one, whoever computes it.

The cells are put in an order in which those that share build stages stand together, and that order is cut into runs of
nearly equal weight; so a shard builds few stages that another one builds too, and takes at most the mean and one cell
more. What a machine must know is in the arguments alone: two machines that are given the same agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Cell

MOST = 1000
_SHARD = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of ``count``; ``index`` counts from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str) -> Shard:
    """``i/n`` as ``--shard`` takes it. Errors: UsageError where it is anything else, or i is not from 1 to n."""
    match = _SHARD.fullmatch(text)
    shard = Shard(int(match[1]), int(match[2])) if match else None
    if shard is None or not 1 <= shard.index <= shard.count <= MOST:
        raise UsageError(
            "--shard takes i/n",
            found=text[:40],
            expected=f"which part and how many, 1/{MOST} to {MOST}/{MOST} at most",
            remedy="for example --shard 1/4 on the first of four machines",
        )
    return shard


def divide(
    cells: Iterable[Cell], count: int, seconds: Mapping[str, float] | None = None
) -> tuple[tuple[Cell, ...], ...]:
    """``count`` shards, each in the order given; some are empty where there are fewer cells than shards.

    Args:
        cells: the whole selection; its order does not matter for who gets what.
        count: how many shards, at least 1.
        seconds: how long cells took, by id; one that is missing counts as much as the others' mean.
    """
    given = tuple(cells)
    known = [seconds[cell.id] for cell in given if cell.id in seconds] if seconds else []
    mean = sum(known) / len(known) if sum(known) > 0 else 1.0
    weights = {cell: max((seconds or {}).get(cell.id, mean), mean / 1000) for cell in given}
    total = sum(weights[cell] for cell in sorted(given, key=_stages))
    place: dict[Cell, int] = {}
    before = 0.0
    for cell in sorted(given, key=_stages):
        place[cell] = min(int(count * (before + weights[cell] / 2) / total), count - 1)
        before += weights[cell]
    return tuple(tuple(cell for cell in given if place[cell] == shard) for shard in range(count))


def _stages(cell: Cell) -> tuple[str, ...]:
    """Cells that share the more stages the more names they share from the left: base and compiler, then library, weights."""
    return (cell.hardware, cell.os, cell.framework, cell.implementation, cell.model)
