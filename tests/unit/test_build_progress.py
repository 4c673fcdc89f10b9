"""buildx's raw progress as events."""

import base64
import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.build.progress import (
    Event,
    ProgressReader,
    Remark,
    Step,
    StepFinished,
    StepOutput,
    StepStarted,
    parse_step,
)

NAME = "[harness 3/5] RUN make"
STEP = Step("sha256:1", "harness", "3/5", "RUN make")
STARTED = {"digest": "sha256:1", "name": NAME, "started": "2026-11-22T09:16:30.500000000Z"}
COMPLETED = {**STARTED, "completed": "2026-11-22T09:16:32.750123456Z"}


def read(lines: Iterable[str]) -> list[Event]:
    reader = ProgressReader()
    return [event for line in lines for event in reader.feed(line)] + list(reader.close())


def indented(*objects: object) -> list[str]:
    return [line for one in objects for line in json.dumps(one, indent=2).splitlines()]


def output(text: bytes) -> dict[str, object]:
    return {"logs": [{"vertex": "sha256:1", "stream": 1, "data": base64.b64encode(text).decode()}]}


def test_a_step_starts_speaks_and_ends() -> None:
    events = read(
        indented(
            {"vertexes": [{"digest": "sha256:1", "name": NAME}]},
            {"vertexes": [STARTED]},
            output(b"one\ntw"),
            output(b"o\nthree"),
            {"vertexes": [COMPLETED]},
        )
    )
    assert events == [
        StepStarted(STEP),
        StepOutput(STEP, "one"),
        StepOutput(STEP, "two"),
        StepFinished(STEP, 2.250123, False, ""),
        StepOutput(STEP, "three"),
    ]


def test_one_object_a_line_is_read_as_well_as_indented_ones() -> None:
    objects = [{"vertexes": [STARTED]}, {"vertexes": [{**COMPLETED, "cached": True}]}]
    assert read(json.dumps(one) for one in objects) == read(indented(*objects))


def test_a_failing_step_and_a_cancelled_one_are_told_apart() -> None:
    error = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'
    events = read(indented({"vertexes": [{**COMPLETED, "error": error}]}))
    cancelled = read(indented({"vertexes": [{**COMPLETED, "error": f"{error}: context canceled"}]}))
    assert [event.cancelled for event in [*events, *cancelled] if isinstance(event, StepFinished)] == [
        False,
        True,
    ]


def test_each_start_has_one_end_however_often_a_step_is_looked_up() -> None:
    cached = {**COMPLETED, "cached": True}
    events = read(
        indented(*({"vertexes": [one]} for one in (STARTED, STARTED, cached, cached, STARTED, COMPLETED)))
    )
    assert [type(event) for event in events] == [StepStarted, StepFinished, StepStarted, StepFinished]


def test_a_progress_bar_leaves_its_last_state() -> None:
    events = read(indented({"vertexes": [STARTED]}, output(b"10%\r50%\r100%\r\n")))
    assert events[-1] == StepOutput(STEP, "100%")


def test_everything_outside_of_json_is_a_remark() -> None:
    lines = [
        "WARNING: something",
        "",
        "Dockerfile:5",
        "   5 | >>> RUN x",
        "{not json}",
        "ERROR: failed to solve",
    ]
    assert [event.line for event in read(lines) if isinstance(event, Remark)] == [
        line for line in lines if line
    ]


def test_an_object_that_is_cut_off_is_not_lost() -> None:
    assert read(["{", '  "vertexes": [']) == [Remark("{"), Remark('  "vertexes": [')]


@pytest.mark.parametrize(
    ("name", "stage", "position", "text"),
    [
        (NAME, "harness", "3/5", "RUN make"),
        ("[linux/arm64 harness 3/5] RUN make", "harness", "3/5", "RUN make"),
        ("[target linux/arm64 harness 3/5] RUN make", "harness", "3/5", "RUN make"),
        ("[stage-4 2/3] COPY a b", "final", "2/3", "COPY a b"),
        ("[linux/arm64 2/3] COPY a b", "final", "2/3", "COPY a b"),
        ("[internal] load build definition", "", "", "[internal] load build definition"),
        ("exporting to image", "", "", "exporting to image"),
        ("[a 1/1] RUN <<E (x\n  y)", "a", "1/1", "RUN <<E (x y)"),
    ],
)
def test_a_vertex_name_is_taken_apart(name: str, stage: str, position: str, text: str) -> None:
    assert parse_step("d", name) == Step("d", stage, position, text)


@given(st.lists(st.text(max_size=30), max_size=20))
def test_no_line_is_an_error(lines: list[str]) -> None:
    read(lines)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["vertexes", "logs", "digest", "data", "vertex", "started"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_is_an_error(value: object) -> None:
    read([json.dumps(value)])
    read(indented(value))
