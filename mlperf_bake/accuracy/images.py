"""CLIP score and Frechet inception distance of generated images, from features (stable-diffusion-xl).

The networks that turn images into features are not part of this program. The features are given as an .npz:
``inception`` (samples x features, Inception-v3's pool of 2048) and ``clip`` (one score a sample, the cosine of image
and caption, in per cent or as a share of 1), or ``clip_image`` and ``clip_text`` (samples x features each). The ground
truth is an .npz with ``mu`` and ``sigma`` of the real images' features, as MLCommons' val2014.npz. The line is the one
of its accuracy_coco.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.accuracy.arrays import FAULTS, fault
from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGE_BYTES: Final = 1024 * 1024 * 3
"""A response: the picture's pixels, uint8, row by row, three colours."""
_NO_FEATURES: Final = "no features of the generated images were given (--features FILE.npz)"


def measure(log: Path, given: Given) -> Measured:
    """Both scores; the log itself is only checked for a whole picture a sample.

    Raises:
        UsageError: files of another form, or a log with other samples than the features.
    """
    features = _load(given.features) if given.features else {}
    statistics = _load(given.path()) if "inception" in features else {}
    count = _count(features, given)
    answers = given.answers(log, count, "generated images")
    for answer in answers:
        if len(answer.data) != IMAGE_BYTES:
            raise UsageError(
                "a response is no image",
                where=f"{log}:{answer.line}",
                found=f"{len(answer.data)} bytes for sample {answer.qsl_idx}",
                expected=f"{IMAGE_BYTES} bytes: 1024 x 1024 pixels of three colours",
            )
    if given.only is not None:
        chosen = sorted(given.only)
        features = {name: values[chosen] for name, values in features.items()}
    figures = {}
    unmeasured = {}
    scores = _scores(features)
    if "inception" in features:
        figures["FID_SCORE"] = _fid(features["inception"], statistics, given)
    else:
        unmeasured["FID_SCORE"] = _NO_FEATURES if not features else 'the features have no "inception"'
    if scores:
        figures["CLIP_SCORE"] = sum(scores) / len(scores)
    else:
        unmeasured["CLIP_SCORE"] = _NO_FEATURES if not features else 'the features have no "clip"'
    shown = {name: str(value) for name, value in figures.items()}
    return Measured(
        samples=answers.count,
        figures=figures,
        line=f"Accuracy Results: {shown}" if shown else "",
        unmeasured=unmeasured,
        intervals=known(CLIP_SCORE=mean_interval(scores)),
        repeated=answers.repeated,
    )


def distance(features: NDArray[Any], mean: NDArray[Any], covariance: NDArray[Any]) -> float:
    """The Frechet distance of the Gaussian fitted to features from another: |m - n|^2 + tr(C + D - 2 (C D)^1/2).

    The trace of the root is the sum of the roots of the eigenvalues of C^1/2 D C^1/2, which is symmetric, so no root of
    a general matrix is needed.

    Args:
        features: samples x n, at least two samples.
        mean: n.
        covariance: n x n, symmetric.
    """
    import numpy as np

    own = np.cov(features, rowvar=False, dtype=np.float64).reshape(len(mean), len(mean))
    values, vectors = np.linalg.eigh(own)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    product = np.linalg.eigvalsh(root @ covariance @ root)
    traces = np.trace(own) + np.trace(covariance) - 2 * np.sqrt(np.clip(product, 0, None)).sum()
    return float(((features.mean(axis=0, dtype=np.float64) - mean) ** 2).sum() + traces)


def _fid(features: NDArray[Any], statistics: dict[str, NDArray[Any]], given: Given) -> float:
    if "mu" not in statistics or len(statistics["mu"]) != features.shape[1]:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in statistics.items())
        raise UsageError(
            "features and statistics are not of one size",
            where=str(given.truth),
            found=shapes,
            expected=f"mu and sigma of {features.shape[1]} features",
        )
    return distance(features, statistics["mu"], statistics["sigma"])


def _load(path: Path) -> dict[str, NDArray[Any]]:
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: np.asarray(archive[name], np.float64) for name in archive.files}
    except (*FAULTS, TypeError, AttributeError) as error:
        raise UsageError(
            "the features cannot be read", where=str(path), found=fault(error), expected=".npz"
        ) from error
    for name, values in found.items():
        if not values.size or not np.isfinite(values).all():
            raise UsageError(f'"{name}" is empty or not finite', where=str(path))
    _check(found, path)
    return found


def _check(found: dict[str, NDArray[Any]], path: Path) -> None:
    dimensions = {"inception": 2, "clip": 1, "clip_image": 2, "clip_text": 2, "mu": 1, "sigma": 2}
    known_names = [name for name in found if name in dimensions]
    wrong = [name for name in known_names if found[name].ndim != dimensions[name]]
    if not known_names or wrong or ("mu" in found) != ("sigma" in found):
        shapes = ", ".join(f"{name} {values.shape}" for name, values in found.items())
        expected = "inception and clip of the images, or mu and sigma of the real ones"
        raise UsageError("no features", where=str(path), found=shapes[:200], expected=expected)
    if "sigma" in found and found["sigma"].shape != (len(found["mu"]),) * 2:
        raise UsageError(
            "mu and sigma do not fit each other", where=str(path), found=str(found["sigma"].shape)
        )


def _count(features: dict[str, NDArray[Any]], given: Given) -> int:
    counts = {
        len(features[name]) for name in ("inception", "clip", "clip_image", "clip_text") if name in features
    }
    if len(counts) > 1 or (counts and min(counts) < 2):
        raise UsageError(
            "the features are of different numbers of images, or of fewer than two",
            where=str(given.features),
            found=", ".join(map(str, sorted(counts))),
        )
    return counts.pop() if counts else given.count()


def _scores(features: dict[str, NDArray[Any]]) -> list[float]:
    """The CLIP score of each sample, in per cent."""
    import numpy as np

    if "clip" in features:
        scores = features["clip"]
        return [float(score) for score in (scores if np.abs(scores).max() > 1 else 100 * scores)]
    if not {"clip_image", "clip_text"} <= features.keys():
        return []
    image, text = features["clip_image"], features["clip_text"]
    lengths = np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1)
    return [float(score) for score in 100 * (image * text).sum(axis=1) / lengths]
