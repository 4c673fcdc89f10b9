"""The 5,000 captions of COCO 2014 that Stable Diffusion XL draws: MLCommons' table, or chosen from COCO's own annotations.

Chosen as coco.py of mlcommons/inference (text_to_image/tools) does: a photo's first caption, in the order of their numbers,
shuffled by NumPy's generator with seed 2023, the first 5,000, in order again. Whatever the source, the result is held against the
checksum of the published table.
"""

import csv
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.cache.store import ChecksumMismatch, file_sha256
from mlperf_bake.datasets.collection import Collection, list_name
from mlperf_bake.datasets.listed import listed
from mlperf_bake.datasets.official_readings import Captions
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import reason

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset

TABLES: Final = ("captions_source.tsv", "captions.tsv")
ANNOTATIONS: Final = "captions_val2014.json"
TRAINING: Final = "captions_train2014.json"
"""Of which calibration captions are."""
ARCHIVE: Final = "annotations_trainval2014.zip"
SEED: Final = 2023

Caption = tuple[int, str]


def open_captions(
    dataset: "Dataset", reading: Captions, source: Path, only: Path | None, progress: Progress
) -> Collection:
    """The captions of a table or of annotations, given or in a directory (or its ``captions`` or ``annotations``).

    Args:
        only: a list of captions by number, one a line; they are those of annotations, such as captions_train2014.json.

    Errors:
        UsageError: none of them is there, or not of this form; ChecksumMismatch: 5,000 other captions.
    """
    file = _find(source, ANNOTATIONS if only is None else TRAINING)
    if only is not None:
        known = {
            str(one["id"]): one
            for one in _annotations(file, TRAINING, reading.archive, progress)["annotations"]
        }
        numbers = sorted(map(int, listed(only, known, "numbers of captions")))
        part = f"the {len(numbers)} of {list_name(only)}"
        return _collection(file, [(one, _text(known[str(one)])) for one in numbers], part)
    captions = (
        _table(file)
        if file.suffix == ".tsv"
        else chosen(_annotations(file, ANNOTATIONS, reading.archive, progress), dataset.count)
    )
    if not 0 < len(captions) <= dataset.count:
        raise wrong_count(file, len(captions), dataset.count)
    found = digest(captions)
    if len(captions) == dataset.count and found != reading.sha256:
        raise ChecksumMismatch(
            str(file),
            found,
            reading.sha256,
            remedy="give captions_source.tsv of mlcommons/inference, text_to_image/coco2014/captions",
        )
    return _collection(file, captions, "")


def _collection(file: Path, captions: Sequence[Caption], part: str) -> Collection:
    samples = [RawSample(f"{file}:{number}", 0, text.encode()) for number, text in captions]
    size = sum(len(sample.data) for sample in samples)
    return Collection(len(samples), lambda start: iter(samples[start:]), part, size=size)


def _text(annotation: Any) -> str:
    return str(annotation["caption"]).replace("\n", "").strip()


def digest(captions: Sequence[Caption]) -> str:
    """The SHA-256 of lines ``ID<tab>CAPTION``."""
    return hashlib.sha256("".join(f"{number}\t{text}\n" for number, text in captions).encode()).hexdigest()


def chosen(annotations: Any, count: int) -> list[Caption]:
    """The captions that the reference chooses, in the order of their numbers."""
    import numpy as np

    first: dict[int, Caption] = {}  # by photo
    photos = {image["id"] for image in annotations["images"]}
    for one in annotations["annotations"]:
        first.setdefault(one["image_id"], (int(one["id"]), _text(one)))
    ordered = sorted((caption, photo) for photo, caption in first.items())
    places = np.random.RandomState(SEED).permutation(len(ordered))[:count]
    return sorted(ordered[int(place)][0] for place in places if ordered[int(place)][1] in photos)


def _find(source: Path, annotations: str) -> Path:
    if not source.is_dir():
        return source
    folders = (source, source / "captions", source / "annotations")
    tables: tuple[str, ...] = TABLES if annotations == ANNOTATIONS else ()
    for name in (*tables, annotations, ARCHIVE):
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
    raise UsageError(
        "no captions there", where=str(source), expected=", ".join((*tables, annotations)) + f" or {ARCHIVE}"
    )


def _table(file: Path) -> list[Caption]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        return [(int(row["id"]), str(row["caption"])) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, TypeError) as error:
        raise UsageError(
            "no table of captions",
            where=str(file),
            found=reason(error),
            expected="tab-separated, with the columns id and caption",
        ) from error


def _annotations(file: Path, name: str, sha256: str, progress: Progress) -> Any:
    try:
        if file.suffix == ".zip":
            progress(f"comparing the checksum of {file.name}", 0, None)
            found = file_sha256(file)
            if found != sha256:
                raise ChecksumMismatch(str(file), found, sha256, remedy="fetch it again")
            with zipfile.ZipFile(file) as archive, archive.open(f"annotations/{name}") as stream:
                data = json.load(io.TextIOWrapper(stream, "utf-8"))
        else:
            data = json.loads(file.read_text(encoding="utf-8"))
        for section, keys in (("images", {"id"}), ("annotations", {"id", "image_id", "caption"})):
            if not all(keys <= set(entry) for entry in data[section]):
                raise ValueError(f"{section} without {', '.join(sorted(keys))}")
    except (
        OSError,
        UnicodeDecodeError,
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ) as error:
        raise UsageError(
            "no annotations of captions",
            where=str(file),
            found=reason(error),
            expected='{"images": [{"id": ...}], "annotations": [{"id", "image_id", "caption"}]}',
        ) from error
    return data
