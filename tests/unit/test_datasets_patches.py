"""Pictures made of patches: where each patch lies, what it is enlarged to, and which arrays are none."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling

from mlperf_bake.assets.preprocessing import GREY_EDGE, Unreadable, grey_128
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.datasets.declared import parse_datasets
from mlperf_bake.datasets.opening import open_collection
from mlperf_bake.datasets.patches import PATCH_EDGE, picture, place, truth_box
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import silent

DATASET = parse_datasets(
    f"""\
version: 1
datasets:
  probe:
    title: three patches, two of which show it
    license: MIT
    count: 3
    classes: 2
    official_count: 0
    source: {{url: "https://example.org/probe.whl", sha256: {"ab" * 32}}}
    read: {{kind: wheel-patches, file: data/patches.npy, found: 2}}
    preprocessings: [grey-128]
""",
    "probe.yaml",
)["probe"]
PATCHES = np.linspace(0, 1, 3 * 25 * 25).reshape(3, 25, 25)


def wheel(directory: Path, array: np.ndarray, name: str = "data/patches.npy") -> Path:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    path = directory / "probe.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, stream.getvalue())
    return path


def opened(path: Path) -> Collection:
    return open_collection(DATASET, path, None, silent)


def test_the_first_patches_are_those_that_show_it(tmp_path: Path) -> None:
    samples = list(opened(wheel(tmp_path, PATCHES)).read(0))
    assert [sample.label for sample in samples] == [1, 1, 0]
    assert [sample.name for sample in samples] == [f"probe.whl:data/patches.npy[{row}]" for row in range(3)]
    assert [sample.data for sample in opened(wheel(tmp_path, PATCHES)).read(2)] == [samples[2].data]


def test_the_true_boxes_are_where_the_first_patches_were_put(tmp_path: Path) -> None:
    truth = opened(wheel(tmp_path, PATCHES)).truth
    assert truth is not None
    truth(tmp_path, silent)
    boxes = json.loads((tmp_path / "annotations.json").read_text(encoding="utf-8"))
    assert [image["id"] for image in boxes["images"]] == [0, 1, 2]
    assert [(box["image_id"], tuple(box["bbox"])) for box in boxes["annotations"]] == [
        (0, truth_box(0)),
        (1, truth_box(1)),
    ]
    assert {box["category_id"] for box in boxes["annotations"]} == {boxes["categories"][0]["id"]} == {1}


def test_each_patch_lies_in_its_true_box_and_nowhere_else() -> None:
    for row in range(200):
        left, top, width, height = truth_box(row)
        grey = np.frombuffer(picture(np.ones((25, 25)), row), np.uint8).reshape(GREY_EDGE, GREY_EDGE)
        assert (grey[top : top + height, left : left + width] == 255).all()
        assert grey.sum() == 255 * width * height == 255 * PATCH_EDGE**2
    assert len({place(row) for row in range(65)}) == 65  # no two pictures in a row are alike


def test_patches_are_enlarged_as_pillow_does() -> None:
    patch = np.random.default_rng(7).random((25, 25))
    left, top = place(3)
    grey = np.frombuffer(picture(patch, 3), np.uint8).reshape(GREY_EDGE, GREY_EDGE)
    pillow = Image.fromarray(np.rint(patch * 255).astype(np.uint8)).resize(
        (PATCH_EDGE,) * 2, Resampling.BILINEAR
    )
    here = grey[top : top + PATCH_EDGE, left : left + PATCH_EDGE].astype(int)
    assert np.abs(here - np.asarray(pillow, int)).max() <= 1


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (PATCHES[:2], "wrong number of samples"),
        (PATCHES[0], "no grey patches"),
        (PATCHES[:, :24], "no grey patches"),
        (PATCHES * 255, "no grey patches"),
        (np.full_like(PATCHES, np.nan), "no grey patches"),
        ((PATCHES * 255).astype(np.uint8), "no grey patches"),
        (np.array([{"a": 1}], object), "cannot be read"),
    ],
)
def test_an_array_that_is_none_is_refused(tmp_path: Path, array: np.ndarray, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        opened(wheel(tmp_path, array))


def test_a_wheel_without_the_array_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read[\s\S]*data/patches.npy"):
        opened(wheel(tmp_path, PATCHES, "data/other.npy"))
    (tmp_path / "probe.whl").write_bytes(b"PK\3\4 half")
    with pytest.raises(UsageError, match="cannot be read"):
        opened(tmp_path / "probe.whl")


def test_grey_pixels_become_three_equal_channels_from_minus_one_to_one() -> None:
    raw = bytes([0, 255]) * (GREY_EDGE**2 // 2)
    values = grey_128(raw)
    assert values.shape == (3, GREY_EDGE, GREY_EDGE) and values.dtype == np.float32
    assert values[0, 0, :2].tolist() == [-1, 1]
    assert (values == values[:1]).all()
    with pytest.raises(Unreadable, match="16383 bytes, expected 16384"):
        grey_128(raw[1:])
