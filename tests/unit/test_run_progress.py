"""The harness's lines as events, and how far a run is."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mlperf_bake.run.progress import Done, LineReader, Phase, Progress, Said, parse_line
from mlperf_bake.run.view import LiveRunView, PlainRunView, progress_text


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"event":"phase","phase":"warm-up"}', Phase("warm-up")),
        (
            '{"event":"progress","samples":5,"expected":null,"elapsed_s":1.5,"minimum_s":600}',
            Progress(5, None, 1.5, 600.0),
        ),
        ('{"event":"done","run":"r","status":"finished","validity":"VALID"}', Done("r", "finished", "VALID")),
        ('{"event":"done","run":"r","status":"interrupted","validity":null}', Done("r", "interrupted", "")),
        ("hello", Said("hello")),
        ('{"event":"new"}', Said('{"event":"new"}')),
        ('{"event":"progress","samples":"5"}', Said('{"event":"progress","samples":"5"}')),
        ("{broken", Said("{broken")),
    ],
)
def test_lines_of_the_contract_are_events_and_all_others_are_said(line: str, event: object) -> None:
    assert parse_line(line) == event


@given(st.text(max_size=200))
def test_no_line_is_an_error(line: str) -> None:
    parse_line(line)


@given(st.lists(st.text(alphabet="ab é{", max_size=10), max_size=10), st.integers(1, 7))
def test_lines_come_whole_however_the_bytes_are_cut(lines: list[str], size: int) -> None:
    data = "\n".join(lines).encode()
    reader = LineReader()
    got = [line for start in range(0, len(data), size) for line in reader.feed(data[start : start + size])]
    got += reader.close()
    wanted = lines[:-1] + [line for line in lines[-1:] if line]
    assert got == wanted


def test_the_slower_of_samples_and_minimum_duration_decides() -> None:
    assert Progress(50, 100, 10.0, 100.0).fraction == 0.1
    assert Progress(5, 100, 50.0, 100.0).remaining_s == pytest.approx(950.0)
    assert Progress(5, None, 0.0, 0.0).remaining_s is None
    assert Progress(200, 100, 1.0, 0.0).fraction == 1.0
    assert Progress(2, None, 20.0, 1.0).remaining_s is None, "past the minimum only the harness knows"


def test_progress_is_told_with_what_is_known() -> None:
    assert progress_text(Progress(1200, 4800, 12.0, 0.0)) == "1,200 of 4,800 samples, 12 s, about 36 s left"
    assert progress_text(Progress(3, None, 0.0, 0.0)) == "3 samples, 0.0 s"


def test_a_run_that_loadgen_prolongs_says_so() -> None:
    prolonged = progress_text(Progress(300, None, 14.0, 10.0))
    assert prolonged == "300 samples, 14 s, over the 10 s asked for: LoadGen wants more queries"
    assert "LoadGen" not in progress_text(Progress(300, None, 9.0, 10.0))
    assert progress_text(Progress(300, 600, 14.0, 10.0)).endswith("300 of 600 samples, 14 s, about 14 s left")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_progress_fits_on_one_line_of_the_terminal(width: int) -> None:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    view = LiveRunView(console, "net Offline performance")
    view.event(Phase("running"))
    view.event(Progress(12_345, 67_890, 12.0, 60.0))
    view._bar.refresh()
    view.close()
    shown = [line for line in re.split(r"[\r\n]|\x1b\[[0-9?]*[A-Za-z]", text.getvalue()) if "12,345" in line]
    assert shown
    for line in shown:
        assert len(line.rstrip()) <= width
        assert "about 54 s left" in line


def test_plain_lines_come_at_most_every_ten_seconds_and_at_least_then() -> None:
    said: list[str] = []
    now = [0.0]
    view = PlainRunView(said.append, "net", lambda: now[0])
    view.event(Phase("run"))
    for second in range(25):
        now[0] = float(second)
        view.event(Progress(second, 100, float(second), 0.0))
        view.tick()
    assert said[:3] == ["net", "  run", "  run: 10 of 100 samples, 10 s, about 1 min 30 s left"]
    assert len(said) == 4
