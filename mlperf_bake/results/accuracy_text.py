"""The figures of an accuracy.txt, found as the official checker finds them."""

import re
from collections.abc import Iterable, Mapping


def read_figures(text: str, lines: Mapping[str, re.Pattern[str]], metrics: Iterable[str]) -> dict[str, float]:
    """Metric to its figure: the first line that the metric's pattern matches; a metric without one is left out.

    Args:
        lines: metric to the pattern of its line, the figure as its first group; what is found there and is no number
            does not count.
    """
    found: dict[str, float] = {}
    rows = text.splitlines()
    for metric in metrics:
        for row in rows:
            match = lines[metric].match(row)
            if match and match.group(1).count(".") <= 1 and match.group(1).strip("."):
                found[metric] = float(match.group(1))
                break
    return found
