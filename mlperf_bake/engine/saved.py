"""An image out of the engine as an OCI layout."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine

SAVE_S = 3600.0
_KEPT = re.compile(r"^(?:index\.json|oci-layout|blobs/sha256/[0-9a-f]{64})$")


def save_layout(engine: Engine, reference: str, directory: Path) -> Path:
    """Writes an image into ``directory`` as an OCI layout, index.json last; returns it. What was there is gone.

    Errors:
        UsageError: the engine has no such image, or cannot save it.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    whole = directory / "image.tar"
    saved = engine.call("image", "save", "--output", str(whole), reference, timeout=SAVE_S)
    if not saved.ok:
        shutil.rmtree(directory, ignore_errors=True)
        raise UsageError(
            "the engine cannot save the image",
            where=reference,
            found=saved.complaint,
            remedy="docker image ls shows what it has; mlperf-bake build --target=CELL makes one",
        )
    with tarfile.open(whole) as archive:
        kept = [member for member in archive if member.isreg() and _KEPT.match(member.name)]
        for member in sorted(kept, key=lambda member: member.name == "index.json"):
            archive.extract(member, directory, filter="data")
    whole.unlink()
    return directory
