"""The figures of an accuracy.txt, found as the official checker finds them."""

import re
from collections.abc import Iterable, Mapping


def read_figures(text: str, lines: Mapping[str, re.Pattern[str]], metrics: Iterable[str]) -> dict[str, float]:
    """Metric to its figure: the first line that the metric's pattern matches; a metric without one is left out.

    Args:
        lines: metric to the pattern of its line, the figure as its first group; what is found there and is no number
            does not count.
    """
    every = {metric: every_figure(text, lines[metric]) for metric in metrics}
    return {metric: found[0] for metric, found in every.items() if found}


def every_figure(text: str, line: re.Pattern[str]) -> tuple[float, ...]:
    """The figures of all lines that a metric's pattern matches: the official checker holds each of them against the target."""
    matches = (match.group(1) for match in map(line.match, text.splitlines()) if match)
    return tuple(float(found) for found in matches if found.count(".") <= 1 and found.strip("."))
