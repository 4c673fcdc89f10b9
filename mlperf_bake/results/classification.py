"""Top-1 of an accuracy run, counted from LoadGen's accuracy log and the labels of the prepared data set.

A response is the predicted class, little-endian: 8 bytes an int64 (our harness), 4 bytes an int32 or, as the
MLCommons reference writes it, a float32. The last two cannot be confused: as an int32 a float32 class of 1 or
more is beyond a billion. A sample answered twice counts once, with its first answer, as in MLCommons'
accuracy script.
"""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.cache.store import file_sha256
from mlperf_bake.datasets.prepared import LABELS, PreparedDataset, load_prepared
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response
from mlperf_bake.results.answers import Answers

_FLOAT_ONE: Final = 0x3F80_0000


@dataclass(frozen=True, slots=True)
class Labels:
    """The true class of each sample."""

    dataset: PreparedDataset
    classes: "array[int]"


def read_labels(directory: Path) -> Labels:
    """The labels of a prepared data set; the samples themselves are not read.

    Raises:
        UsageError: no prepared data set there, or its labels were changed.
    """
    dataset = load_prepared(directory, checksums=False)
    path = directory / LABELS
    if not dataset.labels_sha256:
        raise UsageError("the data set has no labels", where=str(directory), expected=LABELS)
    found = file_sha256(path)
    if found != dataset.labels_sha256:
        raise UsageError(
            "the labels are not those of dataset.conf",
            where=str(path),
            found=found,
            expected=dataset.labels_sha256,
        )
    data = path.read_bytes()
    return Labels(dataset, array("i", struct.unpack(f"<{len(data) // 4}i", data)))


@dataclass(frozen=True, slots=True)
class TopOne:
    """Samples whose predicted class is the true one."""

    correct: int
    total: int

    @property
    def percent(self) -> float:
        """The share in per cent."""
        return 100 * self.correct / self.total

    @property
    def line(self) -> str:
        """The line that MLCommons' accuracy script prints, for accuracy.txt."""
        return f"accuracy={self.percent:.3f}%, good={self.correct}, total={self.total}"


def top_one(log: Path, labels: Labels) -> TopOne:
    """Counts an accuracy log against the labels of a prepared data set.

    Raises:
        UsageError: a log that is not whole, covers other samples than the labels, or holds no classes.
    """
    answers = Answers(log, len(labels.classes), f"samples of {labels.dataset.name}")
    return count_right(answers, labels.classes)


def count_right(answers: Answers, classes: Sequence[int]) -> TopOne:
    """Counts answers whose predicted class is the sample's.

    Args:
        classes: the true class of each sample.

    Raises:
        UsageError: a log that is not whole, covers other samples, or holds no classes.
    """
    correct = sum(predicted_class(answer, answers.log) == classes[answer.qsl_idx] for answer in answers)
    return TopOne(correct, answers.count)


def predicted_class(response: Response, log: Path) -> int:
    """The class that a response names.

    Raises:
        UsageError: its bytes are none of the three forms.
    """
    data = response.data
    if len(data) == 8:
        return int.from_bytes(data, "little", signed=True)
    if len(data) == 4:
        value = int.from_bytes(data, "little", signed=True)
        return int(struct.unpack("<f", data)[0]) if _FLOAT_ONE <= value < 0x7F80_0000 else value
    raise UsageError(
        "a response is not a class",
        where=f"{log}:{response.line}",
        found=f"{len(data)} bytes for sample {response.qsl_idx}",
        expected="4 or 8 bytes",
    )
