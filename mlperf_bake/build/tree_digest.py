"""A directory of the user's by what it holds, for an image that takes all of it and compares no checksum."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def tree_digest(root: Path, paths: Iterable[str]) -> str:
    """64 hex digits over files and directories below a directory: names, executable bits, contents, and where links lead.

    Every file is read, so it takes as long as reading them; what is no file, directory or link counts by its name. Modes but
    for the executable bit, owners and times do not count, as they differ from machine to machine.

    Args:
        paths: relative to ``root``, ``.`` for all of it; one that is not there counts as such.

    Errors:
        OSError: something cannot be read.
    """
    digest = hashlib.sha256()
    for path in sorted(paths):
        for file in _below(root / path):
            name = file.relative_to(root).as_posix()
            digest.update(f"{name}\0{_content(file)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _below(place: Path) -> Iterator[Path]:
    """The place itself where it is no directory, else everything below it but directories, in the order of the names."""
    if place.is_symlink() or not place.is_dir():
        if os.path.lexists(place):
            yield place
        return
    for inner in sorted(place.iterdir()):
        yield from _below(inner)


def _content(file: Path) -> str:
    mode = file.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link {file.readlink()}"
    if not stat.S_ISREG(mode):
        return "special"
    with file.open("rb") as stream:
        return f"{bool(mode & stat.S_IXUSR):d} {hashlib.file_digest(stream, 'sha256').hexdigest()}"
