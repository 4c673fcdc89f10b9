"""The accuracy log as a submission carries it: its hash, and a log of more than 4 kB shortened to both its
ends.

The form is that of MLCommons' truncate_accuracy_log.py: the first 4096 characters, an ellipsis, the last
4096. The whole log stays where the run left it; keep it, the review may ask for it.
"""

import hashlib
from pathlib import Path
from typing import Final

VIEWABLE: Final = 4096
ELLIPSIS: Final = b"\n\n...\n\n"


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


def accuracy_text(correct: int, total: int, sha256: str) -> str:
    """accuracy.txt: the line MLCommons' accuracy script prints for ImageNet, and the hash of the whole log."""
    return f"accuracy={100 * correct / total:.3f}%, good={correct}, total={total}\n\nhash={sha256}\n"
