"""Where the cache lies; on its own, so that asking costs no import of what fills it."""

import os
from pathlib import Path

from mlperf_bake.errors import UsageError


def default_root() -> Path:
    """$MLPERF_BAKE_CACHE, else $XDG_CACHE_HOME/mlperf-bake, else ~/.cache/mlperf-bake.

    Raises:
        UsageError: none of them, because this user has no home directory.
    """
    if own := os.environ.get("MLPERF_BAKE_CACHE"):
        return Path(own).absolute()
    # The XDG specification: a relative path is invalid and to be ignored.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if base.is_absolute():
        return base / "mlperf-bake"
    try:
        return Path.home() / ".cache" / "mlperf-bake"
    except RuntimeError as error:
        raise UsageError(
            "there is no place for the cache: this user has no home directory",
            remedy="export MLPERF_BAKE_CACHE=DIRECTORY",
        ) from error
