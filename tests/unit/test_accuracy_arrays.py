"""Ground truth in files that are damaged or of another kind: one sentence each, whatever their library raises."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.accuracy.arrays import read_array
from mlperf_bake.accuracy.classification import read_classes
from mlperf_bake.accuracy.detection import measure as detection
from mlperf_bake.accuracy.images import measure as images
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_log

BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 0}


def damaged(directory: Path) -> list[Path]:
    """An empty file, the beginning of an archive, and an archive cut off."""
    np.savez(directory / "whole.npz", inception=np.zeros((4, 3)))
    whole = (directory / "whole.npz").read_bytes()
    (directory / "empty").write_bytes(b"")
    (directory / "zip").write_bytes(b"PK\x03\x04 and no more")
    (directory / "cut").write_bytes(whole[:-40])
    return [directory / name for name in ("empty", "zip", "cut")]


def test_an_array_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in damaged(tmp_path):
        for mapped in (False, True):
            with pytest.raises(UsageError, match="the array cannot be read"):
                read_array(path, mapped=mapped)
    (tmp_path / "text").write_bytes(b"0.5 0.5\n")
    with pytest.raises(UsageError) as refused:
        read_array(tmp_path / "text")
    assert refused.value.found == "no array of NumPy's, or one of Python objects"
    shutil.copy(tmp_path / "whole.npz", tmp_path / "archive.npy")
    with pytest.raises(UsageError, match="no array"):
        read_array(tmp_path / "archive.npy")


def test_features_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    whole = bytearray(damaged(tmp_path)[0].with_name("whole.npz").read_bytes())
    whole[150] ^= 255
    (tmp_path / "sum").write_bytes(whole)
    for path in (*damaged(tmp_path), tmp_path / "sum"):
        with pytest.raises(UsageError, match="the features cannot be read"):
            images(tmp_path / "log", Given(features=path))


def test_a_class_of_thousands_of_digits_is_none(tmp_path: Path) -> None:
    (tmp_path / "val_map.txt").write_text("a.jpg " + "9" * 5000, encoding="utf-8")
    with pytest.raises(UsageError, match="not a list of images and classes"):
        read_classes(tmp_path / "val_map.txt")


@pytest.mark.parametrize(
    "change", [{"bbox": "x"}, {"bbox": [1]}, {"area": "large"}, {"iscrowd": None}, {"area": float("nan")}]
)
def test_an_annotation_that_is_no_box_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    pytest.importorskip("pycocotools")
    picture = {"id": 1, "width": 10, "height": 10}
    truth = {"images": [picture], "categories": [{"id": 1, "name": "x"}], "annotations": [BOX | change]}
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    log = write_log(tmp_path, [struct.pack("<7f", 0, 0, 0, 0.5, 0.5, 0.9, 1)])
    with pytest.raises(UsageError, match="an annotation is no box"):
        detection(log, Given(truth=tmp_path / "truth.json"))


def test_annotations_nested_without_end_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    (tmp_path / "truth.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(UsageError, match="no COCO annotations"):
        detection(tmp_path / "log", Given(truth=tmp_path / "truth.json"))
