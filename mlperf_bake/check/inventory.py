"""What lies in a submission tree, listed once: names, kinds and sizes, never the content of a file.

Links are listed as links and never followed, so that nothing outside the tree is ever read; a directory that
cannot be listed is a value (``unreadable``), not an exception. Only the root itself may be a link.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class Kind(StrEnum):
    """What an entry is; ``OTHER`` is a pipe, a socket or a device."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory; ``size`` in bytes, 0 for all but files."""

    name: str
    kind: Kind
    size: int


NOTHING: Final[Mapping[str, Entry]] = {}


class Inventory:
    """The directories below some places, each with its entries by name.

    Args:
        listed: directory (as text) to its entries.
        unreadable: directory to the reason why it could not be listed.
    """

    def __init__(self, listed: Mapping[str, Mapping[str, Entry]], unreadable: Mapping[str, str]) -> None:
        self._listed = listed
        self.unreadable = unreadable

    def __len__(self) -> int:
        """How many entries there are that are no directories."""
        return sum(entry.kind is not Kind.DIRECTORY for _, entry in self.walk())

    def find(self, path: Path) -> Entry | None:
        """The entry at a path, or None."""
        return self._listed.get(os.fspath(path.parent), NOTHING).get(path.name)

    def is_file(self, path: Path) -> bool:
        """Whether a regular file lies there."""
        entry = self.find(path)
        return entry is not None and entry.kind is Kind.FILE

    def is_directory(self, path: Path) -> bool:
        """Whether a directory lies there that could be listed."""
        return os.fspath(path) in self._listed

    def size(self, path: Path) -> int:
        """Bytes of a file; 0 for what is none."""
        entry = self.find(path)
        return entry.size if entry else 0

    def entries(self, path: Path) -> tuple[Entry, ...]:
        """What lies in a directory, by name; nothing where there is no directory."""
        return tuple(self._listed.get(os.fspath(path), NOTHING).values())

    def files(self, path: Path) -> tuple[str, ...]:
        """Names of the regular files in a directory."""
        return tuple(entry.name for entry in self.entries(path) if entry.kind is Kind.FILE)

    def directories(self, path: Path) -> tuple[Path, ...]:
        """The directories in a directory; links to directories are none."""
        return tuple(path / entry.name for entry in self.entries(path) if entry.kind is Kind.DIRECTORY)

    def walk(self) -> Iterator[tuple[str, Entry]]:
        """Every entry and the directory that it lies in, in the order of names."""
        for directory in sorted(self._listed):
            for entry in self._listed[directory].values():
                yield directory, entry


def take_inventory(root: Path, below: Iterable[str]) -> Inventory:
    """Lists the root, and everything below some of its directories.

    Args:
        root: of the tree.
        below: names in the root (divisions); what else lies in the root is listed but not entered.
    """
    listed: dict[str, Mapping[str, Entry]] = {}
    unreadable: dict[str, str] = {}
    entered = frozenset(below)
    _list(os.fspath(root), listed, unreadable)
    pending = [
        os.fspath(root / entry.name)
        for entry in listed.get(os.fspath(root), NOTHING).values()
        if entry.kind is Kind.DIRECTORY and entry.name in entered
    ]
    while pending:
        directory = pending.pop()
        _list(directory, listed, unreadable)
        pending += [
            f"{directory}/{entry.name}"
            for entry in listed.get(directory, NOTHING).values()
            if entry.kind is Kind.DIRECTORY
        ]
    return Inventory(listed, unreadable)


def _list(directory: str, listed: dict[str, Mapping[str, Entry]], unreadable: dict[str, str]) -> None:
    try:
        with os.scandir(directory) as found:
            entries = sorted(map(_entry, found), key=lambda entry: entry.name)
    except OSError as error:
        unreadable[directory] = error.strerror or str(error)
    else:
        listed[directory] = {entry.name: entry for entry in entries}


def _entry(found: "os.DirEntry[str]") -> Entry:
    if found.is_symlink():
        return Entry(found.name, Kind.LINK, 0)
    if found.is_dir(follow_symlinks=False):
        return Entry(found.name, Kind.DIRECTORY, 0)
    if found.is_file(follow_symlinks=False):
        return Entry(found.name, Kind.FILE, found.stat(follow_symlinks=False).st_size)
    return Entry(found.name, Kind.OTHER, 0)
