"""Replaces a directory as a whole: whoever looks, or whenever we are killed, finds the old one or the new
one.

The new tree is built beside the old one under a name of its own, then the two are exchanged in one step
(renameat2 with RENAME_EXCHANGE; where the system lacks it, two renames, and the next call mends what lies
between). One process at a time: a lock on the parent directory.
"""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mlperf_bake.errors import DiskFull, UsageError

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


@contextmanager
def replacing(target: Path, waiting: Callable[[], None] | None = None) -> Iterator[Path]:
    """A directory to build the new content in; it starts as a copy of the old and takes its place at the end.

    Args:
        target: the directory to replace; need not exist. A link to it stays a link.
        waiting: called once if another process holds the lock.

    Raises:
        UsageError: the place cannot be written.
        DiskFull: no room; the old content is untouched.
    """
    try:
        target = target.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.parent, waiting):
            _mend(target)
            partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
            try:
                if target.exists():
                    _copy(target, partial)
                else:
                    partial.mkdir()
                yield partial
                _take_place(partial, target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                "no room for the tree", where=str(target), remedy="free space and try again"
            ) from error
        raise UsageError(
            "the tree cannot be written",
            where=str(error.filename or target).replace(f".partial-{os.getpid()}", ""),
            found=error.strerror or str(error),
            remedy="give another directory with --out",
        ) from error


@contextmanager
def _locked(directory: Path, waiting: Callable[[], None] | None) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replaced(target: Path) -> Path:
    """Where the old tree is for a moment on systems that cannot exchange two names."""
    return target.with_name(f"{target.name}.replaced")


def _mend(target: Path) -> None:
    """Clears away what a killed process left; we hold the lock, so nobody is still at it."""
    if _replaced(target).exists():
        if target.exists():
            shutil.rmtree(_replaced(target))
        else:
            _replaced(target).rename(target)
    for stale in target.parent.glob(f"{_literal(target.name)}.partial-*"):
        if stale.is_dir() and not stale.is_symlink():
            shutil.rmtree(stale)


def _copy(source: Path, copy: Path) -> None:
    """Copies a directory and ends with the first thing that fails, while ``shutil.copytree`` goes on and loses its errno."""
    copy.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _copy(Path(entry.path), copy / entry.name)
            else:
                shutil.copy2(entry.path, copy / entry.name, follow_symlinks=False)
    shutil.copystat(source, copy)


def _literal(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _take_place(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
    elif not _exchange(partial, target):
        target.rename(_replaced(target))
        partial.rename(target)
        shutil.rmtree(_replaced(target))


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names in one step; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(other))
