"""How many times as fast one thing is as another, by runs made in turn, and whether that is more than chance. Pure.

Machines change speed while runs go on, so every run is compared with the one made beside it, and never a mean with a mean.
The interval holds the median of these ratios by order statistics (H. A. David, H. N. Nagaraja, "Order Statistics", 3rd
ed., section 7.1): nothing is assumed of how they are distributed, and fewer pairs than six can show nothing at 95 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb
from statistics import median
from typing import Final

CONFIDENCE: Final = 0.95


class Shown(StrEnum):
    """What pairs show."""

    FASTER = "faster"
    SLOWER = "slower"
    NOTHING = "no difference shown"
    TOO_FEW = "too few repeats"


@dataclass(frozen=True, slots=True)
class Pairs:
    """The ratios of some pairs: how many times as fast as its neighbour each run is.

    Attributes:
        ratio: their median; above 1 is faster.
        low, high: the interval that holds the true median with ``CONFIDENCE``; None where there are too few pairs.
        count: how many pairs.
    """

    ratio: float
    low: float | None
    high: float | None
    count: int

    @property
    def shown(self) -> Shown:
        """Faster or slower only where the whole interval says so."""
        if self.low is None or self.high is None:
            return Shown.TOO_FEW
        if self.low > 1:
            return Shown.FASTER
        return Shown.SLOWER if self.high < 1 else Shown.NOTHING


def pairs(ratios: Sequence[float]) -> Pairs:
    """The median of the ratios and its interval.

    Args:
        ratios: at least one, each above 0.
    """
    ordered = sorted(ratios)
    rank = _rank(len(ordered))
    low, high = (ordered[rank - 1], ordered[-rank]) if rank else (None, None)
    return Pairs(median(ordered), low, high, len(ordered))


def _rank(count: int) -> int:
    """Which smallest and largest of so many hold the median between them; 0 where not even the ends do.

    The median lies below the k-th smallest, or above the k-th largest, with a chance of 2 P(X < k), X binomial(count, 1/2).
    """
    outside, rank = 0, 0
    while 2 * (outside := outside + comb(count, rank)) <= (1 - CONFIDENCE) * 2**count:
        rank += 1
    return rank


def fewest_pairs() -> int:
    """As many pairs as can show anything."""
    return next(count for count in range(1, 100) if _rank(count))
