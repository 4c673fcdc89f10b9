"""DICE by hand, from NIfTI and from arrays."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.segmentation import KIDNEY, TUMOUR, dice, measure
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log

V61 = load_round("v6.1")
ONE = np.array([[[0, 1], [1, 2]]], np.uint8)
TWO = np.array([[[2, 2, 1]]], np.uint8)


def cases(directory: Path, *volumes: np.ndarray) -> Path:
    """Cases named in the reverse of their order."""
    names = [f"case_{99 - number:05}" for number in range(len(volumes))]
    for name, volume in zip(names, volumes, strict=True):
        (directory / "nifti" / name).mkdir(parents=True)
        image = nibabel.Nifti1Image(volume, np.eye(4))  # type: ignore[no-untyped-call]
        nibabel.save(image, directory / "nifti" / name / "segmentation.nii.gz")
    (directory / "inference_cases.json").write_text(json.dumps(names), encoding="utf-8")
    return directory


def test_two_cases_by_hand(tmp_path: Path) -> None:
    truth = cases(tmp_path, ONE, TWO)
    # First case: both kidney voxels found and one more, the tumour missed: 2*2/(3+2) and 0. Second: all right.
    log = write_log(tmp_path, [bytes([0, 1, 1, 1]), TWO.tobytes()])
    measured = measure(log, Given(truth))
    kidney, tumour = (0.8 + 1) / 2, (0 + 1) / 2
    assert measured.figures["DICE"] == pytest.approx((kidney + tumour) / 2, abs=1e-6)
    assert measured.line == "Accuracy: mean = 0.70000, kidney = 0.9000, tumor = 0.5000"
    assert read_back(measured.line, V61)["DICE"] == 0.7


def test_arrays_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, volume in (("case_00001", TWO), ("case_00000", ONE)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "segmentation.npy", volume)
    log = write_log(tmp_path, [ONE.tobytes(), TWO.tobytes()])
    assert measure(log, Given(tmp_path)).line == "Accuracy: mean = 1.00000, kidney = 1.0000, tumor = 1.0000"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_dice_is_that_of_the_sets(pairs: list[tuple[int, int]]) -> None:
    predicted, target = (np.array(side, np.uint8) for side in zip(*pairs, strict=True))
    for label in (KIDNEY, TUMOUR):
        ours = {place for place, (value, _) in enumerate(pairs) if value == label}
        theirs = {place for place, (_, value) in enumerate(pairs) if value == label}
        expected = 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours | theirs else 1
        assert dice(predicted, target, label) == pytest.approx(expected, abs=1e-5)


def test_another_shape_is_refused_with_its_line(tmp_path: Path) -> None:
    truth = cases(tmp_path, ONE)
    log = write_log(tmp_path, [bytes(3)])
    with pytest.raises(UsageError) as raised:
        measure(log, Given(truth))
    assert (raised.value.where, raised.value.expected) == (f"{log}:2", "4 bytes")


def test_what_are_no_cases_is_refused(tmp_path: Path) -> None:
    log = write_log(tmp_path, [bytes(4)])
    with pytest.raises(UsageError, match="cannot be read"):
        measure(log, Given(tmp_path / "absent"))
    (tmp_path / "cases" / "case_00000").mkdir(parents=True)
    with pytest.raises(UsageError, match="has no segmentation"):
        measure(log, Given(tmp_path / "cases"))
    np.save(tmp_path / "cases" / "case_00000" / "segmentation.npy", np.full((2, 2), 3, np.uint8))
    with pytest.raises(UsageError, match="no segmentation"):
        measure(log, Given(tmp_path / "cases"))
    (tmp_path / "cases" / "case_00000" / "segmentation.npy").unlink()
    (tmp_path / "cases" / "case_00000" / "segmentation.nii.gz").write_bytes(b"not NIfTI")
    with pytest.raises(UsageError, match="the segmentation cannot be read"):
        measure(log, Given(tmp_path / "cases"))
