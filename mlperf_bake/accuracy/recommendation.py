"""Click prediction: area under the ROC curve (dlrm-v2), normalised entropy, accuracy and grouped area (dlrm-v3).

Curves are computed exactly, from ranks; equal predictions count half, as in scikit-learn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.accuracy.arrays import read_array
from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SMALLEST: Final = 1e-12
"""Predictions are kept this far from 0 and 1 before their logarithm is taken."""
_HEAD: Final = 2
_THRESHOLD: Final = 0.5
_NAMES: Final = {"DLRM_NE": "ne", "DLRM_ACC": "accuracy", "DLRM_AUC": "gauc"}
"""Metric to its name in the line."""


def dlrm_v2(log: Path, given: Given) -> Measured:
    """The area under the curve, in per cent, of predictions of any number of pairs a sample.

    The ground truth is a directory with labels.npy (0 or 1 for each pair, in order) and boundaries.npy (where each
    sample's pairs start, and the end): sample i is pairs boundaries[i] to boundaries[i + 1]. Responses hold float32
    predictions, or predictions and labels in turn, as MLCommons' reference writes them; then both labels must agree.

    Raises:
        UsageError: no such files, or responses that do not fit.
    """
    import numpy as np

    truth = given.path()
    labels, bounds = _array(truth / "labels.npy"), _array(truth / "boundaries.npy").astype(np.int64)
    if len(bounds) < 2 or bounds[0] != 0 or bounds[-1] > len(labels) or (np.diff(bounds) <= 0).any():
        found = f"{len(bounds)} boundaries of {len(labels)} labels"
        raise UsageError("no boundaries of samples", where=str(truth), found=found, expected="0, ..., rising")
    labels = labels[: bounds[-1]].astype(bool)
    answers = given.answers(log, len(bounds) - 1, f"samples of {truth.name}")
    predicted = np.empty(len(labels), np.float32)
    judged = np.zeros(len(labels), bool)
    for answer in answers:
        start, end = int(bounds[answer.qsl_idx]), int(bounds[answer.qsl_idx + 1])
        predicted[start:end] = _predictions(answer, labels[start:end], given, log)
        judged[start:end] = True
    predicted, labels = predicted[judged], labels[judged]
    if labels.all() or not labels.any():
        raise UsageError("the labels are all of one kind", where=str(truth), expected="clicks and none")
    value = 100 * area(predicted, labels)
    right = int(np.count_nonzero((np.round(predicted) > 0) == labels))
    share = 100 * right / len(labels)
    return Measured(
        samples=answers.count,
        figures={"AUC": value},
        line=f"AUC={value:.3f}%, accuracy={share:.3f}%, good={right}, total={len(labels)}, queries={answers.count}",
        repeated=answers.repeated,
        also={"accuracy": share, "pairs": len(labels)},
    )


def dlrm_v3(log: Path, given: Given) -> Measured:
    """Normalised entropy, accuracy and the mean area under the curve of each sample, all as shares of 1.

    Responses are float32: time, query, n predictions, n labels, n weights, n. The labels come with the
    answers; only the number of samples must be known.

    Raises:
        UsageError: responses of another form, or labels of one kind only.
    """
    import numpy as np

    answers = given.answers(log, given.count(), "samples")
    clicks = _Clicks()
    for answer in answers:
        values = numbers(answer, given.dtype or "float32", log).astype(np.float64)
        clicks.add(*_candidates(answer, values, log))
    if not clicks.areas or not 0 < clicks.clicked < clicks.weight:
        raise UsageError(
            "the labels are all of one kind", where=str(log), expected="clicks and none, in one sample"
        )
    figures = clicks.figures()
    line = "\n".join(f"metric/lifetime_{_NAMES[name]}/rating: {value:.6f}" for name, value in figures.items())
    return Measured(
        samples=answers.count,
        figures=figures,
        line=line,
        intervals=known(DLRM_AUC=mean_interval(clicks.areas)),
        repeated=answers.repeated,
        also={"samples with both labels": len(clicks.areas)},
    )


@dataclass(slots=True)
class _Clicks:
    """Sums over the samples of dlrm-v3, as they come.

    Attributes:
        loss: cross entropy, in nats.
        right: weight of the items judged right.
        weight, clicked: of all items, and of those clicked.
        areas: under the curve of each sample that has one.
    """

    loss: float = 0.0
    right: float = 0.0
    weight: float = 0.0
    clicked: float = 0.0
    areas: list[float] = field(default_factory=list)

    def add(
        self, predicted: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> None:
        """Adds the items of one sample."""
        import numpy as np

        likely = np.clip(predicted, _SMALLEST, 1 - _SMALLEST)
        self.loss -= float((weights * np.where(labels > 0, np.log(likely), np.log1p(-likely))).sum())
        self.right += float((weights * ((predicted >= _THRESHOLD) == (labels > 0))).sum())
        self.weight += float(weights.sum())
        self.clicked += float((weights * labels).sum())
        both = (weights * labels).sum() > 0 and (weights * (1 - labels)).sum() > 0
        if both and (predicted != predicted[0]).any():
            self.areas.append(area(predicted, labels > 0, weights))

    def figures(self) -> dict[str, float]:
        """Entropy divided by that of always predicting the mean, share judged right, mean area."""
        mean = self.clicked / self.weight
        base = -(self.clicked * math.log(mean) + (self.weight - self.clicked) * math.log1p(-mean))
        return {
            "DLRM_NE": self.loss / base,
            "DLRM_ACC": self.right / self.weight,
            "DLRM_AUC": sum(self.areas) / len(self.areas),
        }


def area(
    predicted: NDArray[Any], labels: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> float:
    """The share of pairs of a clicked and another item that the predictions put in the right order.

    Args:
        predicted: any finite numbers.
        labels: of the same length, both kinds among them.
        weights: of the items; None: all the same. A pair's weight is the product of its items'.

    Raises:
        UsageError: labels of one kind only.
    """
    import numpy as np

    weight = np.ones(len(predicted)) if weights is None else weights
    clicked, other = weight * labels, weight * ~labels
    if not clicked.sum() or not other.sum():
        raise UsageError("the labels are all of one kind", expected="clicks and none")
    _, place = np.unique(predicted, return_inverse=True)
    above, below = np.bincount(place, clicked), np.bincount(place, other)
    beaten = np.cumsum(below) - below / 2
    return float((above * beaten).sum() / (clicked.sum() * other.sum()))


def _predictions(answer: Response, labels: NDArray[np.bool_], given: Given, log: Path) -> NDArray[np.generic]:
    values = numbers(answer, given.dtype or "float32", log)
    if len(values) == 2 * len(labels):
        if ((values[1::2] != 0) != labels).any():
            raise UsageError(
                "the labels in the log are not those of the ground truth",
                where=f"{log}:{answer.line}",
                found=f"sample {answer.qsl_idx}",
            )
        values = values[0::2]
    if len(values) != len(labels):
        raise UsageError(
            "a response holds no predictions of its sample",
            where=f"{log}:{answer.line}",
            found=f"{len(values)} numbers for sample {answer.qsl_idx}",
            expected=f"{len(labels)} predictions, or twice as many with labels",
        )
    return values


def _candidates(answer: Response, values: NDArray[np.float64], log: Path) -> tuple[NDArray[np.float64], ...]:
    import numpy as np

    count = values[-1] if len(values) else 0.0
    if count < 1 or count != int(count) or len(values) != _HEAD + 3 * int(count) + 1:
        raise UsageError(
            "a response is not of dlrm-v3's form",
            where=f"{log}:{answer.line}",
            found=f"{len(values)} numbers for sample {answer.qsl_idx}, the last is {count:g}",
            expected="time, query, n predictions, n labels, n weights, n",
        )
    n = int(count)
    predicted, labels, weights = values[_HEAD : _HEAD + 3 * n].reshape(3, n)
    if not np.isin(labels, (0, 1)).all() or (weights < 0).any():
        raise UsageError(
            "labels that are neither 0 nor 1, or negative weights",
            where=f"{log}:{answer.line}",
            found=f"sample {answer.qsl_idx}",
        )
    return predicted, labels, weights


def _array(path: Path) -> NDArray[Any]:
    import numpy as np

    values = read_array(path, mapped=True)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise UsageError(
            "no array of integers", where=str(path), found=f"shape {values.shape} of {values.dtype}"
        )
    return values
