"""CLIP and FID from features, by hand and against the general formula."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy import images
from mlperf_bake.accuracy.images import distance, measure
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "IMAGE_BYTES", 12)


def npz(path: Path, **arrays: object) -> Path:
    named: dict[str, Any] = {name: np.asarray(values, np.float64) for name, values in arrays.items()}
    np.savez(path, **named)
    return path


def test_two_lines_of_points_by_hand(tmp_path: Path) -> None:
    # Features of variance 2 around 1, the real ones of variance 8 around 3: (1 - 3)^2 + (sqrt 2 - sqrt 8)^2 = 4 + 2.
    features = npz(tmp_path / "f.npz", inception=[[0], [2]], clip=[0.25, 0.35])
    truth = npz(tmp_path / "t.npz", mu=[3], sigma=[[8]])
    measured = measure(write_log(tmp_path, [bytes(12)] * 2), Given(truth, features=features))
    assert measured.figures == {"FID_SCORE": pytest.approx(6), "CLIP_SCORE": pytest.approx(30)}
    read = read_back(measured.line, load_round("v6.1"))
    assert read == {"FID_SCORE": pytest.approx(6), "CLIP_SCORE": pytest.approx(30)}


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_distance_is_the_general_formula(size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    features, other = random.normal(size=(2, size + 6, size))
    mean, covariance = other.mean(axis=0), np.cov(other, rowvar=False).reshape(size, size)
    own = np.cov(features, rowvar=False).reshape(size, size)
    roots = np.sqrt(np.linalg.eigvals(own @ covariance).astype(complex)).real
    expected = ((features.mean(axis=0) - mean) ** 2).sum() + np.trace(own + covariance) - 2 * roots.sum()
    assert distance(features, mean, covariance) == pytest.approx(expected, abs=1e-8)
    assert distance(features, features.mean(axis=0), own) == pytest.approx(0, abs=1e-8)


def test_cosines_of_images_and_captions(tmp_path: Path) -> None:
    features = npz(tmp_path / "f.npz", clip_image=[[3, 4], [1, 0]], clip_text=[[3, 4], [0, 2]])
    measured = measure(write_log(tmp_path, [bytes(12)] * 2), Given(features=features))
    assert measured.figures == {"CLIP_SCORE": 50}
    assert measured.unmeasured == {"FID_SCORE": 'the features have no "inception"'}


def test_without_features_nothing_is_measured(tmp_path: Path) -> None:
    measured = measure(write_log(tmp_path, [bytes(12)]), Given(samples=1))
    assert (measured.figures, measured.line) == ({}, "")
    assert set(measured.unmeasured) == {"FID_SCORE", "CLIP_SCORE"}


def test_a_response_must_be_a_picture(tmp_path: Path) -> None:
    log = write_log(tmp_path, [bytes(11)])
    with pytest.raises(UsageError, match="a response is no image") as raised:
        measure(log, Given(samples=1))
    assert raised.value.where == f"{log}:2"


@pytest.mark.parametrize(
    "arrays",
    [
        {"other": [1.0]},
        {"inception": [1.0, 2.0]},
        {"clip": [0.1, float("nan")]},
        {"mu": [1.0]},
        {"inception": [[1.0]] * 3, "clip": [0.1, 0.2]},
        {"clip": [0.1]},
    ],
)
def test_what_are_no_features_is_refused(tmp_path: Path, arrays: dict[str, list[float]]) -> None:
    features = npz(tmp_path / "f.npz", **arrays)
    truth = npz(tmp_path / "t.npz", mu=[3], sigma=[[8]])
    with pytest.raises(UsageError) as raised:
        measure(write_log(tmp_path, [bytes(12)] * 2), Given(truth, features=features))
    assert raised.value.where == str(features)


def test_statistics_of_another_size_are_refused(tmp_path: Path) -> None:
    features = npz(tmp_path / "f.npz", inception=[[0, 1], [2, 3]])
    truth = npz(tmp_path / "t.npz", mu=[3], sigma=[[8]])
    with pytest.raises(UsageError, match="not of one size"):
        measure(write_log(tmp_path, [bytes(12)] * 2), Given(truth, features=features))
