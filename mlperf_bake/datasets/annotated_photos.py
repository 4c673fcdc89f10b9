"""Photos of object detection, in the order of their file of annotations in COCO's form.

A sample's label is the row of its photo in the annotations' list of images: by it whoever judges boxes finds the photo's
id, its size and its true boxes.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.assets.reading import AnnotatedPhotos
from mlperf_bake.datasets.collection import Collection, list_name
from mlperf_bake.datasets.photos import chosen_names, photo
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import reason, unreadable

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset


def open_annotated(
    dataset: "Dataset", reading: AnnotatedPhotos, source: Path, only: Path | None
) -> Collection:
    """The photos of a directory that its annotations name.

    Errors:
        UsageError: annotations or photos are missing, too many, or not of this form.
    """
    annotations = source / reading.annotations
    names = _names(annotations)
    rows, part = list(range(len(names))), ""
    if only is not None:
        by_name = {name: row for row, name in enumerate(names)}
        rows = [by_name[name] for name in chosen_names(only, by_name, annotations)]
        part = f"the {len(rows)} of {list_name(only)}"
    elif not 0 < len(names) <= dataset.count:
        raise wrong_count(annotations, len(names), dataset.count)
    folder = source / reading.images

    def truth(place: Path, progress: Progress) -> None:
        shutil.copyfile(annotations, place / annotations.name)

    return Collection(
        len(rows),
        lambda start: read_photos(folder, names, rows[start:], reading.annotations),
        part,
        truth=truth if only is None else None,
    )


def _names(annotations: Path) -> list[str]:
    """The photos' file names, by row."""
    try:
        data: Any = json.loads(annotations.read_text(encoding="utf-8"))
        names = [image["file_name"] for image in data["images"]]
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(
            "the annotations cannot be read", annotations, error, expected="annotations in COCO's form"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            "no annotations in COCO's form",
            where=str(annotations),
            found=reason(error),
            expected='{"images": [{"file_name": ...}, ...], ...}',
        ) from error
    for name in names:
        if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
            raise UsageError(
                "not a file name below the directory", where=str(annotations), found=str(name)[:80]
            )
    if len(set(names)) != len(names):
        raise UsageError("a photo is named twice", where=str(annotations))
    return names


def read_photos(folder: Path, names: list[str], rows: list[int], annotations: str) -> Iterator[RawSample]:
    """The photos of these rows, each with its row as label."""
    for row in rows:
        yield photo(folder / names[row], row, annotations)
