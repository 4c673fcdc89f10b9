"""Interleaved pairs: two ways of doing the same work, in turn, and the ratio of each pair.

These machines change speed within seconds, so only neighbours are compared. The interval is that of the median by order
statistics: it makes no assumption on how the ratios are distributed.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlperf_bake.comparison.pairs import fewest_pairs
from mlperf_bake.comparison.pairs import pairs as median_ratio

FEWEST = 8
"""Pairs without which no interval of 95 % can be told from the ends of what was seen."""

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the pairs' ratios (ours to bare), its 95 % interval, how many pairs, and both medians."""

    median: float
    low: float
    high: float
    pairs: int
    ours: float
    bare: float

    def text(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def measure_pairs(
    ours: Callable[[], Figures],
    bare: Callable[[], Figures],
    count: int,
    within_s: float = float("inf"),
    clock: Callable[[], float] = time.monotonic,
) -> list[tuple[Figures, Figures]]:
    """``count`` pairs, the order changing from pair to pair; one uncounted run of each comes first. Fewer, but at least
    ``FEWEST``, where the next would end later than ``within_s`` seconds after the first began."""
    began = clock()
    ours()
    bare()
    found: list[tuple[Figures, Figures]] = []
    for number in range(count):
        spent = clock() - began
        if number >= FEWEST and spent + spent / (number + 1) > within_s:
            break
        if number % 2:
            first = ours()
            found.append((first, bare()))
        else:
            second = bare()
            found.append((ours(), second))
    return found


def ratio(pairs: list[tuple[Figures, Figures]], key: str) -> Ratio:
    """The ratio of one figure over all pairs.

    Raises:
        ValueError: there are too few of them for an interval.
    """
    found = median_ratio([ours[key] / bare[key] for ours, bare in pairs])
    if found.low is None or found.high is None:
        raise ValueError(f"{found.count} pairs are too few for an interval; {fewest_pairs()} can have one")
    return Ratio(
        found.ratio,
        found.low,
        found.high,
        found.count,
        statistics.median(ours[key] for ours, _ in pairs),
        statistics.median(bare[key] for _, bare in pairs),
    )
