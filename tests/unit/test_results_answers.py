"""The first answer of each sample counts; missing, foreign and doubled answers are refused with their line."""

import tracemalloc
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.results.answers import Answers
from tests.support.accuracy_logs import log_text, write_answers, write_log


def test_each_sample_comes_once_in_file_order(tmp_path: Path) -> None:
    answers = Answers(write_log(tmp_path, [b"\0", b"\1", b"\2"]), 3, "samples")
    assert [(answer.qsl_idx, answer.data, answer.line) for answer in answers] == [
        (2, b"\2", 2),
        (1, b"\1", 3),
        (0, b"\0", 4),
    ]
    assert answers.repeated == 0


def test_a_padded_last_query_counts_its_samples_once(tmp_path: Path) -> None:
    log = write_answers(tmp_path, [(0, b"\1"), (1, b"\2"), (0, b"\3")])
    answers = Answers(log, 2, "samples")
    assert [answer.data for answer in answers] == [b"\1", b"\2"]
    assert answers.repeated == 1


def test_an_entry_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = log_text([(0, b"\1"), (1, b"\2")]).splitlines()
    path = tmp_path / "log"
    path.write_text("\n".join([*lines[:2], lines[1], *lines[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        list(Answers(path, 2, "samples"))
    assert raised.value.where == f"{path}:3"
    assert raised.value.found == "seq_id 0 of sample 0 again"


def test_a_sample_that_does_not_exist_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_answers(tmp_path, [(0, b"\1"), (7, b"\2")])
    with pytest.raises(UsageError) as raised:
        list(Answers(path, 2, "pictures"))
    assert raised.value.where == f"{path}:3"
    assert (raised.value.found, raised.value.expected) == ("sample 7", "samples 0 to 1: pictures")


def test_a_sample_without_an_answer_is_named(tmp_path: Path) -> None:
    path = write_answers(tmp_path, [(0, b"\1"), (2, b"\2")])
    with pytest.raises(UsageError) as raised:
        list(Answers(path, 4, "pictures"))
    assert raised.value.found == "2 of 4 samples; sample 1 is the first without"


def test_memory_is_one_response_and_eight_bytes_a_sample(tmp_path: Path) -> None:
    count, size = 200, 100_000
    path = tmp_path / "log"
    with path.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for number in range(count):
            end = "," if number < count - 1 else "\n]"
            file.write(f'{{ "seq_id" : {number}, "qsl_idx" : {number}, "data" : "{"AB" * size}" }}{end}\n')
    assert path.stat().st_size > 40_000_000
    tracemalloc.start()
    try:
        assert sum(len(answer.data) for answer in Answers(path, count, "pictures")) == count * size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
