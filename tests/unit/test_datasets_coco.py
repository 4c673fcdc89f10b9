"""COCO: the captions that Stable Diffusion XL draws, and the photos that YOLO may show, in its letterbox."""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlperf_bake.cache.store import ChecksumMismatch
from mlperf_bake.datasets.captions import chosen, digest
from mlperf_bake.datasets.declared import find_dataset
from mlperf_bake.datasets.letterbox import resized, yolo_640, yolo_rect_640
from mlperf_bake.datasets.official_readings import Captions
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.errors import UsageError

CAPTIONS = [(7, "Ein Hund läuft."), (70, 'A "quoted" cat'), (100, "A bird")]


def table(captions: list[tuple[int, str]]) -> str:
    rows = "".join('{}\t1\t"{}"\n'.format(number, text.replace('"', '""')) for number, text in captions)
    return "id\timage_id\tcaption\n" + rows


def test_captions_keep_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "captions.tsv").write_text(table(CAPTIONS), encoding="utf-8")
    prepared = prepare("coco-2014", "utf8", tmp_path / "out", source=tmp_path)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.count, prepared.dtype, prepared.demonstration) == (3, "uint8", True)
    text = (tmp_path / "out" / "samples.bin").read_bytes()
    offsets = np.fromfile(tmp_path / "out" / "index.bin", "<u8").tolist()
    assert [text[a:b].decode() for a, b in pairwise(offsets)] == [caption for _, caption in CAPTIONS]


def test_as_many_other_captions_are_not_the_official_ones(tmp_path: Path) -> None:
    file = tmp_path / "captions_source.tsv"
    file.write_text(table([(number, f"caption {number}") for number in range(5000)]), encoding="utf-8")
    with pytest.raises(ChecksumMismatch) as raised:
        prepare("coco-2014", "utf8", tmp_path / "out", source=file)
    reading = find_dataset("coco-2014").reading
    assert isinstance(reading, Captions)
    assert reading.sha256 in str(raised.value.expected)


def annotations(count: int) -> dict[str, Any]:
    """Each photo has two captions; those of odd numbers stand first in the file."""
    captions = [{"id": 2 * n + 1, "image_id": n, "caption": f" photo {n}\n"} for n in range(count)]
    captions += [{"id": 2 * n, "image_id": n, "caption": "never"} for n in range(count)]
    return {"images": [{"id": n} for n in range(count)], "annotations": captions}


def test_captions_are_chosen_as_the_reference_chooses_them() -> None:
    found = chosen(annotations(100), 10)
    assert len(found) == 10
    assert found == sorted(found)
    assert all(text == f"photo {number // 2}" for number, text in found)
    # pandas' DataFrame.sample(frac=1, random_state=2023) of 100 rows begins with these.
    assert {number // 2 for number, _ in found} == {0, 12, 20, 44, 46, 56, 66, 68, 82, 91}


def test_an_archive_is_compared_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "annotations_trainval2014.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("annotations/captions_val2014.json", json.dumps(annotations(5000)))
    with pytest.raises(ChecksumMismatch) as raised:
        prepare("coco-2014", "utf8", tmp_path / "out", source=archive)
    assert "031296bbc80c45a1" in str(raised.value.expected)
    dataset = find_dataset("coco-2014")
    assert isinstance(dataset.reading, Captions)
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    reading = replace(dataset.reading, archive=sha256, sha256=digest(chosen(annotations(5000), 5000)))
    known = replace(dataset, reading=reading)
    monkeypatch.setattr("mlperf_bake.datasets.prepare.find_dataset", lambda name: known)
    assert not prepare("coco-2014", "utf8", tmp_path / "out", source=archive).demonstration


def test_calibration_takes_the_listed_captions_of_the_training_set(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "captions_train2014.json").write_text(json.dumps(annotations(9)))
    (tmp_path / "captions.tsv").write_text(table(CAPTIONS), encoding="utf-8")
    chosen_ids = tmp_path / "coco_cal_captions_list.txt"
    chosen_ids.write_text("17\n3")
    prepared = prepare("coco-2014", "utf8", tmp_path / "out", source=tmp_path, only=chosen_ids)
    assert (prepared.count, prepared.demonstration) == (2, True)
    assert (tmp_path / "out" / "samples.bin").read_bytes() == b"photo 1photo 8"
    chosen_ids.write_text("999")
    with pytest.raises(UsageError, match="no list of numbers of captions") as raised:
        prepare("coco-2014", "utf8", tmp_path / "other", source=tmp_path, only=chosen_ids)
    assert raised.value.found == "999"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("captions.tsv", "id\tcaption\n", "wrong number of samples"),
        ("captions.tsv", "id\tcaption\nx\ty\n", "no table of captions"),
        ("captions.tsv", "id;caption\n1;y\n", "no table of captions"),
        ("captions.tsv", "id\tcaption\n1\t\n", "the sample cannot be read"),
        ("captions_val2014.json", "{", "no annotations of captions"),
        ("captions_val2014.json", '{"images": [], "annotations": [{"id": 1}]}', "no annotations of captions"),
        ("captions_val2014.json", "[" * 100_000, "no annotations of captions"),
        ("other.txt", "", "no captions there"),
    ],
)
def test_what_is_no_set_of_captions_is_refused(tmp_path: Path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=problem):
        prepare("coco-2014", "utf8", tmp_path / "out", source=tmp_path)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Three photos, the second of a licence that MLPerf may not show."""
    root = tmp_path / "coco"
    (root / "val2017").mkdir(parents=True)
    (root / "annotations").mkdir()
    images, boxes = [], []
    for number, license_ in enumerate((4, 1, 7)):
        name = f"{number:012}.jpg"
        (root / "val2017" / name).write_bytes(png(np.full((480, 640, 3), 40 * number)))
        images.append(
            {"id": 10 + number, "file_name": name, "license": license_, "height": 480, "width": 640}
        )
        boxes.append(
            {
                "id": number,
                "image_id": 10 + number,
                "category_id": 1,
                "bbox": [1, 1, 5, 5],
                "area": 25,
                "iscrowd": 0,
            }
        )
    licenses = [
        {"id": 1, "url": "http://creativecommons.org/licenses/by-nc-sa/2.0/"},
        {"id": 4, "url": "http://creativecommons.org/licenses/by/2.0/"},
        {"id": 7, "url": "http://flickr.com/commons/usage/"},
    ]
    content = {"licenses": licenses, "images": images, "annotations": boxes, "categories": [{"id": 1}]}
    (root / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    return root


def test_only_photos_that_may_be_shown_are_samples(coco: Path, tmp_path: Path) -> None:
    prepared = prepare("coco-2017", "yolo-640", tmp_path / "out", source=coco)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.count, prepared.shape, prepared.demonstration) == (2, (3, 640, 640), True)
    assert np.fromfile(tmp_path / "out" / "labels.bin", "<i4").tolist() == [0, 1]
    values = np.fromfile(tmp_path / "out" / "samples.bin", "<f4").reshape(2, 3, 640, 640)
    assert values[1, :, 300, 300].tolist() == pytest.approx([80 / 255] * 3)
    left = json.loads(truth_of(tmp_path / "out").read_text())
    assert [image["id"] for image in left["images"]] == [10, 12]
    assert [box["image_id"] for box in left["annotations"]] == [10, 12]


def test_photos_of_different_shapes_keep_them(coco: Path, tmp_path: Path) -> None:
    (coco / "val2017" / f"{2:012}.jpg").write_bytes(png(np.zeros((640, 426, 3))))
    prepared = prepare("coco-2017", "yolo-rect-640", tmp_path / "out", source=coco)
    assert load_prepared(tmp_path / "out") == prepared
    numbers = np.fromfile(tmp_path / "out" / "index.bin", "<u8").tolist()
    assert numbers == [0, 4 * 3 * 480 * 640, 4 * 3 * (480 * 640 + 640 * 448), 480, 640, 640, 448]


def test_a_photo_that_is_missing_is_named(coco: Path, tmp_path: Path) -> None:
    (coco / "val2017" / f"{2:012}.jpg").unlink()
    with pytest.raises(UsageError, match="a photo is missing") as raised:
        prepare("coco-2017", "yolo-640", tmp_path / "out", source=coco)
    assert str(raised.value.where).endswith(f"{2:012}.jpg")


@pytest.mark.parametrize(
    "content", [[], {"images": []}, {"licenses": [{}], "images": [], "annotations": [], "categories": []}]
)
def test_annotations_without_licences_are_refused(coco: Path, tmp_path: Path, content: object) -> None:
    (coco / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match="no annotations in COCO's form"):
        prepare("coco-2017", "yolo-640", tmp_path / "out", source=coco)


def test_the_photo_lies_in_the_middle_of_grey() -> None:
    square = yolo_640(png(np.full((320, 640, 3), 200)))
    assert (square[:, :160] == np.float32(114 / 255)).all()
    assert (square[:, 160:480] == np.float32(200 / 255)).all()
    assert (square[:, 480:] == np.float32(114 / 255)).all()


@pytest.mark.parametrize(
    ("size", "shape"),
    [((640, 480), (640, 480)), ((427, 640), (448, 640)), ((100, 200), (320, 640)), ((1, 640), (32, 640))],
)
def test_as_little_grey_as_strides_of_32_allow(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert yolo_rect_640(png(np.zeros((*size, 3)))).shape == (3, *shape)


def test_resizing_is_near_pillows_bilinear_filter_where_it_enlarges() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    pillow = np.asarray(Image.fromarray(pixels).resize((106, 74), Image.Resampling.BILINEAR))
    assert np.abs(resized(pixels, 74, 106).astype(int) - pillow).max() <= 1
