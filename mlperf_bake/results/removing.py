"""How a run is removed from a volume, which nobody but the engine can write to: by `rm` in an image that is there anyway."""

import shlex

from mlperf_bake.results.manifest import Manifest

_SHORT = 12
"""Hex digits of the fingerprint in an image's tag."""


def removing_command(volume: str, run_id: str, image: str) -> str:
    """The command that removes one run.

    Args:
        volume: its name.
        image: a local image with `rm`, as every image of ours has it; its user owns what runs left.
    """
    words = [
        "docker",
        "run",
        "--rm",
        "--network=none",
        "--volume",
        f"{volume}:/results",
        "--entrypoint",
        "rm",
    ]
    return shlex.join([*words, image, "-r", f"/results/{run_id}"])


def image_of(manifest: Manifest) -> str:
    """The image that a run was made with; one that was built without this tool has no fixed tag."""
    fingerprint = manifest.fingerprint
    tag = fingerprint.removeprefix("sha256:")[:_SHORT] if fingerprint else "latest"
    return f"mlperf-bake/{manifest.cell.id}:{tag}"
