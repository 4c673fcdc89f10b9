"""Room on the engine's disk: where it runs short, the part of the build cache that was used least makes way.

A build cache grows without end where BuildKit's own collection never starts: by default it goes by per cent of the disk, however
little of that is left. It is a cache: BuildKit itself drops from it, and nobody loses more than the time to do a step again.
So a build that lacks room takes it from there and says so, unless the user of a shared engine set ``KEEP_CACHE``.
"""

import os
from collections.abc import Callable
from pathlib import Path

from mlperf_bake.engine.build_cache import cache_use, drop_least_used
from mlperf_bake.engine.disk import COMFORTABLE, GIB, free_bytes, require_room
from mlperf_bake.engine.find import Engine

KEEP_CACHE = "MLPERF_BAKE_KEEP_BUILD_CACHE"
"""Environment variable: where it is not empty, no command but ``doctor --mend`` drops build cache."""

AT_A_TIME = 4 * GIB
"""Dropped in one call, a few seconds' work."""

OTHER_ROOM = "docker system df shows what takes room; docker image prune removes untagged images"

Say = Callable[[str], None]


def engine_disk(engine: Engine) -> Path | None:
    """The data directory of a local engine; None where its disk is not ours to see: a remote engine's, and that of one in a
    virtual machine (Docker Desktop), which names a directory that this machine has not."""
    if not engine.local or not engine.root_dir:
        return None
    disk = Path(engine.root_dir)
    try:
        disk.stat()
    except FileNotFoundError:
        return None
    except OSError:  # it is there and closed to this user: a parent tells the room on it
        return disk
    return disk


def spare(engine: Engine) -> int:
    """Bytes of build cache that a build may drop to make room: none where it is to be kept, or the engine is remote.

    Raises:
        EngineMissing: the daemon went away.
    """
    if engine_disk(engine) is None or os.environ.get(KEEP_CACHE):
        return 0
    return cache_use(engine).reclaimable


def reclaim(engine: Engine, wanted: int, say: Say) -> int:
    """Drop build cache, what was used least first, until ``wanted`` bytes are free or no more can go.

    Returns:
        Bytes dropped; 0 where there was room, or the engine is remote.

    Raises:
        EngineMissing: the daemon went away.
    """
    disk = engine_disk(engine)
    if disk is None or (free := free_bytes(disk)) >= wanted or not cache_use(engine).reclaimable:
        return 0
    say(
        f"{disk} has {free / GIB:.1f} GiB free: dropping what was used least of the build cache, "
        f"until {wanted / GIB:.1f} GiB are"
    )
    dropped = 0
    while (short := wanted - free_bytes(disk)) > 0:
        now = drop_least_used(engine, min(short, AT_A_TIME))
        if now == 0:
            break
        dropped += now
    say(f"dropped {dropped / GIB:.1f} GiB of build cache: {free_bytes(disk) / GIB:.1f} GiB are free now")
    return dropped


def require_engine_room(engine: Engine, needed: int, purpose: str, say: Say) -> None:
    """Do nothing where ``needed`` bytes are free on a local engine's disk; where they are not, but build cache can make
    way, drop some of it, up to a comfortable amount.

    Raises:
        DiskFull: too little is free, and build cache does not make up for it or is to be kept.
        EngineMissing: the daemon went away.
    """
    disk = engine_disk(engine)
    if disk is None or (free := free_bytes(disk)) >= needed:
        return
    can_go = cache_use(engine).reclaimable
    remedy = f"{OTHER_ROOM} ({can_go / GIB:.1f} GiB of build cache can go, too little)"
    if free + can_go >= needed:
        if not os.environ.get(KEEP_CACHE):
            reclaim(engine, COMFORTABLE, say)
        else:
            remedy = (
                f"mlperf-bake doctor --mend drops what was used least of {can_go / GIB:.1f} GiB of build cache, "
                f"until {COMFORTABLE / GIB:.0f} GiB are free; without {KEEP_CACHE} a build does so by itself"
            )
    require_room(disk, needed, purpose, remedy)
