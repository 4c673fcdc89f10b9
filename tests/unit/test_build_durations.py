"""How long builds took, read from a journal."""

from pathlib import Path

import pytest

from mlperf_bake.build.durations import durations, read_durations
from mlperf_bake.build.journal import Entry, Journal, What
from mlperf_bake.errors import UsageError


def entry(cell: str, seconds: float, what: What = "built") -> Entry:
    return Entry("2026-11-22T09:15:00+00:00", what, cell, "linux/amd64", "sha256:aa", seconds=seconds)


def test_the_longest_of_the_last_five_builds_counts() -> None:
    entries = [entry("a", seconds) for seconds in (900.0, 3.0, 60.0, 2.0, 50.0, 0.5)]
    entries += [entry("b", 7.0), entry("b", 99.0, "failed"), entry("c", 99.0, "interrupted")]
    assert durations(entries) == {"a": 60.0, "b": 7.0}


def test_a_journal_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with pytest.raises(UsageError) as caught:
        read_durations(path)
    assert caught.value.found == "no such file"
    Journal(path).append(entry("a", 9.0, "failed"))
    with pytest.raises(UsageError, match="how long it took"):
        read_durations(path)
    Journal(path).append(entry("a", 9.0))
    assert read_durations(path) == {"a": 9.0}
