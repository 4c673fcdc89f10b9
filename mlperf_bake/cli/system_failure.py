"""What the operating system or the engine refused, where nobody nearer knew better, as a failure with a sentence."""

import errno
import os
import re

from mlperf_bake.errors import BakeError, DiskFull, EngineMissing, UsageError

SHOWN = 200
"""Characters of a name or a message."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_LOOP = "Symlink loop from"
_UNFINISHED = re.compile(r"\.([^/]+)\.partial-\d+$")
"""What a file is called until it is complete: told is the name that the user gave."""


def system_failure(error: OSError) -> BakeError:
    """DiskFull where there is no room, EngineMissing where the engine's answer did not come, else UsageError.

    docker-py's and requests' errors are OSErrors too.
    """
    named = error.filename
    if error.errno in _NO_ROOM and error.filename2 is not None:  # of a copy it is the target that has none
        named = error.filename2
    where = _short(_UNFINISHED.sub(r"\1", str(named))) if named is not None else None
    found = _short(
        str(getattr(error, "explanation", None) or error.strerror or error) or type(error).__name__
    )
    if error.errno in _NO_ROOM:
        return DiskFull(
            "there is no room to write",
            where=where,
            found=found,
            remedy="make room, then the same command again",
        )
    if _lost_engine(error):
        return EngineMissing(
            "the container engine stopped answering",
            found=_short(_innermost(error) or found),
            remedy="mlperf-bake doctor",
        )
    if type(error).__module__.startswith("docker."):
        return UsageError("the container engine refuses this", found=found, remedy="mlperf-bake doctor")
    return UsageError("the system refuses this", where=where, found=found, remedy=_remedy(error))


def link_loop(error: RuntimeError) -> OSError | None:
    """The system's error in the form of an OSError where a path leads back to itself: before Python 3.13 pathlib turns it
    into a RuntimeError with nothing but words."""
    if not str(error).startswith(_LOOP):
        return None
    path = str(error).removeprefix(_LOOP).strip(" '")
    return OSError(errno.ELOOP, "a link that leads to itself", path)


def _remedy(error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"name another place, or make this one readable and writable for user {os.geteuid()}"
    return "check the name and its permissions"


def _lost_engine(error: OSError) -> bool:
    kinds = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    return not kinds.isdisjoint(
        {("requests.exceptions", "ConnectionError"), ("requests.exceptions", "Timeout")}
    )


def _innermost(error: BaseException) -> str:
    """What the system said: libraries wrap its error in errors of their own, as arguments; empty where it said nothing."""
    wrapped = (_innermost(one) for one in error.args if isinstance(one, BaseException))
    return next(filter(None, wrapped), "") or str(getattr(error, "strerror", None) or "")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text):,} characters)"
