"""The figures of an accuracy.txt, found as the official checker finds them."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""Where a text file's lines end; ``str.splitlines`` would end them at form feeds and at Unicode's separators, too."""
_HASH: Final = re.compile(r"^hash=([\w\d]+)$")


def lines_of(text: str) -> list[str]:
    """The lines of a text, as reading its file line by line gives them."""
    return _LINE_END.split(text)


def hash_of(line: str) -> str | None:
    """The hash of the accuracy log, where the line gives it."""
    match = _HASH.match(line)
    return match.group(1) if match else None


def read_figures(
    text: str,
    lines: Mapping[str, re.Pattern[str]],
    metrics: Iterable[str],
    targets: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Metric to its figure; a metric without one is left out.

    Of several figures of a metric the last counts, up to the line by which every target has been reached and the hash
    been given: there the official checker stops (checks/accuracy_check.py accuracy_result_check).

    Args:
        lines: metric to the pattern of its line, the figure as its first group; what is found there and is no number
            does not count.
        targets: metric to its least value; without them everything is read.
    """
    wanted = tuple(metrics)
    found: dict[str, float] = {}
    reached: set[str] = set()
    hashed = False
    for line in lines_of(text):
        for metric in wanted:
            for value in every_figure(line, lines[metric]):
                found[metric] = value
                if targets and value >= targets.get(metric, value):
                    reached.add(metric)
        hashed = hashed or hash_of(line) is not None
        if targets and hashed and reached.issuperset(targets):
            break
    return found


def every_figure(text: str, line: re.Pattern[str]) -> tuple[float, ...]:
    """The figures of all lines that a metric's pattern matches: the official checker holds each of them against the target."""
    return tuple(float(found) for found in _matched(text, line) if _number(found))


def no_figures(text: str, line: re.Pattern[str]) -> tuple[str, ...]:
    """What a metric's pattern matches and is no number (``1.2.3``): the official checker fails there."""
    return tuple(found for found in _matched(text, line) if not _number(found))


def _matched(text: str, line: re.Pattern[str]) -> Iterable[str]:
    return (match.group(1) for match in map(line.match, lines_of(text)) if match)


def _number(found: str) -> bool:
    return found.count(".") <= 1 and bool(found.strip("."))
