"""Opens what must be a file: a pipe without a writer would keep whoever reads it waiting for ever, and a device never ends."""

import errno
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """The file, or what a link leads to, for reading; never waits.

    Raises:
        OSError: it cannot be opened, or is a directory, a pipe, a socket or a device.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "a pipe or a device", str(path))
    return path.open("rb")
