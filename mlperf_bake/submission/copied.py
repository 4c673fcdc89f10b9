"""Files of others, found and copied without leaving the directory they were given in.

A link counts as what it leads to if that is a regular file below the root; any other link, and whatever is neither a
file nor a directory, is refused by name.
"""

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import unreadable

_PIECE: Final = 2**20
_NAME_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Source:
    """A file and the name it has below the directory that was searched, with ``/``."""

    name: str
    path: Path


def files_below(directory: Path, root: Path) -> Iterator[Source]:
    """The regular files below a directory, by name; nothing where there is no directory.

    Raises:
        UsageError: a link that leads out of ``root`` or to a directory, a special file, or a directory that cannot be
            listed.
    """
    pending = [directory] if directory.is_dir() else []
    while pending:
        here = pending.pop()
        for entry in _entries(here):
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
                continue
            _check_file(path, root)
            yield Source(path.relative_to(directory).as_posix(), path)


def files_in(directory: Path, root: Path) -> Iterator[Source]:
    """The regular files of a directory itself; errors as in ``files_below``."""
    for entry in _entries(directory) if directory.is_dir() else ():
        if not entry.is_dir(follow_symlinks=False):
            _check_file(Path(entry.path), root)
            yield Source(entry.name, Path(entry.path))


def directories_in(directory: Path) -> tuple[Path, ...]:
    """The directories of a directory by name, links and hidden ones left out; none where there is no directory."""
    if not directory.is_dir():
        return ()
    entries = [entry for entry in _entries(directory) if entry.is_dir(follow_symlinks=False)]
    return tuple(Path(entry.path) for entry in entries if not entry.name.startswith("."))


def copy_file(source: Path, target: Path) -> None:
    """Copies the content of a file; directories above the target are made.

    Raises:
        UsageError: the source cannot be read. What goes wrong with the target stays an ``OSError``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = source.open("rb")
    except OSError as error:
        raise _unreadable(source, error) from error
    with file, target.open("wb") as copy:
        while piece := _read(file.fileno(), source):
            copy.write(piece)


def refused_name(name: str) -> str | None:
    """Why a directory of this name is not taken into a tree; None where it is. Spaces and any alphabet are fine."""
    if not name.isprintable():
        return f"the name {name!r} holds characters that cannot be printed"
    if name.startswith(".") or len(name.encode("utf-8", "surrogateescape")) > _NAME_LIMIT:
        return f"the name {name[:40]!r} is hidden or longer than {_NAME_LIMIT} bytes"
    return None


def folded(name: str) -> str:
    """What a file system that ignores case and spelling of accents takes a name for."""
    return unicodedata.normalize("NFC", name).casefold()


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(directory, error) from error


def _check_file(path: Path, root: Path) -> None:
    if path.is_symlink():
        target = path.resolve()
        if not target.is_relative_to(root.resolve()) or not target.is_file():
            raise UsageError(
                "a link leads out of the results or to no file",
                where=str(path),
                found=f"to {path.readlink()}",
                expected="a file",
                remedy="put the file itself there",
            )
    elif not stat.S_ISREG(path.lstat().st_mode):
        raise UsageError("neither a file nor a directory", where=str(path), expected="a file")


def _read(descriptor: int, source: Path) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError as error:
        raise _unreadable(source, error) from error


def _unreadable(path: Path, error: OSError) -> UsageError:
    return unreadable("cannot be read", path, error, expected="a file or directory of the results")
