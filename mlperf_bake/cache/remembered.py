"""What was made of a text, remembered from one command to the next: compiled templates, parsed files.

A file each below ``made/KIND/KEY/`` of the cache: the sha256 of its content, and the content. The content is trusted as if
this program had just made it, so it is read only from a directory that belongs to this user and that nobody else can write
to. Whatever is missing, damaged or not writable costs time, never an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from mlperf_bake.cache.place import default_root
from mlperf_bake.errors import UsageError

DIGEST = 32
"""Bytes of a sha256."""
MOST = 1000
"""Files of one kind and maker that are kept, a few projects' templates: directories that come and go would fill a disk."""
MAKERS = 4
"""Interpreters and versions of this program that are remembered for, a kind."""


class Remembered:
    """Content by name.

    Args:
        kind: of what it is.
        makers: the files of the program that make it; others, or another interpreter, remember apart.
        root: of the cache; the default one where not given.
    """

    def __init__(self, kind: str, makers: Iterable[Path], root: Path | None = None) -> None:
        try:
            self._directory = (root or default_root()) / "made" / kind / _key(makers)
        except (UsageError, OSError):  # a user without a home directory, a program without its sources
            self._directory = Path(os.devnull, kind)
        self._trusted: bool | None = None

    def get(self, name: str) -> bytes | None:
        """The content, or None."""
        try:
            data = (self._directory / name).read_bytes() if self.is_ours() else b""
        except OSError:
            return None
        content = data[DIGEST:]
        return content if data and hashlib.sha256(content).digest() == data[:DIGEST] else None

    def keep(self, name: str, content: bytes) -> None:
        """Remembers it, in one step; the oldest makes way where there is too much."""
        partial = self._directory / f"{name}.{os.getpid()}.partial"
        with contextlib.suppress(OSError):
            if not self._directory.exists():
                for other in _surplus(self._directory.parent, MAKERS):
                    shutil.rmtree(other, ignore_errors=True)
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._trusted = None
            if self.is_ours():
                partial.write_bytes(hashlib.sha256(content).digest() + content)
                partial.replace(self._directory / name)
                for file in _surplus(self._directory, MOST):
                    file.unlink(missing_ok=True)

    def is_ours(self) -> bool:
        """Whether nobody else can have written into the directory."""
        if self._trusted is None:
            try:
                found = self._directory.lstat()
            except OSError:
                self._trusted = False
            else:
                self._trusted = (
                    stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
                )
        return self._trusted


def _surplus(directory: Path, most: int) -> list[Path]:
    """The older half of what lies there, where that is ``most`` or more."""
    there = list(directory.iterdir()) if directory.is_dir() else []
    if len(there) < most:
        return []
    return sorted(there, key=lambda path: path.lstat().st_mtime_ns)[: len(there) // 2]


def _key(makers: Iterable[Path]) -> str:
    """Stands for what makes it: the interpreter's byte code and the very files of the makers."""
    seen = [sys.implementation.cache_tag, sys.version]
    for maker in makers:
        file = maker.stat()
        seen.append(f"{maker} {file.st_mtime_ns} {file.st_size}")
    return hashlib.sha256("\0".join(map(str, seen)).encode()).hexdigest()[:16]
