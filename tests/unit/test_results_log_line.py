"""A line of a detail log means the same whichever way it is read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.results import log_line
from mlperf_bake.results.log_line import BadLine, Line, read_line

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "inference_results_v5.1"
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.lists(st.integers(0, 9999), max_size=5)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=3)
)


def text(value: object, **changes: object) -> str:
    """A line as LoadGen spells it: lists without spaces."""
    spelt = json.dumps(value, separators=(",", ":")) if isinstance(value, list) else json.dumps(value)
    marks = {
        "is_error": False,
        "is_warning": False,
        "file": "a/b.cc",
        "line_no": 7,
        "pid": 12,
        "tid": 34,
    } | changes
    return (
        f':::MLLOG {{"key": "some_key", "value": {spelt}, "time_ms": 12.250000, "namespace": "mlperf::logging", '
        f'"event_type": "POINT_IN_TIME", "metadata": {json.dumps(marks)}}}\n'
    )


def slowly(data: bytes) -> Line | str | None:
    try:
        return log_line._read_json(data)
    except BadLine as fault:
        return f"refused: {fault}"


def either_way(data: bytes) -> Line | str | None:
    try:
        return read_line(data)
    except BadLine as fault:
        return f"refused: {fault}"


def test_a_line_of_the_usual_shape_is_taken_apart_by_the_expression() -> None:
    for value in (0, -5, 1.5, 1e-7, "6.0.17 @ d6147c7eb7", "", True, False, [1, 20, 0]):
        data = text(value).encode()
        assert log_line._PLAIN.fullmatch(data), value
        line = read_line(data)
        assert line is not None
        assert (line.key, line.elapsed_ms, line.process) == ("some_key", 12.25, 12)
        assert line.value == (None if isinstance(value, list) else value)


@given(VALUES, st.booleans(), st.booleans())
def test_both_ways_read_the_same(value: object, error: bool, warning: bool) -> None:
    data = text(value, is_error=error, is_warning=warning).encode()
    assert either_way(data) == slowly(data)


@given(st.data())
def test_both_ways_read_the_same_of_a_changed_line(data: st.DataObject) -> None:
    changed = bytearray(text(data.draw(VALUES)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + 1] = data.draw(
            st.sampled_from([b"", b"0", b"e", b'"', b"\\", b",", b"]", b" ", b"\xff", b"-"])
        )
    assert either_way(bytes(changed)) == slowly(bytes(changed))


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published v5.1 results are not here")
def test_both_ways_read_the_same_of_real_logs() -> None:
    plain = every = 0
    for path in PUBLISHED.rglob("mlperf_log_detail.txt"):
        for data in path.read_bytes().splitlines(keepends=True):
            assert read_line(data) == log_line._read_json(data)
            plain += log_line._PLAIN.fullmatch(data) is not None
            every += 1
    assert plain > 0.95 * every


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"hello\n", "does not start with"),
        (b"\xff\n", "not UTF-8"),
        (b':::MLLOG {"key": "x", "value": NaN}\n', "NaN is not a number"),
        (b":::MLLOG [1]\n", "no key and value"),
        (b":::MLLOG " + b"[" * 20_000, "not valid JSON"),
    ],
)
def test_a_line_that_is_none_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(BadLine, match=words):
        read_line(data)


def test_an_empty_line_says_nothing() -> None:
    assert read_line(b"\n") is read_line(b"  \r\n") is None
