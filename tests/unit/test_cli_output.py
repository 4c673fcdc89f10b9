"""Tables and sentences on a terminal of any width: never broken within a word."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.cli import output
from mlperf_bake.cli.output import counted, note_failure, print_pairs, print_prose, print_table, table_lines

HEADER = ("CELL", "STATE", "WHY")
ROWS = [("net-cpp-cpu", "build", "templates/net.j2 has changed since"), ("other", "up to date", "")]
WORDS = st.text(alphabet="abcdefgh", min_size=1, max_size=12)


@given(
    st.lists(st.tuples(WORDS, WORDS, st.lists(WORDS, max_size=9).map(" ".join)), max_size=4),
    st.integers(10, 70),
)
def test_no_line_is_longer_than_the_terminal_or_than_its_longest_word(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    lines = table_lines(HEADER, rows, width)
    for line in lines:
        assert len(line.rstrip()) <= width or len(line.split()) == 1
    words = [word for row in (HEADER, *rows) for cell in row for word in cell.split()]
    assert [word for line in lines for word in line.split()] != [] and sorted(
        word for line in lines for word in line.split()
    ) == sorted(words)


def test_a_wide_terminal_and_a_pipe_get_one_line_a_row() -> None:
    assert table_lines(HEADER, ROWS, None) == table_lines(HEADER, ROWS, 100)
    assert len(table_lines(HEADER, ROWS, None)) == 3


def test_a_long_last_column_is_folded_below_itself() -> None:
    lines = table_lines(HEADER, ROWS, 50)
    assert lines[1:3] == [
        "net-cpp-cpu  build       templates/net.j2 has",
        "                         changed since",
    ]


def test_a_row_without_room_goes_on_below_its_first_cell() -> None:
    assert table_lines(HEADER, ROWS[:1], 30)[2:] == [
        "net-cpp-cpu",
        "  build  templates/net.j2 has",
        "  changed since",
    ]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_width", lambda stream: 30)


@pytest.mark.usefixtures("terminal")
def test_the_least_important_columns_go_first_and_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        ("CELL", "DIVISION", "STATE", "SEEN"),
        [("net-cpp-onnx-cpu", "open", "built", "-")],
        ("SEEN", "DIVISION"),
    )
    said = capsys.readouterr()
    assert said.out.splitlines() == ["CELL              STATE", "net-cpp-onnx-cpu  built"]
    assert "DIVISION, SEEN" in " ".join(said.err.split())


@pytest.mark.usefixtures("terminal")
def test_a_command_in_a_sentence_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_prose("Everything is well here, and `git log --oneline -5` says why.")
    assert "`git log --oneline -5`" in capsys.readouterr().out.splitlines()[1]


@pytest.mark.usefixtures("terminal")
def test_a_text_without_room_beside_its_label_stands_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("cell", "net-cpp"), ("result", "results/20261122T091500Z-offline")])
    assert capsys.readouterr().out.splitlines() == [
        "cell    net-cpp",
        "result",
        "  results/20261122T091500Z-offline",
    ]


@pytest.mark.usefixtures("terminal")
def test_a_label_of_several_pairs_stands_once_above_them(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [f"results/2026112{day}T091500Z-offline" for day in range(3)]
    print_pairs([("result", run) for run in runs])
    assert capsys.readouterr().out.splitlines() == ["result", *(f"  {run}" for run in runs)]


@pytest.mark.usefixtures("terminal")
def test_a_text_that_is_no_name_is_folded_below_its_label(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("took", "plan 0 s, build 12 s, run 40 s, check 1 s")], folded=("took",))
    first, *below = capsys.readouterr().out.splitlines()
    assert first == "took" and len(below) > 1
    assert " ".join(line.strip() for line in below) == "plan 0 s, build 12 s, run 40 s, check 1 s"


def test_a_sentence_is_not_held_back_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(behind)))
    print_prose("run: 437 of 105,171 samples")
    assert behind.getvalue() == b"run: 437 of 105,171 samples\n"


def test_one_of_a_kind_is_not_several() -> None:
    assert [counted(count, "cell") for count in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]


FAILURE = """mlperf-bake: matrix.yaml: a sentence of so many words that no narrow terminal has them on one line
  found:    model bert-99, implementation tflite or model bert-99, framework tflite, which is long
  expected: model bert-99 needs framework onnxruntime: its weights are ONNX and nothing else
            framework tflite needs model efficientnet-lite0: only this has been converted for it
  remedy:   mlperf-bake run TARGET --scenario Offline --data sample --results ./results --mode accuracy
            docker run --rm --network=none --volume res:/results --entrypoint rm IMAGE -r /results/it"""


def test_a_failure_is_folded_below_its_labels_and_its_commands_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "_width", lambda stream: 60)
    note_failure(FAILURE)
    said = capsys.readouterr().err.splitlines()
    told, commands = said[:-2], said[-2:]
    assert commands == FAILURE.splitlines()[-2:], "what may be pasted stays on its line"
    assert max(map(len, told)) <= 60 < max(map(len, FAILURE.splitlines()[:-2]))
    assert " ".join(" ".join(told).split()) == " ".join(" ".join(FAILURE.splitlines()[:-2]).split())
    assert told[1].startswith("  ") and any(line.startswith(" " * 12 + "framework") for line in told)


def test_a_failure_through_a_pipe_is_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    note_failure(FAILURE)
    assert capsys.readouterr().err == FAILURE + "\n"


def test_a_failure_sends_the_terminal_nothing_that_steers_it(capsys: pytest.CaptureFixture[str]) -> None:
    note_failure(
        "mlperf-bake: a\x1b]0;title\x07b\x9b31m: no results\n  found:    a\tb\n  remedy:   rm 'a\x1b'"
    )
    said = capsys.readouterr().err
    assert (
        said
        == "mlperf-bake: a\\x1b]0;title\\x07b\\x9b31m: no results\n  found:    a\tb\n  remedy:   rm 'a\\x1b'\n"
    )
