"""Top-1: samples whose predicted class is the true one (resnet, rgat).

The line is the one that MLCommons' accuracy-imagenet.py and accuracy_igbh.py print.
"""

from collections.abc import Sequence
from pathlib import Path

from mlperf_bake.accuracy.arrays import read_array
from mlperf_bake.accuracy.measured import Given, Measured, share_interval
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.errors import UsageError
from mlperf_bake.results.answers import Answers
from mlperf_bake.results.classification import TopOne, count_right, read_labels
from mlperf_bake.unreadable import reason

_DIGITS = 18
"""Longest class read; an int64 holds any of so many digits."""


def measure(log: Path, given: Given) -> Measured:
    """Counts the log against a prepared data set, MLCommons' val_map.txt (``NAME CLASS`` a line) or an .npy of classes.

    Responses hold one class each: an int64, int32 or float32, recognised by itself, or ``given.dtype``.

    Raises:
        UsageError: ground truth or log cannot be used; see ``Answers``.
    """
    classes, of = read_classes(given.path())
    answers = given.answers(log, len(classes), of)
    found = count_right(answers, classes) if given.dtype is None else _count(answers, classes, given.dtype)
    return Measured(
        samples=found.total,
        figures={"acc": found.percent},
        line=found.line,
        intervals={"acc": share_interval(found.correct, found.total)},
        repeated=answers.repeated,
    )


def read_classes(truth: Path) -> tuple[Sequence[int], str]:
    """The true class of each sample, and what the samples are, in words.

    Raises:
        UsageError: none of the three forms.
    """
    if truth.is_dir():
        labels = read_labels(truth)
        return labels.classes, f"samples of {labels.dataset.name}"
    of = f"samples of {truth.name}"
    if truth.suffix == ".npy":
        return _array(truth), of
    return _map(truth), of


def _count(answers: Answers, classes: Sequence[int], dtype: str) -> TopOne:
    correct = sum(
        int(numbers(answer, dtype, answers.log, rows=1)[0]) == classes[answer.qsl_idx] for answer in answers
    )
    return TopOne(correct, answers.count)


def _map(truth: Path) -> list[int]:
    classes = []
    try:
        with truth.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                fields = line.split()
                if not fields:
                    continue
                if len(fields) != 2 or not fields[1].isdecimal() or len(fields[1]) > _DIGITS:
                    raise UsageError(
                        "not a list of images and classes",
                        where=f"{truth}:{number}",
                        found=line.strip()[:80],
                        expected="a file's name and its class, as in val_map.txt",
                    )
                classes.append(int(fields[1]))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the ground truth cannot be read", where=str(truth), found=reason(error)) from error
    if not classes:
        raise UsageError("the ground truth is empty", where=str(truth), expected="one line a sample")
    return classes


def _array(truth: Path) -> list[int]:
    import numpy as np

    values = read_array(truth)
    if values.ndim != 1 or not values.size or not np.issubdtype(values.dtype, np.integer):
        found = f"shape {values.shape} of {values.dtype}"
        raise UsageError(
            "no array of classes", where=str(truth), found=found, expected="one integer a sample"
        )
    return [int(value) for value in values]
