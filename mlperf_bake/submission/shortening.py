"""The accuracy log as a submission carries it: its hash, and a log of more than 4 kB shortened to both its
ends.

The form is that of MLCommons' truncate_accuracy_log.py: the first 4096 characters, an ellipsis, the last
4096. The whole log stays where the run left it; keep it, the review may ask for it.
"""

import hashlib
import re
from pathlib import Path
from typing import Final

VIEWABLE: Final = 4096
ELLIPSIS: Final = b"\n\n...\n\n"
_HASH = re.compile(r"^\s*hash=([0-9a-f]{64})\s*$", re.MULTILINE)


def shorten(log: Path, target: Path) -> str:
    """Writes the log, shortened if it must be, to ``target``; gives the SHA-256 of the whole log in hex."""
    digest = hashlib.sha256()
    with log.open("rb") as source:
        for piece in iter(lambda: source.read(2**20), b""):
            digest.update(piece)
        size = source.tell()
        source.seek(0)
        if size < VIEWABLE:
            content = source.read()
        else:
            head = source.read(VIEWABLE)
            source.seek(size - VIEWABLE)
            content = head + ELLIPSIS + source.read(VIEWABLE)
    target.write_bytes(content)
    return digest.hexdigest()


def is_shortened(log: Path) -> bool:
    """Whether a log is what ``shorten`` leaves of one: both ends and an ellipsis."""
    if log.stat().st_size != 2 * VIEWABLE + len(ELLIPSIS):
        return False
    with log.open("rb") as file:
        file.seek(VIEWABLE)
        return file.read(len(ELLIPSIS)) == ELLIPSIS


def said_hash(text: str) -> str | None:
    """The hash that an accuracy.txt gives; None where it gives none."""
    found = _HASH.search(text)
    return found.group(1) if found else None


def whole_hash(log: Path) -> str:
    """The SHA-256 of a log in hex."""
    with log.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
