"""Room on disk, asked before it is needed."""

import shutil
from pathlib import Path

from mlperf_bake.errors import DiskFull

GIB = 1 << 30

BUILD_NEEDS = 3 * GIB
"""A base, a toolchain stage, its package lists and one image take 1.5 GiB; the rest is head room."""

COMFORTABLE = 10 * GIB
"""What ``doctor --mend``, and a build that runs short, make free: three times what a build wants."""

BASE_NEEDS = GIB
"""A bootstrapped base: the tree, its tar file and the imported image."""


def free_bytes(path: Path) -> int:
    """Bytes free for this user on the file system of ``path``, or of its nearest parent that can be seen."""
    for candidate in (path, *path.parents):
        try:
            return shutil.disk_usage(candidate).free
        except OSError:
            continue
    return 0


def require_room(
    path: Path, needed: int, purpose: str, remedy: str = "make room, or move it elsewhere"
) -> None:
    """Do nothing where ``needed`` bytes are free.

    Raises:
        DiskFull: fewer are; with both figures.
    """
    free = free_bytes(path)
    if free < needed:
        raise DiskFull(
            f"not enough room for {purpose}",
            where=str(path),
            found=f"{free / GIB:.1f} GiB free",
            expected=f"{needed / GIB:.1f} GiB",
            remedy=remedy,
        )
