"""The volumes of KiTS19's patients: a directory a case, the cases that MLPerf measures by.

case_00400 is case_00185 once more (README.md of mlcommons/inference, vision/medical_imaging/3d-unet-kits19); where it was not
copied, case_00185 is read in its place.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from importlib import resources
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlperf_bake.assets.debian_archive import read_debian_files
from mlperf_bake.assets.preprocessing import Unreadable
from mlperf_bake.assets.raw_samples import RawSample
from mlperf_bake.datasets.collection import Collection, list_name
from mlperf_bake.datasets.official_readings import Cases, PackagedVolume
from mlperf_bake.datasets.truth import Truth
from mlperf_bake.datasets.volumes import (
    fitted,
    fitted_shape,
    header_of,
    nearest,
    read_nifti,
    segmentation_kits19,
)
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import reason, unreadable

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset

IMAGE, SEGMENTATION = "imaging.nii.gz", "segmentation.nii.gz"
COPIES: Final = {"case_00400": "case_00185"}
ORDER = "inference_cases.json"
HEADER = 348  # bytes of a NIfTI-1 header


def open_cases(dataset: "Dataset", reading: Cases, source: Path, only: Path | None) -> Collection:
    """The cases in a directory, or in its ``data`` as in KiTS19's repository.

    Args:
        only: a list of cases, one a line, in place of those that are measured by.

    Errors:
        UsageError: none of the cases is there, a listed one is not, or one lacks a file.
    """
    root = source / "data" if (source / "data").is_dir() else source
    names = measured_cases(reading.cases) if only is None else _listed(only)
    folders = {name: _folder(root, name) for name in names}
    missing = [name for name, folder in folders.items() if not folder.is_dir()]
    if len(missing) == len(names) or (missing and only is not None):
        raise UsageError(
            "none of the cases is there" if only is None else "a listed case is not there",
            where=str(root),
            found=f"no directory {missing[0]}",
            expected=f"CASE/{IMAGE} and CASE/{SEGMENTATION}, {names[0]} to {names[-1]}",
        )
    there = [name for name in names if name not in missing]
    for name in there:
        for file in (IMAGE, SEGMENTATION):
            if not (folders[name] / file).is_file():
                raise UsageError(
                    "a case lacks a file",
                    where=str(folders[name] / file),
                    expected=f"{IMAGE} and {SEGMENTATION}",
                    remedy="KiTS19's own `python -m starter_code.get_imaging` fetches the images",
                )
    return Collection(
        len(there),
        lambda start: _images(folders, there[start:]),
        f"the {len(there)} of {list_name(only)}" if only is not None else "",
        truth=_truth(folders, there),
        size=sum(_size(folders[name] / IMAGE) for name in there),
    )


def open_packaged_volume(reading: PackagedVolume, source: Path) -> Collection:
    """One volume in a Debian package, for demonstrations; its mask is class 1."""
    files = read_debian_files(source, (reading.image, reading.mask))
    sample = RawSample(reading.image, 0, files[reading.image])

    def truth(place: Path, progress: Progress) -> None:
        import numpy as np

        mask, spacing = read_nifti(files[reading.mask])
        (place / "volume").mkdir()
        classes = fitted(nearest((mask > 0).astype(np.uint8), spacing), 0)
        np.save(place / "volume" / "segmentation.npy", classes)
        (place / ORDER).write_text(json.dumps(["volume"]), encoding="utf-8")

    return Collection(1, lambda start: iter([sample][start:]), truth=truth)


def measured_cases(resource: str) -> list[str]:
    """The cases that the round measures by, in the order of their samples."""
    text = resources.files("mlperf_bake.datasets").joinpath(resource).read_text(encoding="ascii")
    return text.split()


def _folder(root: Path, name: str) -> Path:
    if not (root / name).is_dir() and name in COPIES:
        return root / COPIES[name]
    return root / name


def _listed(only: Path) -> list[str]:
    try:
        names = only.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable("the list cannot be read", only, error, expected="names, one a line") from error
    wrong = [name for name in names if not name.startswith("case_") or "/" in name]
    if not names or wrong or len(set(names)) != len(names):
        raise UsageError(
            "no list of cases",
            where=str(only),
            found=(wrong or ["a case twice" if names else "nothing"])[0][:80],
            expected="case_00050 and others, each once, one a line",
        )
    return names


def _images(folders: dict[str, Path], names: list[str]) -> Iterator[RawSample]:
    for name in names:
        file = folders[name] / IMAGE
        yield RawSample(str(file), 0, _content(file))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            "the file cannot be read", where=str(file), found=error.strerror or str(error)
        ) from error


def _size(file: Path) -> int:
    """Bytes of the prepared volume, by the header alone."""
    try:
        with gzip.open(file) as stream:
            shape, spacing = header_of(stream.read(HEADER))
        return 4 * prod(fitted_shape(shape, spacing))
    except (OSError, EOFError, zlib.error, Unreadable) as error:
        raise UsageError(
            "the volume cannot be read",
            where=str(file),
            found="no gzip file" if isinstance(error, gzip.BadGzipFile) else reason(error),
            remedy="replace the file by a whole copy",
        ) from error


def _truth(folders: dict[str, Path], names: list[str]) -> Truth:
    def write(place: Path, progress: Progress) -> None:
        import numpy as np

        for number, name in enumerate(names):
            progress("preparing the segmentations", number, len(names))
            file = folders[name] / SEGMENTATION
            (place / name).mkdir()
            try:
                np.save(place / name / "segmentation.npy", segmentation_kits19(_content(file)))
            except Unreadable as error:
                raise UsageError(
                    "the segmentation cannot be read",
                    where=str(file),
                    found=str(error),
                    remedy="replace the file by a whole copy",
                ) from error
        (place / ORDER).write_text(json.dumps(names), encoding="utf-8")

    return write
