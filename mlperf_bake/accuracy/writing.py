"""accuracy.txt: the line of the benchmark's accuracy script, and the hash of the whole accuracy log."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.results.written import takes_file


def accuracy_text(line: str, sha256: str) -> str:
    """The content of accuracy.txt.

    Args:
        line: what the official checker looks for; may be several lines.
        sha256: of the whole accuracy log, in hex.
    """
    return f"{line}\n\nhash={sha256}\n"


def write_accuracy(target: Path, line: str, sha256: str) -> None:
    """Writes accuracy.txt, whole or not at all.

    Raises:
        UsageError: nothing was measured, or the file cannot be written.
    """
    if not line:
        raise UsageError("nothing was measured, so there is no accuracy.txt", where=str(target))
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(accuracy_text(line, sha256), encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise UsageError(
            "accuracy.txt cannot be written", where=str(target), found=error.strerror or ""
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def refuse_target(target: Path, read: Iterable[Path | None]) -> None:
    """Refuses a place for accuracy.txt before anything is measured.

    Args:
        read: what the accuracy is measured from, as the log and the ground truth.

    Raises:
        UsageError: a file cannot be put there, or it is one of those that are read.
    """
    if not takes_file(target):
        problem, expected = "accuracy.txt cannot be written there", "a file in a directory that exists"
    elif any(
        target.exists() and path is not None and path.exists() and target.samefile(path) for path in read
    ):
        problem, expected = "accuracy.txt would replace what it is measured from", "a file of its own"
    else:
        return
    raise UsageError(problem, where=str(target), expected=expected)


def log_sha256(log: Path) -> str:
    """The SHA-256 of a log, in hex, read in pieces.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with log.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(
            "the accuracy log cannot be read", where=str(log), found=error.strerror or ""
        ) from error
