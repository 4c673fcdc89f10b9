"""Photos named with their labels in a list: loose in a directory, or in the archive that they are given out as.

The archive is not unpacked. Where its makers publish a checksum it is compared before anything is read.
"""

import tarfile
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.assets.raw_samples import RawSample, read_list, wrong_count
from mlperf_bake.assets.reading import Photos
from mlperf_bake.cache.store import ChecksumMismatch, file_sum
from mlperf_bake.datasets.collection import Collection, list_name
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import unreadable

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset

Entries = list[tuple[str, int]]


def open_photos(
    dataset: "Dataset", reading: Photos, source: Path, only: Path | None, progress: Progress
) -> Collection:
    """The photos in a directory, or in the archive that is given or lies in the directory; the list lies beside them.

    Errors:
        UsageError: list or photos are missing, too many, or wrong; ChecksumMismatch: not the archive as it is given out.
    """
    directory = source if source.is_dir() else source.parent
    entries = read_list(directory / reading.list, dataset.classes)
    part = ""
    if only is not None:
        by_name = {_base(name): (name, label) for name, label in entries}
        entries = [by_name[name] for name in chosen_names(only, by_name, directory / reading.list)]
        part = f"the {len(entries)} of {list_name(only)}"
    elif not 0 < len(entries) <= dataset.count:  # a part is allowed, and becomes a demonstration
        raise wrong_count(directory / reading.list, len(entries), dataset.count)
    archive = source if source.is_file() else directory / reading.archive
    if source.is_dir() and (not archive.is_file() or (directory / entries[0][0]).is_file()):
        return Collection(len(entries), lambda start: _loose(directory, entries[start:], reading.list), part)
    _require_published(archive, reading.md5, progress)
    members = _members(archive, progress)
    missing = [name for name, _ in entries if _base(name) not in members]
    if missing:
        raise UsageError(
            f"the archive lacks {len(missing):,} of the {len(entries):,} photos that the list names",
            where=str(archive),
            found=f"no {missing[0]}",
            expected=f"as {directory / reading.list} says",
        )
    return Collection(len(entries), lambda start: _archived(archive, members, entries[start:]), part)


def chosen_names(only: Path, known: Names[str], listed: Path) -> list[str]:
    """The names that a list has, one a line, in its order.

    Args:
        known: every name without directories.
        listed: the file that these come from.

    Errors:
        UsageError: it cannot be read, has none or one that is not known, or one twice.
    """
    try:
        names = [
            _base(line.split()[0]) for line in only.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable("the list cannot be read", only, error, expected="names, one a line") from error
    unknown = [name for name in names if name not in known]
    if not names or unknown:
        raise UsageError(
            "the list names a photo that is none of the data set" if unknown else "the list names no photo",
            where=str(only),
            found=unknown[0] if unknown else None,
            expected=f"file names of {listed}, one a line",
        )
    if len(set(names)) != len(names):
        raise UsageError("a photo is listed twice", where=str(only))
    return names


def _loose(directory: Path, entries: Entries, listed: str) -> Iterator[RawSample]:
    for name, label in entries:
        yield photo(directory / name, label, listed, "a listed file is missing")


def photo(file: Path, label: int, listed: str, missing: str = "a photo is missing") -> RawSample:
    """One photo with its label. Errors: UsageError, it is ``missing``, though ``listed`` names it, or cannot be read."""
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(missing, where=str(file), expected=f"as {listed} says") from error
    except OSError as error:
        raise UsageError(
            "the file cannot be read", where=str(file), found=error.strerror or str(error)
        ) from error
    return RawSample(str(file), label, data)


def _require_published(archive: Path, md5: str, progress: Progress) -> None:
    progress(f"comparing the checksum of {archive.name}", 0, None)
    found = file_sum(archive, "md5")
    if found != md5:
        raise ChecksumMismatch(
            str(archive),
            found,
            md5,
            remedy="fetch it again; or unpack it and give the directory, which is not compared as a whole",
            algorithm="md5",
        )


def _members(archive: Path, progress: Progress) -> Mapping[str, tarfile.TarInfo]:
    """The files of an uncompressed archive by their names without directories."""
    progress(f"listing {archive.name}", 0, None)
    try:
        with tarfile.open(archive, "r:") as opened:
            return {_base(entry.name): entry for entry in opened if entry.isfile()}
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UsageError("not a readable tar archive", where=str(archive), found=str(error)) from error


def _archived(archive: Path, members: Mapping[str, tarfile.TarInfo], entries: Entries) -> Iterator[RawSample]:
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(archive.open("rb"))
            for name, label in entries:
                member = members[_base(name)]
                stream.seek(member.offset_data)
                data = stream.read(member.size)
                if len(data) != member.size:
                    raise UsageError("the archive is cut off", where=str(archive), found=f"a part of {name}")
                yield RawSample(f"{archive}:{member.name}", label, data)
        except OSError as error:
            raise UsageError(
                "the archive cannot be read", where=str(archive), found=error.strerror or str(error)
            ) from error


def _base(name: str) -> str:
    return name.rpartition("/")[2]
