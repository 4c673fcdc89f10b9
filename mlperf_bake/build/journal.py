"""The append-only journal of builds: one JSON object a line, on disk before the next thing is done.

What is built is never read from here (the engine's image labels say that); the journal says what happened last: which
build was cut off, which step failed, how long a cell took. A last line cut by a power failure is passed over.
"""

import fcntl
import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

What = Literal["started", "built", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        time: UTC, ISO 8601.
        what: ``started``, ``built``, ``failed`` or ``interrupted``.
        cell: cell id.
        platform: ``linux/amd64``.
        fingerprint: of the planned image.
        image: image id where it was built.
        seconds: wall time of the build where it ended.
        size: bytes of the image where it was built and the engine tells.
        step: title of the failing step.
        message: one sentence about the failure.
    """

    time: str
    what: What
    cell: str
    platform: str
    fingerprint: str
    image: str = ""
    seconds: float = 0.0
    step: str = ""
    message: str = ""
    size: int = 0


FIELDS = frozenset(Entry.__dataclass_fields__)


class Journal:
    """Appends entries to a file; several builders may append to the same one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: Entry) -> None:
        """Write the line, and a line end before it where the last writer was cut off; then wait for the disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
            line = json.dumps(asdict(entry), sort_keys=True)
            file.write((("\n" if torn else "") + line + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> tuple[Entry, ...]:
        """All lines that can be read, oldest first."""
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ()
        return tuple(entry for line in text.splitlines() if (entry := _parse(line)) is not None)

    def last(self) -> dict[str, Entry]:
        """The newest entry of each cell; ``started`` means that its builder was killed, or is at it now."""
        return {entry.cell: entry for entry in self.entries()}


def _parse(line: str) -> Entry | None:
    """An entry; None where the line is none, or a value of it is of another kind or no finite number. What another version
    of this program wrote besides is passed over."""
    try:
        value = json.loads(line)
        entry = Entry(**{name: value[name] for name in FIELDS & value.keys()})
        texts = (entry.what, entry.cell, entry.platform, entry.fingerprint, entry.image, entry.message)
        whole = all(isinstance(text, str) for text in texts) and isinstance(entry.size, int)
        return entry if whole and math.isfinite(entry.seconds) else None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
