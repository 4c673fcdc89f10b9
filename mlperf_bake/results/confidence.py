"""How sure a share is: the Wilson score interval, which holds for few samples and for shares near 0 and 1.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212.
"""

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """Lower and upper end, each between 0 and 1."""

    low: float
    high: float

    def percent(self) -> str:
        """``70-97 %``: for people, not for comparing."""
        return f"{100 * self.low:.0f}-{100 * self.high:.0f} %"


def wilson(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """The interval that holds the true share with the given confidence.

    Args:
        correct: successes, 0 to ``total``.
        total: trials, at least 1.
        confidence: between 0 and 1, exclusive.

    Raises:
        ValueError: arguments outside these bounds.
    """
    if total < 1 or not 0 <= correct <= total or not 0 < confidence < 1:
        raise ValueError(f"no share: {correct} of {total} with confidence {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = correct / total
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z / scale * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if correct == 0 else max(0.0, middle - half)
    high = 1.0 if correct == total else min(1.0, middle + half)
    return Interval(low, high)
