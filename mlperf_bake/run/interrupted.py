"""What a run that was stopped leaves in a directory of results, and its removal: nothing of it counts."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlperf_bake.errors import UsageError
from mlperf_bake.results.archive import PARTIAL
from mlperf_bake.results.manifest import read_manifest
from mlperf_bake.results.removing import removing_command
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.run.request import RunRequest, Volume

AGAIN = "the same command makes the run anew"
"""What to do after an interrupted run."""
RESULTS = "/results"
"""Where the harness writes, within its container."""


def going_on(request: RunRequest) -> str:
    """What to do after an interrupted run, and how what it left in a volume is removed; in a directory nothing is left."""
    if not isinstance(request.results, Volume):
        return AGAIN
    removing = removing_command(request.results.name, request.run_id, request.image)
    return f"{AGAIN}; what this one left stays in the volume until\n            {removing}"


def remove_interrupted(results: Path, run_id: str) -> None:
    """Removes what is there of a run that was stopped, as far as this user may; a finished run is never touched."""
    if not run_id or Path(run_id).name != run_id:
        return
    shutil.rmtree(results / f"{PARTIAL}{run_id}", ignore_errors=True)
    directory = results / run_id
    try:
        stopped = read_manifest(directory / MANIFEST).status == "interrupted"
    except (UsageError, OSError):
        return
    if stopped:
        shutil.rmtree(directory, ignore_errors=True)


def directory_of(container: Mapping[str, Any], mounted_at: str = RESULTS) -> Path | None:
    """The directory of this machine that a container, as the engine describes it, writes to; None for a volume."""
    for mount in container.get("Mounts") or ():
        if mount.get("Type") == "bind" and mount.get("Destination") == mounted_at:
            return Path(mount["Source"])
    return None
