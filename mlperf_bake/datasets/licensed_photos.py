"""The photos of COCO's validation set that MLPerf may show: those whose licence lets it, in the order of the annotations.

Follows filter_coco_safe_images.py and create_safe_annotations.py of mlcommons/inference
(vision/classification_and_detection/yolo): 1,525 of 5,000. A sample's
label is the row of its photo in the annotations that are left; these are the ground truth.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.assets.raw_samples import wrong_count
from mlperf_bake.datasets.annotated_photos import read_photos
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.datasets.official_readings import LicensedPhotos
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import reason, unreadable

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset


def open_licensed(dataset: "Dataset", reading: LicensedPhotos, source: Path) -> Collection:
    """The photos of a directory that its annotations name with such a licence.

    Errors:
        UsageError: annotations or photos are missing, too many, or not of this form.
    """
    file = source / reading.annotations
    annotations = _licensed(_read(file), reading.licenses)
    names = [str(image["file_name"]) for image in annotations["images"]]
    if not 0 < len(names) <= dataset.count:
        raise wrong_count(file, len(names), dataset.count)
    for name in names:
        if not name or "/" in name or name in (".", ".."):
            raise UsageError("not a file name", where=str(file), found=name[:80])
    if len(set(names)) != len(names):
        raise UsageError("a photo is named twice", where=str(file))
    folder = next(
        (place for place in (source / reading.images, source / f"{reading.images}_safe") if place.is_dir()),
        source / reading.images,
    )

    def truth(place: Path, progress: Progress) -> None:
        (place / "annotations.json").write_text(json.dumps(annotations), encoding="utf-8")

    rows = list(range(len(names)))
    return Collection(
        len(names), lambda start: read_photos(folder, names, rows[start:], reading.annotations), truth=truth
    )


def _read(file: Path) -> Any:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        for section, keys in (
            ("licenses", {"id", "url"}),
            ("images", {"id", "file_name", "license"}),
            ("annotations", {"image_id"}),
            ("categories", {"id"}),
        ):
            if not all(keys <= set(entry) for entry in data[section]):
                raise ValueError(f"{section} without {', '.join(sorted(keys))}")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(
            "the annotations cannot be read", file, error, expected="annotations in COCO's form"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            "no annotations in COCO's form",
            where=str(file),
            found=reason(error),
            expected="licenses, images, annotations and categories, as in instances_val2017.json",
        ) from error
    return data


def _licensed(data: Any, licenses: tuple[str, ...]) -> dict[str, Any]:
    allowed = {
        one["id"] for one in data["licenses"] if any(part in str(one["url"]).lower() for part in licenses)
    }
    images = [image for image in data["images"] if image["license"] in allowed]
    ids = {image["id"] for image in images}
    return {
        "info": data.get("info", {}),
        "licenses": data["licenses"],
        "images": images,
        "annotations": [box for box in data["annotations"] if box["image_id"] in ids],
        "categories": data["categories"],
    }
