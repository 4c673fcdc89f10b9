"""DICE of kidney and tumour over the KiTS19 cases (3d-unet).

A response is the class of each voxel, 0 to 2, in the shape of the case's segmentation (row-major, uint8 unless
``--dtype`` says otherwise). A case's score is the mean of both classes; the figure is the mean over the cases, with
the 1e-6 of smoothing and the line of MLCommons' accuracy_kits.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.accuracy.arrays import FAULTS, read_array
from mlperf_bake.accuracy.libraries import library
from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KIDNEY: Final = 1
TUMOUR: Final = 2
_SMOOTHING: Final = 1e-6
_ORDER: Final = "inference_cases.json"
_FILES: Final = ("segmentation.nii.gz", "segmentation.nii", "segmentation.npy")


def measure(log: Path, given: Given) -> Measured:
    """The mean DICE of a log against a directory of cases.

    The directory (or its ``nifti``) holds ``CASE/segmentation.nii.gz`` (or .nii, .npy); inference_cases.json in it may
    list the cases in the order of the samples, else it is that of their names.

    Raises:
        UsageError: no such directory, or a log whose responses do not fit the cases.
    """
    truth = given.path()
    cases = _cases(truth)
    answers = given.answers(log, len(cases), f"cases of {truth}")
    dtype = given.dtype or "uint8"
    scores: list[tuple[float, float]] = []
    for answer in answers:
        target = _segmentation(cases[answer.qsl_idx])
        predicted = numbers(answer, dtype, log, rows=target.size)
        scores.append((dice(predicted, target, KIDNEY), dice(predicted, target, TUMOUR)))
    kidney = sum(one for one, _ in scores) / len(scores)
    tumour = sum(two for _, two in scores) / len(scores)
    means = [(one + two) / 2 for one, two in scores]
    mean = sum(means) / len(means)
    return Measured(
        samples=answers.count,
        figures={"DICE": mean},
        line=f"Accuracy: mean = {mean:.5f}, kidney = {kidney:.4f}, tumor = {tumour:.4f}",
        intervals=known(DICE=mean_interval(means)),
        repeated=answers.repeated,
        also={"kidney": kidney, "tumour": tumour},
    )


def dice(predicted: NDArray[np.generic], target: NDArray[np.generic], label: int) -> float:
    """Twice the common voxels of a class by the sum of both; 1 where neither has one."""
    import numpy as np

    ours, theirs = predicted == label, target == label
    common = int(np.count_nonzero(ours & theirs))
    both = int(np.count_nonzero(ours)) + int(np.count_nonzero(theirs))
    return (2 * common + _SMOOTHING) / (both + _SMOOTHING)


def _cases(truth: Path) -> list[Path]:
    root = truth / "nifti" if (truth / "nifti").is_dir() else truth
    order = truth / _ORDER
    try:
        if order.is_file():
            names = json.loads(order.read_text(encoding="utf-8"))
        else:
            names = sorted(child.name for child in root.iterdir() if child.is_dir())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("the cases cannot be read", where=str(truth), found=reason(error)) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        expected = f"CASE/{_FILES[0]} below it, or {_ORDER} with the list of cases"
        raise UsageError("no cases", where=str(truth), found=str(names)[:80], expected=expected)
    return [_file(root / name) for name in names]


def _file(case: Path) -> Path:
    for name in _FILES:
        if (case / name).is_file():
            return case / name
    raise UsageError("a case has no segmentation", where=str(case), expected=" or ".join(_FILES))


def _segmentation(path: Path) -> NDArray[Any]:
    import numpy as np

    try:
        volume = read_array(path) if path.suffix == ".npy" else _nifti(path)
        values = volume.astype(np.uint8).reshape(-1)
    except FAULTS as error:
        found = f"{type(error).__name__}: {error}"[:200]
        raise UsageError("the segmentation cannot be read", where=str(path), found=found) from error
    if values.size == 0 or values.max() > TUMOUR:
        raise UsageError("no segmentation", where=str(path), expected="classes 0, 1 (kidney), 2 (tumour)")
    return values


def _nifti(path: Path) -> NDArray[Any]:
    import numpy as np

    nibabel = library("nibabel", "reading NIfTI segmentations")
    try:
        return np.asarray(nibabel.load(str(path)).dataobj)
    except nibabel.filebasedimages.ImageFileError as error:
        raise ValueError(str(error)) from error
