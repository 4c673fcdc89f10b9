"""A scratch directory whose leftovers never outlive the next use, even after kill -9.

Each workspace is a directory beside the place its content goes to, so that a rename can put it there, and holds an
open lock on a file beside it. The kernel drops the lock with the process; whoever opens the next workspace in the
same parent removes those whose lock is free.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from mlperf_bake.errors import DiskFull, UsageError

PREFIX = ".mlperf-bake-"
LOCK = ".lock"


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """An empty directory in `parent` (made where missing), removed with what is left in it at the end.

    Raises:
        UsageError: `parent` cannot be written.
        DiskFull: no room; also where the body runs into it.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        lock_file, lock = _claim(parent)
        with lock:
            directory = lock_file.with_name(lock_file.name.removesuffix(LOCK))
            directory.mkdir(mode=0o700)
            try:
                yield directory
            finally:
                shutil.rmtree(directory, ignore_errors=True)
                lock_file.unlink(missing_ok=True)
    except OSError as error:
        raise_in_words(error, parent)


def raise_in_words(error: OSError, place: Path) -> NoReturn:
    """Raises what the user can do something about as such, and anything else as it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise _disk_full(place) from error
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        raise UsageError(
            "the directory cannot be written",
            where=str(error.filename or place),
            found=os.strerror(error.errno),
            remedy="choose another with --out or MLPERF_BAKE_CACHE",
        ) from error
    raise error


def raise_if_disk_was_full(output: str, place: Path) -> None:
    """Raises DiskFull if a program's output says that this is why it failed.

    Args:
        output: what it wrote, in the C locale.
        place: where it was writing.
    """
    if any(os.strerror(number) in output for number in (errno.ENOSPC, errno.EDQUOT)):
        raise _disk_full(place)


def _disk_full(place: Path) -> DiskFull:
    return DiskFull(
        "no room left on the device",
        where=str(place),
        remedy="free some room, or choose a larger disk with --out or MLPERF_BAKE_CACHE",
    )


def _claim(parent: Path) -> tuple[Path, IO[str]]:
    """A new lock file in `parent`, locked: the lock comes before the directory, so a kill leaves nothing unowned."""
    while True:
        lock_file = parent / f"{PREFIX}{secrets.token_hex(8)}{LOCK}"
        lock = lock_file.open("x")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock.fileno()).st_nlink:  # else swept between the two lines above
            return lock_file, lock
        lock.close()


def sweep(parent: Path) -> None:
    """Removes the workspaces in `parent` whose process is gone."""
    for lock_file in parent.glob(f"{PREFIX}*{LOCK}"):
        try:
            with lock_file.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.with_name(lock_file.name.removesuffix(LOCK)), ignore_errors=True)
                lock_file.unlink(missing_ok=True)
        except OSError:  # in use, or another process sweeps it at this moment
            continue


@contextmanager
def exclusive(lock_file: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Waits for, then holds, the lock of that name; one process at a time is inside. Raises as workspace.

    Args:
        waiting: called once where another process is inside.
    """
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_file.open("a")
    except OSError as error:
        raise_in_words(error, lock_file.parent)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
