"""Top-1 of an accuracy run, counted from LoadGen's accuracy log and the labels of the prepared data set.

A response is the predicted class, little-endian: 8 bytes an int64 (our harness), 4 bytes an int32 or, as the
MLCommons reference writes it, a float32. The last two cannot be confused: as an int32 a float32 class of 1 or
more is beyond a billion. A sample answered twice counts once, with its first answer, as in MLCommons'
accuracy script.
"""

import struct
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.assets.cache import file_sha256
from mlperf_bake.assets.prepared import LABELS, PreparedDataset, load_prepared
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response, read_responses

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


def top_one(log: Path, labels: Labels) -> TopOne:
    """Counts an accuracy log against the labels.

    Raises:
        UsageError: a log that is not whole, covers other samples than the labels, or holds no classes.
    """
    seen = bytearray(len(labels.classes))
    correct = 0
    for response in read_responses(log):
        index = response.qsl_idx
        if index >= len(labels.classes):
            raise UsageError(
                "the accuracy log answers samples that the data set does not have",
                where=str(log),
                found=f"sample {index}",
                expected=f"samples 0 to {len(labels.classes) - 1} of {labels.dataset.name}",
            )
        if not seen[index]:
            seen[index] = 1
            correct += _class(response, log) == labels.classes[index]
    if not all(seen):
        raise UsageError(
            "the accuracy log does not cover the data set",
            where=str(log),
            found=f"{sum(seen)} samples",
            expected=f"{len(seen)} samples of {labels.dataset.name}",
        )
    return TopOne(correct, len(seen))


def _class(response: Response, log: Path) -> int:
    data = response.data
    if len(data) == 8:
        return int.from_bytes(data, "little", signed=True)
    if len(data) == 4:
        value = int.from_bytes(data, "little", signed=True)
        return int(struct.unpack("<f", data)[0]) if _FLOAT_ONE <= value < 0x7F80_0000 else value
    raise UsageError(
        "a response is not a class",
        where=str(log),
        found=f"{len(data)} bytes for sample {response.qsl_idx}",
        expected="4 or 8 bytes",
    )
