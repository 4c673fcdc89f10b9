"""The append-only journal."""

from pathlib import Path

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
    path.write_text('[1]\n{"what": "built"}\nnull\n\n"x"\n', encoding="utf-8")
    Journal(path).append(entry("a"))
    assert [one.cell for one in Journal(path).entries()] == ["a"]
