"""Files that grow beside the place they will go to, so that an interrupted preparation goes on where it stopped.

Each is written in rows, appended in one order; ``.rows`` says how many are on the disk for certain. Where rows differ in
size, a file of offsets says where each begins. What was begun for
another identity (other samples, another way of preparing, another decoder) is thrown away. The directory itself is the
lock: the kernel drops it with the process.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.cache.workspace import PREFIX, raise_in_words
from mlperf_bake.progress import Progress

ROWS, IDENTITY = ".rows", ".identity"
WIDTH = 8  # bytes an offset


@dataclass(frozen=True, slots=True)
class Offsets:
    """A file of rows that differ in size, and the file of their offsets: 0, then where each row ends; uint64, little-endian."""

    rows: str
    offsets: str

    def end(self, directory: Path, rows: int) -> int:
        """Where so many rows end; 0 where the offsets are not there."""
        with (directory / self.offsets).open("rb") as stream:
            stream.seek(rows * WIDTH)
            return int.from_bytes(stream.read(WIDTH), "little")


class Unfinished:
    """The files of one preparation.

    Args:
        directory: where they lie; it is there, and nobody else writes to it.
        widths: file name to bytes a row.
        identity: of everything that determines the content.
        offsets: the two files of rows that differ in size.

    Attributes:
        widths: as given.
        rows: how many are on the disk for certain.
    """

    def __init__(
        self, directory: Path, widths: Mapping[str, int], identity: str, offsets: Offsets | None = None
    ) -> None:
        self.directory = directory
        self.widths = widths
        self.offsets = offsets
        self.rows = self._known(identity)
        if not self.rows:
            clear(directory)
            (directory / IDENTITY).write_text(identity, encoding="utf-8")
        for name, size in self._sizes(self.rows).items():
            with (directory / name).open("ab") as stream:
                stream.truncate(size)

    def _sizes(self, rows: int) -> dict[str, int]:
        """How long each file is with so many rows."""
        sizes = {name: rows * width for name, width in self.widths.items()}
        if self.offsets is not None:
            sizes[self.offsets.offsets] = (rows + 1) * WIDTH if rows else 0
            sizes[self.offsets.rows] = self.offsets.end(self.directory, rows) if rows else 0
        return sizes

    def _known(self, identity: str) -> int:
        try:
            if (self.directory / IDENTITY).read_text(encoding="utf-8") != identity:
                return 0
            rows = int((self.directory / ROWS).read_text(encoding="ascii"))
            sizes = self._sizes(rows)
            whole = all((self.directory / name).stat().st_size >= size for name, size in sizes.items())
        except (OSError, ValueError):
            return 0
        return rows if whole and rows > 0 else 0

    def record(self, rows: int) -> None:
        """Says that so many rows of each file are written; they are on the disk when this returns."""
        for name in self._sizes(rows):
            with (self.directory / name).open("rb") as stream:
                os.fsync(stream.fileno())
        partial = self.directory / f"{ROWS}.partial"
        partial.write_text(str(rows), encoding="ascii")
        partial.replace(self.directory / ROWS)
        self.rows = rows

    def end(self) -> None:
        """Removes what only this class needs; the directory can be published."""
        for name in (ROWS, IDENTITY):
            (self.directory / name).unlink(missing_ok=True)


@contextmanager
def unfinished(target: Path, progress: Progress) -> Iterator[Path]:
    """The directory beside ``target`` in which it grows, held by this process alone; removed at the end unless rows of it
    were recorded.

    Raises:
        UsageError, DiskFull: as workspace.
    """
    place = target.with_name(f"{PREFIX}unfinished-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = _claim(place, target, progress)
        try:
            yield place
        finally:
            # What was published has another name by now.
            if place.is_dir() and not (place / ROWS).exists():
                shutil.rmtree(place, ignore_errors=True)
            os.close(handle)
    except OSError as error:
        raise_in_words(error, target.parent)


def clear(directory: Path) -> None:
    """Empties a directory."""
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _claim(place: Path, target: Path, progress: Progress) -> int:
    """The locked directory, made where it is missing; another process may publish it while this one waits for the lock."""
    while True:
        place.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for another process that prepares {target.name}", 0, None)
            fcntl.flock(handle, fcntl.LOCK_EX)
        if place.is_dir() and place.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)
