"""TEST01: answers byte for byte, and by accuracy where a system is not deterministic."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.accuracy.measured import Given
from mlperf_bake.compliance.accuracies import Measure, measuring
from mlperf_bake.compliance.verify import verify
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.compliance_logs import evidence, performance

TMP = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def klass(value: int) -> bytes:
    return value.to_bytes(8, "little")


ANSWERS = [(index, klass(index * 7)) for index in range(50)]


def truth(directory: Path, classes: list[int]) -> Measure:
    """Top-1 against MLCommons' list of classes."""
    names = directory / "val_map.txt"
    names.write_text("".join(f"{index}.jpg {one}\n" for index, one in enumerate(classes)), encoding="utf-8")
    return measuring("resnet", Given(truth=names))


def test_answers_that_are_all_the_accuracy_runs_pass(tmp_path: Path) -> None:
    logged = [ANSWERS[3], ANSWERS[41], ANSWERS[3]]
    found = verify(evidence(tmp_path, "TEST01", "resnet", logged=logged, answers=ANSWERS))
    assert found.passed
    assert found.texts["verify_accuracy.txt"] == (
        "Answers of the performance run, compared with the accuracy run's.\n"
        "num_acc_log_entries = 50\nnum_acc_log_duplicate_keys = 0\nnum_perf_log_entries = 3\n"
        "num_perf_log_qsl_idx_match = 3\nnum_perf_log_data_mismatch = 0\nnum_missing_qsl_idxs = 0\nTEST PASS\n"
    )
    assert found.texts["verify_performance.txt"].splitlines()[-1] == "TEST PASS"
    assert set(found.texts) == {"verify_accuracy.txt", "verify_performance.txt"}


@TMP
@given(logged=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=80), data=st.data())
def test_any_changed_answer_fails(
    tmp_path: Path, logged: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    assert verify(evidence(tmp_path, "TEST01", "resnet", logged=logged, answers=ANSWERS)).passed
    at = data.draw(st.integers(0, len(logged) - 1))
    byte = data.draw(st.integers(0, 7))
    sample, answer = logged[at]
    changed = answer[:byte] + bytes([answer[byte] ^ 1]) + answer[byte + 1 :]
    tampered = [*logged[:at], (sample, changed), *logged[at + 1 :]]
    found = verify(evidence(tmp_path, "TEST01", "resnet", logged=tampered, answers=ANSWERS))
    assert not found.passed
    assert f"1 of {len(logged)} answers differ" in found.reasons[0]
    assert "TEST PASS" not in found.texts["verify_accuracy.txt"]


def test_a_sample_that_the_accuracy_log_lacks_fails_although_others_match(tmp_path: Path) -> None:
    logged = [ANSWERS[1], (60, klass(1))]
    found = verify(evidence(tmp_path, "TEST01", "resnet", logged=logged, answers=ANSWERS))
    assert found.reasons == ("1 of 2 answers are to samples that the accuracy log lacks",)


def test_a_run_that_logged_nothing_proves_nothing(tmp_path: Path) -> None:
    found = verify(evidence(tmp_path, "TEST01", "resnet", answers=ANSWERS))
    assert found.reasons == ("the run logged no answer",)


def test_of_an_accuracy_log_the_first_answer_of_a_sample_counts(tmp_path: Path) -> None:
    padded = [*ANSWERS, (3, klass(999))]
    assert verify(evidence(tmp_path, "TEST01", "resnet", logged=[ANSWERS[3]], answers=padded)).passed


@pytest.mark.parametrize(
    ("wrong_in_test", "passes"),
    # 99 of the 100 samples logged are right in the accuracy run; the round allows 1 %, and 99 / 98 is 1.02 % off.
    [(0, True), (1, False), (2, False)],
)
def test_a_system_that_is_not_deterministic_is_judged_by_both_accuracies(
    tmp_path: Path, wrong_in_test: int, passes: bool
) -> None:
    classes = [index % 10 for index in range(200)]
    answers = [(index, klass(classes[index] if index < 100 else 999)) for index in range(200)]
    logged = [
        (index, klass(classes[index] if index < 100 - wrong_in_test else 998)) for index in range(1, 101)
    ]
    one = evidence(
        tmp_path, "TEST01", "resnet", logged=logged, answers=answers, measure=truth(tmp_path, classes)
    )
    found = verify(one)
    assert found.passed is passes
    good = 99 - wrong_in_test
    assert found.texts["accuracy/baseline_accuracy.txt"] == "accuracy=99.000%, good=99, total=100\n"
    assert (
        found.texts["accuracy/compliance_accuracy.txt"] == f"accuracy={good:.3f}%, good={good}, total=100\n"
    )
    assert "TEST PASS" not in found.texts["verify_accuracy.txt"]
    told = (found.remarks or found.reasons)[0]
    assert f"acc over these samples is {good}, in the accuracy run 99" in told


def test_without_the_classes_other_answers_cannot_be_judged_by_accuracy(tmp_path: Path) -> None:
    found = verify(evidence(tmp_path, "TEST01", "resnet", logged=[(3, klass(0))], answers=ANSWERS))
    assert "without the ground truth (--data; judge: --truth)" in found.reasons[0]


def test_a_ground_truth_of_other_samples_is_told(tmp_path: Path) -> None:
    other = truth(tmp_path, [5] * 2)
    one = evidence(tmp_path, "TEST01", "resnet", logged=[(3, klass(9))], answers=ANSWERS, measure=other)
    assert "the accuracies cannot be measured" in verify(one).reasons[0]


def test_accuracies_of_nothing_prove_nothing(tmp_path: Path) -> None:
    wrong = truth(tmp_path, [5] * 50)
    one = evidence(tmp_path, "TEST01", "resnet", logged=[(3, klass(9))], answers=ANSWERS, measure=wrong)
    assert not verify(one).passed


def test_a_missing_accuracy_run_is_asked_for(tmp_path: Path) -> None:
    one = replace(evidence(tmp_path, "TEST01", "resnet", logged=[ANSWERS[0]]), accuracy=None)
    with pytest.raises(UsageError, match="TEST01 is judged beside the accuracy run") as caught:
        verify(one)
    assert caught.value.remedy is not None and "--mode accuracy" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", "[", '[{"seq_id": 0}]', '[{"seq_id": 0, "qsl_idx": 0, "data": "zz"}]', "{}"]
)
def test_a_damaged_log_is_an_error_with_its_name(tmp_path: Path, text: str) -> None:
    one = evidence(tmp_path, "TEST01", "resnet", logged=[ANSWERS[0]], answers=ANSWERS)
    (one.run / "mlperf_log_accuracy.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        verify(one)
    assert "mlperf_log_accuracy.json" in str(caught.value.where)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("effective_accuracy_log_sampling_target", 0),
        ("effective_accuracy_log_rng_seed", 1),
        ("effective_accuracy_log_rng_seed", None),
        ("effective_qsl_rng_seed", load_round("v5.1").seeds.qsl_rng_seed),
        ("effective_schedule_rng_seed", None),
    ],
)
def test_a_run_by_other_settings_than_the_audits_fails_whatever_it_answered(
    tmp_path: Path, key: str, value: object
) -> None:
    found = verify(
        evidence(tmp_path, "TEST01", "resnet", run={key: value}, logged=[ANSWERS[0]], answers=ANSWERS)
    )
    assert not found.passed
    assert key.removeprefix("effective_") in found.reasons[0]
    assert set(found.texts) == {"verify_accuracy.txt", "verify_performance.txt"}
    assert all("TEST FAIL" in text and "TEST PASS" not in text for text in found.texts.values())


def test_a_slow_run_fails_although_its_answers_are_right(tmp_path: Path) -> None:
    slow = performance(score=80.0)
    found = verify(evidence(tmp_path, "TEST01", "resnet", run=slow, logged=[ANSWERS[0]], answers=ANSWERS))
    assert found.reasons == ("the score is 80 % of the performance run's: more than 10 % off",)
    assert found.texts["verify_accuracy.txt"].endswith("TEST PASS\n")
    assert found.texts["verify_performance.txt"].endswith("TEST FAIL\n")
