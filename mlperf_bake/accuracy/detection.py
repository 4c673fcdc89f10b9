"""Mean average precision of detected boxes over COCO-style annotations (retinanet on OpenImages, yolo on COCO).

A response is one row of seven float32 a box: sample, y1, x1, y2, x2 (shares of the picture's height and width), score,
class; fewer than seven numbers mean no box. Samples are numbered in the order of the annotations' ``images``. The
figure is pycocotools' average over IoU 0.50 to 0.95, the line that of MLCommons' accuracy-coco.py.
"""

from __future__ import annotations

import contextlib
import io
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.accuracy.measured import Given, Measured
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlperf_bake.results.accuracy_log import Response

_ROW = 7
_CLASSES = 2**24
"""Beyond it, a float32 no longer tells one class from the next."""


def measure(log: Path, given: Given) -> Measured:
    """The mean average precision of a log against an annotations file (instances_val2017.json, openimages-mlperf.json).

    Raises:
        UsageError: no COCO annotations, a log that does not answer each picture, or rows that are no boxes.
    """
    import numpy as np

    annotations = given.path()
    truth = _annotations(annotations)
    images = truth.dataset["images"]
    answers = given.answers(log, len(images), f"images of {annotations.name}")
    boxes = []
    judged = []
    for answer in answers:
        boxes.append(_boxes(answer, images[answer.qsl_idx], log))
        judged.append(images[answer.qsl_idx]["id"])
    detected = np.concatenate(boxes) if boxes else np.empty((0, _ROW))
    unknown = int(np.count_nonzero(~np.isin(detected[:, 6].astype(int), truth.getCatIds())))
    value = 100 * _precision(truth, detected, judged)
    if value < 0:
        raise UsageError("the annotations hold no box", where=str(annotations), expected="boxes to be found")
    return Measured(
        samples=answers.count,
        figures={"mAP": value},
        line=f"mAP={value:.3f}%",
        repeated=answers.repeated,
        also={"boxes": len(detected), "boxes of classes that the annotations do not have": unknown},
    )


def _annotations(path: Path) -> Any:
    coco = library("pycocotools.coco", "mean average precision")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints what it does
            truth = coco.COCO(str(path))
    except (OSError, ValueError, KeyError, TypeError, AssertionError, RecursionError) as error:
        found = f"{type(error).__name__}: {error}"[:200]
        raise UsageError(
            "no COCO annotations", where=str(path), found=found, expected="images, annotations, categories"
        ) from error
    images = truth.dataset.get("images")
    if not images or not truth.dataset.get("categories"):
        raise UsageError("the annotations have no images or no categories", where=str(path))
    for number, image in enumerate(images):
        if not all(isinstance(image.get(key), int) and image[key] >= 0 for key in ("id", "width", "height")):
            found = f"image {number}: {str(image)[:80]}"
            raise UsageError(
                "an image lacks its size", where=str(path), found=found, expected="id, width, height"
            )
    for number, box in enumerate(truth.dataset.get("annotations", ())):
        if not _is_box(box):
            raise UsageError(
                "an annotation is no box",
                where=str(path),
                found=f"annotation {number}: {str(box)[:80]}",
                expected="bbox of four numbers, area, and iscrowd 0 or 1",
            )
    return truth


def _is_box(annotation: dict[str, Any]) -> bool:
    sides = annotation.get("bbox")
    if not isinstance(sides, list) or len(sides) != 4 or annotation.get("iscrowd") not in (0, 1):
        return False
    return all(
        isinstance(value, int | float) and isfinite(value) for value in (*sides, annotation.get("area"))
    )


def _boxes(answer: Response, image: dict[str, Any], log: Path) -> NDArray[np.float64]:
    """Rows of image id, x, y, width, height, score, class, in pixels."""
    import numpy as np

    if len(answer.data) < 4 * _ROW:
        return np.empty((0, _ROW))
    rows = numbers(answer, "float32", log, row=_ROW).reshape(-1, _ROW).astype(np.float64)
    classes = rows[:, 6]
    if ((classes < 0) | (classes >= _CLASSES)).any() or (rows[:, 0] != answer.qsl_idx).any():
        raise UsageError(
            "a response holds no boxes of its sample",
            where=f"{log}:{answer.line}",
            found=f"sample {answer.qsl_idx}: row {rows[0].tolist()}",
            expected=f"rows of {answer.qsl_idx}, y1, x1, y2, x2, score, class",
        )
    y1, x1, y2, x2 = (rows[:, 1:5] * np.tile([image["height"], image["width"]], 2)).T
    identity = np.full(len(rows), image["id"])
    return np.stack([identity, x1, y1, x2 - x1, y2 - y1, rows[:, 5], classes.astype(int)], axis=1)


def _precision(truth: Any, detected: NDArray[np.float64], images: list[int]) -> float:
    if not len(detected):
        return 0.0
    evaluation = library("pycocotools.cocoeval", "mean average precision")
    with contextlib.redirect_stdout(io.StringIO()):
        judged = evaluation.COCOeval(truth, truth.loadRes(detected), iouType="bbox")
        judged.params.imgIds = sorted(images)
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0])
