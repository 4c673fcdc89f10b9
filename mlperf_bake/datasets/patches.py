"""Pictures for detection out of patches: each patch of an array, enlarged, on a black picture at a place of its own.

The array lies in a wheel: float [N, edge, edge], grey from 0 to 1; the first patches show what is to be found, the others
do not. A picture's true box is where its patch was put: so truth follows from row and label alone (``truth_box``).
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.assets.preprocessing import GREY_EDGE, neighbours
from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.assets.reading import WheelPatches
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlperf_bake.datasets.declared import Dataset

ANNOTATIONS = "annotations.json"
PATCH_EDGE = 64  # pixels of an enlarged patch, of the picture's GREY_EDGE
STEPS = (
    37,
    53,
)  # pixels from one row's place to the next, across and down; both prime, so that places spread


def place(row: int) -> tuple[int, int]:
    """Left and top of the patch in the picture of that row, pixels."""
    across, down = STEPS
    free = GREY_EDGE - PATCH_EDGE + 1
    return across * row % free, down * row % free


def truth_box(row: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of the patch in the picture of that row, pixels."""
    return *place(row), PATCH_EDGE, PATCH_EDGE


def true_boxes(count: int, found: int) -> dict[str, Any]:
    """The boxes of the first ``found`` of ``count`` pictures, in COCO's form; the one category is 1."""
    images = [{"id": row, "width": GREY_EDGE, "height": GREY_EDGE} for row in range(count)]
    boxes = [
        {
            "id": row + 1,
            "image_id": row,
            "category_id": 1,
            "bbox": [*truth_box(row)],
            "area": PATCH_EDGE**2,
            "iscrowd": 0,
        }
        for row in range(found)
    ]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "found"}]}


def open_patches(dataset: Dataset, reading: WheelPatches, source: Path) -> Collection:
    """The pictures of a wheel's patches, GREY_EDGE x GREY_EDGE grey bytes each; labels are 1 (shows it) and 0.

    Errors:
        UsageError: the array is missing, damaged, or another one.
    """
    patches = _read(source, reading.file)
    if len(patches) != dataset.count:
        raise wrong_count(source, len(patches), dataset.count)
    where = f"{source.name}:{reading.file}"

    def truth(place: Path, progress: Progress) -> None:
        boxes = true_boxes(len(patches), reading.found)
        (place / ANNOTATIONS).write_text(json.dumps(boxes), encoding="utf-8")

    return Collection(
        len(patches), lambda start: _pictures(patches, where, reading.found, start), truth=truth
    )


def _read(source: Path, file: str) -> NDArray[np.floating]:
    import numpy as np

    where = f"{source}:{file}"
    try:
        with zipfile.ZipFile(source) as wheel:
            patches: NDArray[np.floating] = np.load(io.BytesIO(wheel.read(file)), allow_pickle=False)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError("the patches cannot be read", where=where, found=str(error)[:200]) from error
    square = getattr(patches, "ndim", 0) == 3 and patches.shape[1] == patches.shape[2] > 0
    if not square or patches.dtype.kind != "f" or not ((patches >= 0) & (patches <= 1)).all():
        found = f"{getattr(patches, 'dtype', type(patches))} {getattr(patches, 'shape', '')}".strip()
        raise UsageError(
            "no grey patches", where=where, found=found, expected="square patches of floats from 0 to 1"
        )
    return patches


def _pictures(patches: NDArray[np.floating], where: str, found: int, start: int) -> Iterator[RawSample]:
    for row in range(start, len(patches)):
        yield RawSample(f"{where}[{row}]", int(row < found), picture(patches[row], row))


def picture(patch: NDArray[np.floating], row: int) -> bytes:
    """The picture of a patch: enlarged with bilinear weights, on black, grey bytes row by row."""
    import numpy as np

    grey = np.rint(patch * 255).astype(np.float32)
    first, second, share = neighbours(len(grey), PATCH_EDGE)
    wide = grey[:, first] * (1 - share) + grey[:, second] * share
    large = wide[first] * (1 - share)[:, None] + wide[second] * share[:, None]
    whole = np.zeros((GREY_EDGE, GREY_EDGE), np.uint8)
    left, top = place(row)
    whole[top : top + PATCH_EDGE, left : left + PATCH_EDGE] = np.rint(large).astype(np.uint8)
    return whole.tobytes()
