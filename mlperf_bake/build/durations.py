"""How long builds took, from a journal: what shards are weighted by and disk estimates are told beside."""

from collections.abc import Iterable
from pathlib import Path

from mlperf_bake.build.journal import Entry, Journal
from mlperf_bake.errors import UsageError

REMEMBERED = 5


def durations(entries: Iterable[Entry]) -> dict[str, float]:
    """Cell id to seconds: the longest of its last five builds, since one whose steps were cached says nothing of a
    machine without that cache."""
    taken: dict[str, list[float]] = {}
    for entry in entries:
        if entry.what == "built" and entry.seconds > 0:
            taken.setdefault(entry.cell, []).append(entry.seconds)
    return {cell: max(seconds[-REMEMBERED:]) for cell, seconds in taken.items()}


def read_durations(path: Path) -> dict[str, float]:
    """The durations in a journal that the user names.

    Errors:
        UsageError: there is no such file, or nothing in it says how long a build took.
    """
    found = durations(Journal(path).entries()) if path.is_file() else {}
    if not found:
        raise UsageError(
            "the journal says of no build how long it took",
            where=str(path),
            found="no such file" if not path.is_file() else "no line of a finished build",
            expected="a copy of .mlperf-bake/journal.jsonl, the same one for every shard",
            remedy="leave --durations out: every cell then counts the same",
        )
    return found
