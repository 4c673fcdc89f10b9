"""How many queries LoadGen's Server scenario wants before it is certain of its 99th percentile.

LoadGen (early_stopping.cc) accepts a run of n queries of which t are late when, if 1 % of all queries were late, t or fewer
of n would be seen with a probability below 1 %: the least n for t = 0, 1, 2 is 459, 662, 838.
"""

import math
from functools import cache

PERCENTILE = 0.99
CONFIDENCE = 0.99


@cache
def queries_needed(late: int) -> int:
    """The fewest queries after which ``late`` late ones are few enough."""
    low, high = late, 2 * math.ceil((late + 10) / (1 - PERCENTILE))
    while low + 1 < high:
        middle = (low + high) // 2
        if _at_most(late, middle) < 1 - CONFIDENCE:
            high = middle
        else:
            low = middle
    return high


def _at_most(late: int, queries: int) -> float:
    """The probability of ``late`` or fewer late ones among ``queries`` when 1 % of all are late."""
    p = 1 - PERCENTILE
    total = 0.0
    for k in range(late + 1):
        chosen = math.lgamma(queries + 1) - math.lgamma(k + 1) - math.lgamma(queries - k + 1)
        total += math.exp(chosen + k * math.log(p) + (queries - k) * math.log1p(-p))
    return total


def lasting_s(rate: float, at_least_s: float) -> float:
    """Seconds that a run at ``rate`` queries/s must last to be VALID with three late queries, and ``at_least_s``."""
    spare = 1.1  # arrivals are random
    return max(at_least_s, math.ceil(spare * queries_needed(3) / rate))
