"""``/etc/docker/daemon.json`` of an engine that was set up here: which image store, and how much build cache is kept.

Engine 26 and 27 collect no build cache unless they are told to, and then by size alone; 28 and newer also by what is free, each
under names of its own (``builder.gc`` in dockerd's settings; an engine passes over the names it does not know). Without a limit
the cache grows until the disk is full. A file that anyone else wrote or changed is never touched.
"""

import json
from collections.abc import Callable
from pathlib import Path

from mlperf_bake.engine.disk import COMFORTABLE, GIB, free_bytes

DAEMON_FILE = Path("etc/docker/daemon.json")
DATA = Path("var/lib/docker")

STORE = {"containerd-snapshotter": True}

LEAST_CACHE = 5 * GIB
"""The stages of one family of cells."""
MOST_CACHE = 50 * GIB
"""The stages of all cells that can be built on one machine, several versions of each."""

Say = Callable[[str], None]


def cache_limit(available: int) -> int:
    """Bytes of build cache to keep on a disk with so many bytes available: half, within bounds, in whole GiB."""
    return max(LEAST_CACHE, min(MOST_CACHE, available // 2)) // GIB * GIB


def settings(limit: int) -> dict[str, object]:
    """What daemon.json says; sizes as dockerd reads them (``20GB`` is 20 GiB to it).

    Args:
        limit: bytes of build cache to keep at most.
    """
    kept = f"{limit // GIB}GB"
    collection = {
        "enabled": True,
        "defaultKeepStorage": kept,  # Engine 25 to 27
        "defaultMaxUsedSpace": kept,  # 28 and newer
        "defaultMinFreeSpace": f"{COMFORTABLE // GIB}GB",
        "defaultReservedSpace": "1GB",
    }
    return {"features": STORE, "builder": {"gc": collection}}


def settings_exist(root: Path = Path("/")) -> bool:
    """Whether there is a daemon.json, whoever wrote it."""
    return (root / DAEMON_FILE).exists()


def write_daemon_settings(say: Say, root: Path = Path("/")) -> bool:
    """Write ``daemon.json`` where there is none, and give one that an earlier version of this program wrote its limit on
    build cache; never touch a user's. An engine reads it when it starts.

    Returns:
        Whether the file was written.
    """
    path = root / DAEMON_FILE
    if path.exists() and not _lacks_limit(path):
        return False
    limit = cache_limit(free_bytes(root / DATA))
    say(
        f"writing {path} (containerd's image store: multi-platform images, provenance; at most {limit // GIB} GiB "
        f"of build cache, half of what the disk has available)"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(settings(limit), indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
    return True


def _lacks_limit(path: Path) -> bool:
    """Whether the file is, to the letter, what versions before the limit wrote."""
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")) == {"features": STORE})
    except (OSError, ValueError):
        return False
