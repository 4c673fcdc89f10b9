"""Plain lines and the live table."""

import io
from pathlib import Path

from rich.console import Console

from mlperf_bake.build.failures import explain_failure
from mlperf_bake.build.progress import Remark, Sending, Step, StepFinished, StepOutput, StepStarted
from mlperf_bake.build.target import WAITING, TargetOutcome
from mlperf_bake.build.view import LiveView, PlainView, short_seconds
from mlperf_bake.plan.image import PlannedImage

IMAGE = PlannedImage("net", ("FROM base\n",), "D", "linux/amd64", "sha256:aa", (), ("net:aa",), (), (), ())
STEP = Step("d1", "harness", "3/5", "RUN make")
INTERNAL = Step("d2", "", "", "[internal] load .dockerignore")


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def outcome(image_id: str = "sha256:1", cached: bool = False) -> TargetOutcome:
    return TargetOutcome(IMAGE, image_id, 75.0, cached, (), False)


def test_waiting_for_another_build_is_told_at_once_and_again() -> None:
    said: list[str] = []
    clock = Clock()
    view = PlainView(said.append, 1, clock)
    view.started(IMAGE)
    view.event(IMAGE, Remark(WAITING))
    clock.now += 11
    view.tick()
    assert said[1:] == [f"  {WAITING}", f"  still at it: {WAITING}"]
    view.event(IMAGE, Remark("WARN: something of buildx's own"))
    assert len(said) == 3


def test_why_a_push_takes_long_is_told() -> None:
    said: list[str] = []
    clock = Clock()
    view = PlainView(said.append, 1, clock)
    view.started(IMAGE)
    view.event(IMAGE, Sending("registry.example: Connection refused; once more in 8 s (4 of 5)"))
    clock.now += 11
    view.tick()
    assert said[1:] == ["  still at it: registry.example: Connection refused; once more in 8 s (4 of 5)"]


def test_steps_are_told_as_they_start_and_end_and_internal_ones_are_not() -> None:
    said: list[str] = []
    view = PlainView(said.append, 2, Clock())
    view.started(IMAGE)
    for event in (StepStarted(INTERNAL), StepFinished(INTERNAL, 0.1, False, ""), StepStarted(STEP)):
        view.event(IMAGE, event)
    view.event(IMAGE, StepFinished(STEP, 12.0, False, ""))
    view.ended(outcome(), None)
    assert said == [
        "net: building (linux/amd64)",
        "net: harness 3/5: RUN make",
        "net: harness 3/5: done in 12 s",
        "net: built after 1 min 15 s (1 of 2)",
    ]


def test_a_step_that_buildkit_begins_anew_is_told_once() -> None:
    said: list[str] = []
    view = PlainView(said.append, 1, Clock())
    view.started(IMAGE)
    for event in (
        StepStarted(STEP),
        StepStarted(STEP),
        StepFinished(STEP, 2.0, False, ""),
        StepStarted(STEP),
    ):
        view.event(IMAGE, event)
    assert said[1:] == ["  harness 3/5: RUN make", "  harness 3/5: done in 2.0 s"]


def test_short_steps_copies_and_mounts_are_left_to_the_log() -> None:
    said: list[str] = []
    view = PlainView(said.append, 1, Clock())
    view.started(IMAGE)
    fetch = Step(
        "d3", "wheels", "1/1", "RUN --mount=type=secret,id=ca --mount=type=secret,id=pip fetch-pypi /wheels"
    )
    for event in (
        StepStarted(Step("d4", "harness", "1/5", "COPY harness/src/ /src/")),
        StepStarted(fetch),
        StepFinished(fetch, 0.3, False, ""),
    ):
        view.event(IMAGE, event)
    assert said[1:] == ["  wheels 1/1: RUN fetch-pypi /wheels"]


def test_a_long_step_is_heard_of_every_ten_seconds() -> None:
    said: list[str] = []
    clock = Clock()
    view = PlainView(said.append, 1, clock)
    view.started(IMAGE)
    view.event(IMAGE, StepStarted(STEP))
    view.event(IMAGE, StepOutput(STEP, "[ 40%] Building core.cc"))
    for _ in range(100):
        clock.now += 0.25
        view.tick()
    assert said[2:] == [
        "  still at harness 3/5 10 s: [ 40%] Building core.cc",
        "  still at harness 3/5 20 s: [ 40%] Building core.cc",
    ]


def test_a_failure_is_told_with_its_stage() -> None:
    said: list[str] = []
    view = PlainView(said.append, 1, Clock())
    view.started(IMAGE)
    failure = explain_failure("net", "D", [StepFinished(STEP, 1.0, False, "exit code: 1")], Path("l"), None)
    view.ended(outcome(""), failure)
    assert said[-1] == "net: FAILED at harness 3/5 after 1 min 15 s (1 of 1)"


def test_the_live_table_shows_cell_step_time_and_last_line() -> None:
    clock = Clock()
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    view = LiveView(console, 3, clock)
    view.started(IMAGE)
    view.event(IMAGE, StepStarted(STEP))
    view.event(IMAGE, StepOutput(STEP, "compiling [bold]core.cc"))
    clock.now += 65
    with console.capture() as captured:
        console.print(view.render())
    text = captured.get()
    assert "0 of 3 done, 1 min 05 s" in text
    assert "harness 3/5" in text
    assert "compiling [bold]core.cc" in text, "what a build says is not markup"


def test_seconds_are_short() -> None:
    assert [short_seconds(value) for value in (0.04, 9.94, 12.4, 59.4, 60, 3725)] == [
        "0.0 s",
        "9.9 s",
        "12 s",
        "59 s",
        "1 min 00 s",
        "62 min 05 s",
    ]
