"""Lists that choose a part of a data set, as MLPerf's lists of calibration samples: a name or number a line."""

from collections.abc import Container
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import unreadable


def listed(only: Path, known: Container[str], what: str) -> list[str]:
    """The lines of a list, in its order.

    Args:
        known: every line that it may have.
        what: what its lines are, in words.

    Errors:
        UsageError: it cannot be read, is empty, or has a line that is not known or one twice.
    """
    try:
        lines = only.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable("the list cannot be read", only, error, expected="names, one a line") from error
    wrong = [line for line in lines if line not in known]
    if not lines or wrong or len(set(lines)) != len(lines):
        raise UsageError(
            f"no list of {what}",
            where=str(only),
            found=(wrong or ["one twice" if lines else "nothing"])[0][:80],
            expected=f"{what}, each once, one a line",
        )
    return lines
