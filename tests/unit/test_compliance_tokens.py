"""TEST06 to TEST09: tokens, accuracy in performance mode, entropy and lengths; a hand-computed case and tampered logs each."""

import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.accuracy.measured import Measured
from mlperf_bake.compliance.test08 import entropy
from mlperf_bake.compliance.verify import verify
from mlperf_bake.errors import UsageError
from tests.support.compliance_logs import evidence

TMP = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
END = 2


def tokens(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}i", *numbers)


def answer(sample: int, *numbers: int, **more: Any) -> tuple[int, bytes, dict[str, Any]]:
    said = {"token_count": len(numbers), "token_data": tokens(*numbers[:1]).hex()}
    return sample, tokens(*numbers), {**said, **more}


GOOD = [answer(0, 5, 6, 7, END), answer(1, 8, 9), answer(2, END), answer(3, END, END, 4)]


@pytest.mark.parametrize("scenario", ["Server", "Interactive"])
def test_answers_with_the_tokens_that_were_reported_pass(tmp_path: Path, scenario: str) -> None:
    found = verify(evidence(tmp_path, "TEST06", "llama2-70b-99.9", scenario=scenario, logged=GOOD))
    assert found.passed
    assert found.texts == {
        "verify_accuracy.txt": "First token check pass: True\nEOS check pass: True\n"
        "Sample length check pass: True\nTEST06 verification complete\n"
    }


def test_more_tokens_than_one_may_be_reported_first(tmp_path: Path) -> None:
    logged = [answer(0, 5, 6, 7, token_data=tokens(5, 6).hex())]
    assert verify(evidence(tmp_path, "TEST06", "llama2-70b-99.9", scenario="Server", logged=logged)).passed


def test_offline_reports_no_first_token(tmp_path: Path) -> None:
    logged = [answer(0, 5, 6, token_data=None)]
    found = verify(evidence(tmp_path, "TEST06", "llama2-70b-99.9", logged=logged))
    assert found.texts["verify_accuracy.txt"].startswith(
        "First token check pass: Skipped\nEOS check pass: True\n"
    )


@pytest.mark.parametrize(
    ("entry", "failed"),
    [
        (answer(9, 5, END, END), "EOS check pass"),
        (answer(9, END, END), "EOS check pass"),
        (answer(9, 5, 6, token_count=3), "Sample length check pass"),
        (answer(9, 5, 6, token_count=None), "Sample length check pass"),
        (
            (9, tokens(5, 6) + b"\x00", {"token_count": 2, "token_data": tokens(5).hex()}),
            "Sample length check pass",
        ),
        (answer(9, 5, 6, token_data=tokens(6).hex()), "First token check pass"),
        (answer(9, 5, 6, token_data=(tokens(5, 7)).hex()), "First token check pass"),
        (answer(9, 5, 6, token_data=None), "First token check pass"),
        (answer(9, 5, 6, token_data=""), "First token check pass"),
    ],
)
def test_one_answer_that_breaks_a_rule_fails_its_check_alone(tmp_path: Path, entry: Any, failed: str) -> None:
    found = verify(evidence(tmp_path, "TEST06", "llama2-70b-99.9", scenario="Server", logged=[*GOOD, entry]))
    lines = found.texts["verify_accuracy.txt"].splitlines()
    assert f"{failed}: False" in lines
    assert sum(line.endswith("False") for line in lines) == 1
    assert lines[-1] == "TEST06 verification failed"
    assert "1 of 5 answers" in found.reasons[0] and "sample 9 first" in found.reasons[0]


def test_a_system_that_reports_no_number_of_tokens_is_told_so(tmp_path: Path) -> None:
    logged = [(sample, tokens(5, 6)) for sample in range(3)]
    found = verify(evidence(tmp_path, "TEST06", "llama2-70b-99.9", logged=logged))
    assert "3 of them were logged without a number of tokens" in found.reasons[-1]


def test_no_answers_prove_nothing(tmp_path: Path) -> None:
    for test, benchmark in (("TEST06", "llama2-70b-99.9"), ("TEST08", "dlrm-v3"), ("TEST09", "gpt-oss-120b")):
        found = verify(evidence(tmp_path / test, test, benchmark, scenario="Server"))
        assert found.reasons == ("the run logged no answer",)
        assert "TEST PASS" not in "".join(found.texts.values())
        assert ": True" not in "".join(found.texts.values())


@pytest.mark.parametrize(
    ("figures", "passes"),
    [
        ({"exact_match": 60.698}, True),
        ({"exact_match": 60.697}, False),
        ({"exact_match": math.nan}, False),
        ({}, False),
    ],
)
def test_accuracy_in_performance_mode_has_a_target(
    tmp_path: Path, figures: dict[str, float], passes: bool
) -> None:
    one = evidence(tmp_path, "TEST07", "gpt-oss-120b", logged=[(0, b"")])
    found = verify(replace(one, measure=lambda log, only=None: Measured(1, figures, f"{figures}\n")))
    assert found.passed is passes
    assert found.texts["verify_accuracy.txt"].splitlines()[-1] == ("TEST PASS" if passes else "TEST FAIL")


def test_accuracy_in_performance_mode_needs_its_ground_truth(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"whose ground truth is missing(.|\n)*judge takes it as --truth PATH"
    ):
        verify(evidence(tmp_path, "TEST07", "gpt-oss-120b"))


def floats(*numbers: float) -> "np.typing.NDArray[np.float32]":
    return np.array(numbers, np.float32)


def ranked(time_stamp: int, query: int, said: list[float], true: list[float], weights: list[float]) -> bytes:
    return np.array([time_stamp, query, *said, *true, *weights, len(said)], "<f4").tobytes()


def performed(time_stamp: int, query: int, said: list[float]) -> bytes:
    return np.array([time_stamp, query, *said], "<f4").tobytes()


RANKED = [(0, ranked(7, 1, [0.9, 0.2], [1, 0], [1, 1])), (1, ranked(7, 2, [0.5, 0.5], [1, 1], [1, 2]))]


def test_entropy_is_that_of_a_case_by_hand() -> None:
    # Cross entropy -(ln 0.9 + ln 0.8); the mean label is 1/2, whose entropy is ln 2, for each of the two.
    found = entropy(floats(0.9, 0.2), floats(1, 0), floats(1, 1))
    assert found == pytest.approx(-(math.log(0.9) + math.log(0.8)) / (2 * math.log(2)), rel=1e-5)
    assert entropy(floats(0.9), floats(1), floats(0)) == 0


def test_queries_are_known_by_time_stamp_and_number_whatever_loadgen_calls_them(tmp_path: Path) -> None:
    logged = [(40, performed(7, 2, [0.5, 0.5])), (41, performed(7, 1, [0.9, 0.2]))]
    found = verify(evidence(tmp_path, "TEST08", "dlrm-v3", logged=logged, answers=RANKED))
    assert found.passed
    assert (
        "num_matched = 2\nnum_unmatched = 0\nnum_ne_mismatch = 0\ntolerance = 0.10%\nTEST PASS\n"
        in (found.texts["verify_accuracy.txt"])
    )


@pytest.mark.parametrize(("last", "passes"), [([0.9, 0.2], True), ([0.7, 0.2], False)])
def test_of_queries_answered_twice_in_the_accuracy_run_the_last_answer_counts(
    tmp_path: Path, last: list[float], passes: bool
) -> None:
    """As in MLCommons' script."""
    other = [0.7, 0.2] if passes else [0.9, 0.2]
    answers = [(number, ranked(7, 1, said, [1, 0], [1, 1])) for number, said in enumerate((other, last))]
    found = verify(
        evidence(tmp_path, "TEST08", "dlrm-v3", logged=[(40, performed(7, 1, [0.9, 0.2]))], answers=answers)
    )
    assert found.passed is passes
    assert (
        "num_acc_log_entries = 2\nnum_perf_log_entries = 1\nnum_matched = 1\n"
        in (found.texts["verify_accuracy.txt"])
    )


@pytest.mark.parametrize(
    ("logged", "says"),
    [
        ((40, performed(7, 1, [0.8, 0.2])), "the entropy of 1 of 1 answers is more than 0.1 % off"),
        ((40, performed(7, 1, [0.9])), "the entropy of 1 of 1 answers"),
        ((40, performed(8, 1, [0.9, 0.2])), "1 of 1 answers are to queries that the accuracy log lacks"),
    ],
)
def test_a_tampered_ranking_fails(tmp_path: Path, logged: tuple[int, bytes], says: str) -> None:
    found = verify(evidence(tmp_path, "TEST08", "dlrm-v3", logged=[logged], answers=RANKED))
    assert says in found.reasons[0]
    assert "TEST PASS" not in found.texts["verify_accuracy.txt"]


@pytest.mark.parametrize("data", [b"", b"\x00" * 8, b"\x00" * 9, b"\x00\x00\xc0\x7f" * 4])
def test_what_is_no_ranking_is_an_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match="none of dlrm-v3's"):
        verify(evidence(tmp_path, "TEST08", "dlrm-v3", logged=[(0, data)], answers=RANKED))


@TMP
@given(lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=12))
def test_the_mean_length_decides(tmp_path: Path, lengths: list[int]) -> None:
    logged = [(index, tokens(*([1] * length))) for index, length in enumerate(lengths)]
    found = verify(evidence(tmp_path, "TEST09", "gpt-oss-120b", logged=logged))
    mean = sum(lengths) / len(lengths)
    assert found.passed is (1150.38 <= mean <= 1406.02)
    text = found.texts["verify_output_len.txt"]
    assert f"Mean output tokens: {mean:.2f}\n" in text
    assert text.endswith("TEST PASS\n" if found.passed else "TEST FAIL\n")


def test_what_is_no_token_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no tokens"):
        verify(evidence(tmp_path, "TEST09", "gpt-oss-120b", logged=[(0, b"\x00\x01\x02")]))
