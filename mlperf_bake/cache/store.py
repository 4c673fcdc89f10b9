"""The cache: files under the SHA-256 of their content, and directories made from them.

    <root>/objects/ab/abcd...      a file, read-only; its name is its checksum, and is checked on every read
    <root>/made/<kind>/<key>/      what was made from objects: data sets, weights, environments
    <root>/work/                   scratch of running processes

Nothing half-written gets a name: files and directories are written in work/, synced, and renamed. Any number of
processes may use one cache; the first to finish wins, and the others find the same bytes there.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.cache.place import default_root as default_root
from mlperf_bake.cache.workspace import exclusive, sync_directory, workspace
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress, silent

CHUNK = 1 << 20  # bytes read at once


class ChecksumMismatch(UsageError):
    """A file is not the locked one; both sums are shown."""

    def __init__(
        self, where: str, found: str, expected: str, remedy: str | None = None, algorithm: str = "sha256"
    ) -> None:
        super().__init__(
            "checksum mismatch: this is not the locked file",
            where=where,
            found=f"{algorithm} {found}",
            expected=f"{algorithm} {expected}",
            remedy=remedy
            or "delete the file and fetch it again; if it was replaced upstream, review it and lock it anew",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (self.where, self.found, self.expected, self.remedy))


def _restore(where: str, found: str, expected: str, remedy: str) -> ChecksumMismatch:
    algorithm, _, sum_found = found.partition(" ")
    return ChecksumMismatch(where, sum_found, expected.partition(" ")[2], remedy, algorithm)


def file_sha256(file: Path) -> str:
    """The SHA-256 of a file's content, 64 hex digits."""
    return file_sum(file, "sha256")


def file_sum(file: Path, algorithm: str) -> str:
    """The checksum of a file's content, hex digits; `algorithm` is sha256 or md5."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache at `root`; nothing is made until something is stored."""

    root: Path

    def object_path(self, sha256: str) -> Path:
        """Where the object lies or would lie."""
        return self.root / "objects" / sha256[:2] / sha256

    def find(self, sha256: str) -> Path | None:
        """The object's file, its content verified; None where it is missing. A damaged one is removed."""
        file = self.object_path(sha256)
        try:
            if file_sha256(file) == sha256:
                return file
        except (FileNotFoundError, NotADirectoryError):
            return None
        file.unlink(missing_ok=True)
        return None

    def admit(self, file: Path, sha256: str) -> Path:
        """Moves a file out of a workspace of this cache into the store.

        Raises:
            ChecksumMismatch: its content has another checksum; the store is unchanged.
        """
        found = file_sha256(file)
        if found != sha256:
            raise ChecksumMismatch(file.name, found, sha256)
        target = self.object_path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.chmod(0o444)
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        file.replace(target)
        sync_directory(target.parent)
        return target

    def workspace(self) -> AbstractContextManager[Path]:
        """A scratch directory on the cache's file system."""
        return workspace(self.root / "work")

    def made_path(self, kind: str, key: str) -> Path:
        """Where the directory made under that key lies or would lie."""
        return self.root / "made" / kind / key

    @contextmanager
    def making(self, kind: str, key: str, progress: Progress = silent) -> Iterator[Path]:
        """Holds the key's lock, so that one process makes the directory and the others wait; yields made_path."""
        target = self.made_path(kind, key)

        def waiting() -> None:
            progress(f"waiting for another process that makes {key}", 0, None)

        with exclusive(target.with_name(f"{key}.lock"), waiting):
            yield target


def publish(directory: Path, target: Path) -> None:
    """Renames a finished directory to its name, its content synced first and readable by every user (containers
    run as another one); replaces an empty directory only.

    Raises:
        UsageError: the name was taken in the meantime.
    """
    for entry in directory.rglob("*"):
        if entry.is_file():
            entry.chmod(0o644)
            with entry.open("rb") as stream:
                os.fsync(stream.fileno())
        else:
            entry.chmod(0o755)
    directory.chmod(0o755)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise UsageError(
            "another process has written the directory meanwhile",
            where=str(target),
            remedy="run the command again",
        ) from error
    sync_directory(target.parent)
