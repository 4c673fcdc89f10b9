"""What proofs are held against, kept from one command to the next: to look whether a file has changed costs less than to
render it and to read all that it copies.

``.mlperf-bake/standings.json`` holds digests under a key that stands for every file that determines them, by its name, size
and time of change, the program's own among them. It is only ever a saving: where it cannot be read it is made anew, and
where it cannot be written nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlperf_bake.project import LOCK, MATRIX

if TYPE_CHECKING:
    from mlperf_bake.project import Project

FILE = "standings.json"
IGNORED = frozenset({"__pycache__", ".git"})


class Digests(NamedTuple):
    """Of one cell's image as it would be built now: its Dockerfile, and the files copied into it; 64 hex digits each."""

    dockerfile: str
    sources: str


class KeptDigests:
    """The digests of a project's cells in its round, as far as they are known."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._place = project.state / FILE
        self._known: dict[str, Digests] = {}
        self._copied: set[str] = set()
        self._new = False
        self._read()

    def get(self, cell_id: str) -> Digests | None:
        """What is kept of a cell."""
        return self._known.get(cell_id)

    def keep(self, cell_id: str, digests: Digests, copied: Iterable[str]) -> None:
        """Keeps it, from the next `save` on for other commands, as long as no file of ``copied`` changes either."""
        self._known[cell_id] = digests
        self._copied.update(copied)
        self._new = True

    def save(self) -> None:
        """Writes the file where something is new; whole, or not at all."""
        if not self._new:
            return
        kept = {"key": self._key(), "copied": sorted(self._copied), "cells": self._known}
        partial = self._place.with_name(f".{FILE}-{os.getpid()}")
        with suppress(OSError):
            self._place.parent.mkdir(exist_ok=True)
            partial.write_text(json.dumps(kept, sort_keys=True), encoding="utf-8")
            partial.replace(self._place)

    def _read(self) -> None:
        try:
            kept = json.loads(self._place.read_text(encoding="utf-8"))
            self._copied = {str(path) for path in kept["copied"]}
            if kept["key"] == self._key():
                self._known = {cell: Digests(*map(str, pair)) for cell, pair in kept["cells"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._known = {}

    def _key(self) -> str:
        """Stands for the round, and all files that a project's Dockerfiles are made of or copy."""
        from mlperf_bake.shipped import shipped_file

        project = self._project
        made_of = (project.root / MATRIX, project.root / LOCK, shipped_file(MATRIX), project.templates)
        copied = (project.sources / path for path in self._copied)
        digest = hashlib.sha256(project.round_name.encode())
        for root in sorted({Path(__file__).parents[1], *made_of, *copied}):
            for path, found in _files(root):
                facts = f"\0{path}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_mode}"
                digest.update(facts.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def _files(place: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The file, or those below the directory; nothing where neither is there."""
    if place.is_dir():
        yield from _below(str(place))
    elif place.exists():
        yield str(place), place.stat()


def _below(directory: str) -> Iterator[tuple[str, os.stat_result]]:
    """By `os.scandir`, which costs a third of what `Path` does."""
    with os.scandir(directory) as entries:
        inside = sorted(entries, key=lambda entry: entry.name)
    for entry in inside:
        if entry.name in IGNORED:
            continue
        if entry.is_dir():
            yield from _below(entry.path)
        else:
            with suppress(OSError):
                yield entry.path, entry.stat()
