"""Why a file that the user named cannot be read, in words: what is there instead, what should be, and what to do."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError

SHOWN: Final = 200
"""Characters of a message."""


def reason(error: BaseException) -> str:
    """What stood in the way of reading, without error numbers; for other errors their own words, cut short."""
    if isinstance(error, UnicodeDecodeError):
        return f"no UTF-8: the byte {error.object[error.start]:#04x} at {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON at line {error.lineno}, column {error.colno}: {error.msg}"[:SHOWN]
    if isinstance(error, KeyError):
        return f"no key {error}"[:SHOWN]
    if not isinstance(error, OSError):
        return str(error)[:SHOWN] or type(error).__name__
    words = {
        errno.ENOENT: "nothing: there is no such file",
        errno.ENOTDIR: "a file where its path has a directory",
        errno.EISDIR: "a directory",
        errno.ENAMETOOLONG: "a name longer than this system has files of",
        errno.ELOOP: "a link that leads to itself",
    }
    if error.errno in words:
        return words[error.errno]
    if error.errno in (errno.EACCES, errno.EPERM):
        return "a file that this user may not read" + _owner(error)
    return (error.strerror or str(error) or type(error).__name__)[:SHOWN]


def unreadable(
    problem: str, path: Path, error: BaseException, *, expected: str = "a file", remedy: str | None = None
) -> UsageError:
    """The error to raise where a file cannot be read.

    Args:
        problem: what cannot be read: ``the system file cannot be read``.
        error: what was raised: an ``OSError``, a ``UnicodeDecodeError``, or what a parser raised.
        remedy: what to do where the path is right but there is nothing; the usual cause else.
    """
    return UsageError(
        problem,
        where=_shown(path),
        found=reason(error),
        expected=expected,
        remedy=_remedy(path, error, remedy),
    )


def _remedy(path: Path, error: BaseException, remedy: str | None) -> str | None:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EISDIR:
        return f"name a file in {path}"
    if code in (errno.EACCES, errno.EPERM):
        return "the same command as a user who may read it, or its permissions changed"
    if isinstance(error, UnicodeDecodeError):
        return "save the file as UTF-8"
    return remedy or ("check the path" if isinstance(error, OSError) else None)


def _owner(error: OSError) -> str:
    """Whose file it is, and its permissions, where that can be told."""
    if not isinstance(error.filename, str | bytes | os.PathLike):
        return ""
    try:
        found = os.stat(error.filename)  # noqa: PTH116 - a filename may be bytes
    except OSError:
        return ""
    return f": it belongs to user {found.st_uid}, {stat.filemode(found.st_mode)}"


def _shown(path: Path) -> str:
    text = str(path)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text):,} characters)"
