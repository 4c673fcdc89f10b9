"""What a builder on another machine needs of this one: images that only this machine's engine has, as OCI layouts.

A buildx builder of the drivers docker-container, remote and kubernetes sees no image of the engine. It reads named contexts
``oci-layout://DIR@DIGEST`` through the client, so an image of the engine is saved once and given in that form; its
layers, and with them the cache keys and the fingerprint, are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.engine.command import call
from mlperf_bake.engine.saved import save_layout
from mlperf_bake.errors import EngineMissing, UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.oci.layout import Layout

if TYPE_CHECKING:
    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.plan.image import PlannedImage

OWN = "docker-image://mlperf-bake/base:"


def with_layouts(
    images: Iterable[PlannedImage], engine: Engine, place: Path, say: Callable[[str], None]
) -> tuple[PlannedImage, ...]:
    """The images with base images made here given as OCI layouts.

    Args:
        place: a directory for the layouts; one of an earlier call is used again.

    Errors:
        UsageError: the engine cannot save one.
    """
    known: dict[str, str] = {}

    def given(value: str) -> str:
        if not value.startswith(OWN):
            return value
        if value not in known:
            known[value] = _layout(value.removeprefix("docker-image://"), engine, place, say)
        return known[value]

    return tuple(
        replace(image, contexts=tuple((name, given(value)) for name, value in image.contexts))
        for image in images
    )


def require_layouts(engine: Engine, output: Output, builder: str) -> None:
    """Does nothing where builds can leave OCI layouts and caches.

    Errors:
        EngineMissing: the engine's own builder cannot, because it keeps images in its older store.
    """
    needed = output.layouts is not None or output.cache_to
    if needed and not builder and not engine.containerd_store:
        raise EngineMissing(
            "this engine's own builder cannot write images or caches for elsewhere",
            where=engine.host,
            found="images are kept in Docker's older store",
            expected="containerd's image store, or another builder",
            remedy="docker buildx create --name bake --driver docker-container, then --builder bake; or set "
            '{"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json and start the engine anew',
        )


def require_builder(engine: Engine, name: str) -> None:
    """Does nothing where buildx knows a builder of this name, or none is named.

    Errors:
        UsageError: it knows none; with those that it knows.
    """
    if not name or call((*engine.buildx, "inspect", name)).ok:
        return
    listed = call((*engine.buildx, "ls", "--format", "{{.Builder.Name}}"))
    known = sorted(dict.fromkeys(listed.stdout.split())) if listed.ok else []
    raise UsageError(
        f"buildx knows no builder {name}{did_you_mean(name, known)}",
        expected=", ".join(known) or "one that `docker buildx ls` shows",
        remedy=f"docker buildx create --name {name} --driver docker-container",
    )


def _layout(reference: str, engine: Engine, place: Path, say: Callable[[str], None]) -> str:
    answer = engine.call("image", "inspect", "--format", "{{.Id}}", reference)
    key = hashlib.sha256(f"{reference} {answer.stdout.strip()}".encode()).hexdigest()[:12]
    directory = place / key
    if not (directory / "index.json").is_file():
        say(f"saving {reference} for the builder")
        save_layout(engine, reference, directory)
    return f"oci-layout://{directory.resolve()}@{Layout(directory).top.digest}"
