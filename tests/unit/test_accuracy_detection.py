"""Mean average precision by hand and against pycocotools' own way of reading results."""

import contextlib
import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mlperf_bake.accuracy.detection import measure
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log

V51 = load_round("v5.1")
Box = tuple[float, float, float, float]


def annotations(
    directory: Path, boxes: list[list[tuple[Box, int]]], width: int = 200, height: int = 100
) -> Path:
    """One picture a list; boxes in pixels: x, y, width, height."""
    data: dict[str, Any] = {
        "images": [
            {"id": 100 + i, "width": width, "height": height, "file_name": f"{i}.jpg"}
            for i in range(len(boxes))
        ],
        "annotations": [],
        "categories": [{"id": 1, "name": "cat"}, {"id": 3, "name": "dog"}],
    }
    for picture, entries in enumerate(boxes):
        for (x, y, w, h), kind in entries:
            data["annotations"].append(
                {
                    "id": len(data["annotations"]) + 1,
                    "image_id": 100 + picture,
                    "category_id": kind,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": 0,
                }
            )
    path = directory / "annotations.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def row(sample: int, box: Box, score: float, kind: int, width: int = 200, height: int = 100) -> bytes:
    x, y, w, h = box
    return struct.pack("<7f", sample, y / height, x / width, (y + h) / height, (x + w) / width, score, kind)


CAT: Box = (20, 10, 80, 40)
DOG: Box = (120, 50, 40, 40)


def test_every_box_found_is_100(tmp_path: Path) -> None:
    truth = annotations(tmp_path, [[(CAT, 1), (DOG, 3)], [(CAT, 3)]])
    log = write_log(tmp_path, [row(0, CAT, 0.9, 1) + row(0, DOG, 0.8, 3), row(1, CAT, 0.7, 3)])
    measured = measure(log, Given(truth))
    assert measured.line == "mAP=100.000%"
    assert measured.also["boxes"] == 3
    assert read_back(measured.line, V51)["mAP"] == 100.0


def test_half_of_the_boxes_of_one_class_is_about_half_of_its_precision(tmp_path: Path) -> None:
    truth = annotations(tmp_path, [[(CAT, 1)], [(DOG, 1)]])
    log = write_log(tmp_path, [row(0, CAT, 0.9, 1), b""])
    # one of two found with precision 1: 51 of the 101 recall levels
    assert measure(log, Given(truth)).figures["mAP"] == pytest.approx(100 * 51 / 101)


def test_a_box_that_is_off_counts_up_to_its_overlap(tmp_path: Path) -> None:
    truth = annotations(tmp_path, [[((0, 0, 100, 50), 1)]])
    log = write_log(tmp_path, [row(0, (0, 0, 75, 50), 0.9, 1)])  # intersection over union 0.75
    assert measure(log, Given(truth)).figures["mAP"] == pytest.approx(100 * 6 / 10)  # 0.50, 0.55, ..., 0.75


@pytest.mark.parametrize("nothing", [b"", b"\0\0\0\0"])
def test_no_box_anywhere_is_0(tmp_path: Path, nothing: bytes) -> None:
    truth = annotations(tmp_path, [[(CAT, 1)]])
    assert measure(write_log(tmp_path, [nothing]), Given(truth)).line == "mAP=0.000%"


def test_a_class_that_the_annotations_do_not_have_is_told(tmp_path: Path) -> None:
    truth = annotations(tmp_path, [[(CAT, 1)]])
    measured = measure(write_log(tmp_path, [row(0, CAT, 0.9, 1) + row(0, CAT, 0.9, 2)]), Given(truth))
    assert measured.also["boxes of classes that the annotations do not have"] == 1


coordinates = st.tuples(st.integers(0, 99), st.integers(0, 49), st.integers(8, 100), st.integers(8, 50))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.lists(st.tuples(coordinates, st.sampled_from([1, 3])), max_size=3), min_size=1, max_size=3),
    st.lists(
        st.tuples(st.integers(0, 2), coordinates, st.integers(1, 99), st.sampled_from([1, 3])),
        min_size=1,
        max_size=8,
    ),
)
def test_the_figure_is_that_of_the_library(
    tmp_path_factory: pytest.TempPathFactory,
    boxes: list[list[tuple[tuple[int, int, int, int], int]]],
    found: list[tuple[int, tuple[int, int, int, int], int, int]],
) -> None:
    directory = tmp_path_factory.mktemp("boxes")
    if not any(boxes):
        boxes = [[((1, 1, 20, 20), 1)], *boxes[1:]]
    truth = annotations(directory, [[((*box,), kind) for box, kind in entries] for entries in boxes])
    found = [entry for entry in found if entry[0] < len(boxes)] or [(0, (1, 1, 20, 20), 50, 1)]
    responses = [b""] * len(boxes)
    for picture, box, score, kind in found:
        responses[picture] += row(picture, (*box,), score / 100, kind)
    results = [
        {"image_id": 100 + picture, "category_id": kind, "bbox": [*map(float, box)], "score": score / 100}
        for picture, box, score, kind in found
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        judged = COCOeval(coco, coco.loadRes(results), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    measured = measure(write_log(directory, responses), Given(truth))
    assert measured.figures["mAP"] == pytest.approx(100 * judged.stats[0], abs=1e-3)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (row(1, CAT, 0.9, 1), "holds no boxes of its sample"),
        (struct.pack("<7f", 0, 0, 0, float("nan"), 1, 0.9, 1), "a number that is not finite"),
        (struct.pack("<7f", 0, 0, 0, 1, 1, 0.9, 1e30), "holds no boxes of its sample"),
        (row(0, CAT, 0.9, 1) + b"\0" * 4, "not made of float32"),
    ],
)
def test_what_is_no_box_is_refused_with_its_line(tmp_path: Path, response: bytes, said: str) -> None:
    truth = annotations(tmp_path, [[(CAT, 1)]])
    log = write_log(tmp_path, [response])
    with pytest.raises(UsageError, match=said) as raised:
        measure(log, Given(truth))
    assert raised.value.where == f"{log}:2"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}]}']
)
def test_what_is_no_annotation_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        measure(write_log(tmp_path, [b""]), Given(path))
    assert raised.value.where == str(path)
