"""The append-only journal."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from mlperf_bake.build.journal import Entry, Journal


def entry(cell: str, what: str = "built") -> Entry:
    return Entry("2026-11-22T09:15:00+00:00", what, cell, "linux/amd64", "sha256:aa")  # type: ignore[arg-type]


def test_entries_come_back_in_order_and_the_last_of_each_cell_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / "journal.jsonl")
    assert journal.entries() == ()
    for one in (entry("a", "started"), entry("b"), entry("a", "failed")):
        journal.append(one)
    assert [(one.cell, one.what) for one in journal.entries()] == [
        ("a", "started"),
        ("b", "built"),
        ("a", "failed"),
    ]
    assert journal.last()["a"].what == "failed"


def test_a_line_cut_anywhere_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append(entry("a"))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole + whole[:length])
        journal.append(entry("b"))
        kept = [one.cell for one in journal.entries()]
        assert kept == ["a", "b"] or (length == len(whole) - 1 and kept == ["a", "a", "b"])


def test_lines_of_another_shape_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('[1]\n{"what": "built"}\nnull\n\n"x"\n' + "[" * 100_000 + "\n", encoding="utf-8")
    Journal(path).append(entry("a"))
    assert [one.cell for one in Journal(path).entries()] == ["a"]


def test_what_another_version_adds_to_a_line_costs_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps({**asdict(entry("a")), "builder": "remote"}) + "\n", encoding="utf-8")
    assert Journal(path).entries() == (entry("a"),)


@pytest.mark.parametrize(
    ("key", "value"),
    [("seconds", "9"), ("seconds", None), ("seconds", float("inf")), ("size", "9"), ("cell", ["a"])],
)
def test_a_line_with_a_value_of_another_kind_is_passed_over(key: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(json.dumps({**asdict(entry("b")), key: value}) + "\n", encoding="utf-8")
    Journal(path).append(entry("a"))
    assert [one.cell for one in Journal(path).entries()] == ["a"]
