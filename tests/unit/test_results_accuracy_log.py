"""The accuracy log is read in pieces; one that is cut, shortened or no log is refused with the entry reached."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import BakeError, UsageError
from mlperf_bake.results.accuracy_log import Response, read_responses
from tests.support.synthetic_runs import responses_text


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mlperf_log_accuracy.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_responses_arrive_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, responses_text([900, 387]))
    assert list(read_responses(path)) == [
        Response(0, 0, (900).to_bytes(8, "little")),
        Response(1, 1, (387).to_bytes(8, "little")),
    ]


def test_an_empty_log_of_a_performance_run_has_none(tmp_path: Path) -> None:
    assert list(read_responses(write(tmp_path, "[\n]\n"))) == []


def test_an_entry_longer_than_a_piece_is_whole(tmp_path: Path) -> None:
    data = "AB" * 200_000
    path = write(tmp_path, f'[\n{{ "seq_id" : 0, "qsl_idx" : 5, "data" : "{data}", "token_count": 7 }}\n]\n')
    (response,) = read_responses(path)
    assert response.data == b"\xab" * 200_000


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, responses_text([1] * 60_000))
    assert path.stat().st_size > 3_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_responses(path)) == 60_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.99])
def test_a_log_cut_in_the_middle_is_refused(tmp_path: Path, share: float) -> None:
    text = responses_text([1] * 50).rstrip()
    with pytest.raises(UsageError) as raised:
        list(read_responses(write(tmp_path, text[: int(len(text) * share)])))
    assert "whole entries before it" in str(raised.value.found)


def test_the_place_reached_is_told(tmp_path: Path) -> None:
    text = responses_text([1] * 50)
    damaged = text.replace('"qsl_idx" : 30,', '"qsl_idx" : 30;')
    with pytest.raises(UsageError) as raised:
        list(read_responses(write(tmp_path, damaged)))
    entry = damaged.splitlines().index(next(line for line in damaged.splitlines() if ";" in line))
    start = len("\n".join(damaged.splitlines()[:entry])) + 1
    assert raised.value.found == f"line {entry + 1}, character {start}: 30 whole entries before it"


def test_entries_know_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, responses_text([1] * 5_000))
    assert [response.line for response in read_responses(path)] == list(range(2, 5_002))


def test_a_log_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(responses_text([1]).encode("utf-16"))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_responses(path))


def test_a_log_shortened_for_a_submission_is_refused_as_such(tmp_path: Path) -> None:
    text = responses_text([1] * 500)
    path = write(tmp_path, text[:4096] + "\n\n...\n\n" + text[-4096:])
    with pytest.raises(UsageError, match="shortened for a submission"):
        list(read_responses(path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "[{}]",
        '[{"seq_id": 0, "qsl_idx": 0, "data": "xyz"}]',
        '[{"seq_id": 0, "qsl_idx": -1, "data": "00"}]',
        '[{"seq_id": -1, "qsl_idx": 0, "data": "00"}]',
        '[{"seq_id": 0, "qsl_idx": 18446744073709551616, "data": "00"}]',
        '[{"seq_id": ' + "9" * 400 + ', "qsl_idx": 0, "data": "00"}]',
        '[{"seq_id": ' + "9" * 5_000 + ', "qsl_idx": 0, "data": "00"}]',
        '[{"seq_id": 0, "qsl_idx": NaN, "data": "00"}]',
        '[{"seq_id": 0, "qsl_idx": 0, "qsl_idx": 1, "data": "00"}]',
        '[{"seq_id": true, "qsl_idx": 0, "data": "00"}]',
        '[{"seq_id": 0, "qsl_idx": 0, "data": "00"}] and more',
        '[{"a": ' + "[" * 5_000,
    ],
)
def test_what_is_no_accuracy_log_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        list(read_responses(write(tmp_path, text)))


@given(st.text(max_size=120))
def test_no_text_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.write_bytes(("[" + text).encode("utf-8", "surrogatepass"))
    try:
        list(read_responses(path))
    except BakeError as error:
        assert error.where == str(path)
