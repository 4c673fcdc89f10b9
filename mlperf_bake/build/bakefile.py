"""Planned images as explicit bake JSON: no matrix, no HCL, nothing left for buildx to decide.

The Dockerfile travels inline, so what is built is what was planned. Bake reads JSON strings as templates, so ``${`` and
``%{`` are escaped everywhere. Same input, same bytes.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.build.cache import CachePlace, cache_entries
from mlperf_bake.engine.attributes import attributes
from mlperf_bake.engine.secrets import Secret
from mlperf_bake.plan.image import PlannedImage

TARGETS_A_CALL = 50
"""More than about a hundred targets in one call overwhelm the docker driver."""


EPOCH = 315532800
"""1980-01-01 in seconds: every time in an image that leaves this machine, so that equal content is equal bytes. It lies before
any file's own time, which differs from checkout to checkout."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where images go.

    Attributes:
        registry: prefix of every tag, ``registry.example/team``; empty for none.
        layouts: a directory that gets each image as an OCI layout below its cell id, with its provenance; None for the
            engine's own store.
        epoch: SOURCE_DATE_EPOCH of such layouts; the times of their files are set to it by ``build.settled``.
        cache_to: where build caches are written to.
        cache_from: where they are read from.
        stage: the one stage that is built in the image's place, into the build's cache alone; empty for the image.
    """

    registry: str = ""
    layouts: Path | None = None
    epoch: int = EPOCH
    cache_to: tuple[CachePlace, ...] = ()
    cache_from: tuple[CachePlace, ...] = ()
    stage: str = ""

    def tags(self, image: PlannedImage) -> list[str]:
        """The image's references with the registry in front."""
        return [f"{self.registry}/{tag}" if self.registry else tag for tag in image.tags]

    def layout(self, image: PlannedImage) -> Path | None:
        """The directory that gets the image's OCI layout."""
        return self.layouts / image.cell_id if self.layouts else None


def target_name(cell_id: str) -> str:
    """A cell id as bake accepts it: letters, digits, ``-`` and ``_``; a dot becomes ``_``."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", cell_id)


def bake_file(
    images: Sequence[PlannedImage],
    checkout: str,
    secrets: Iterable[Secret] = (),
    output: Output | None = None,
) -> str:
    """The text of a bake file with one target an image and the group ``default`` of all.

    Args:
        images: at most 50.
        checkout: the main build context.
        secrets: given to every target; steps mount them by id.
        output: where the images go; into the engine's store when left out.

    Raises:
        ValueError: more than 50 images, or two whose target names are the same.
    """
    if len(images) > TARGETS_A_CALL:
        raise ValueError(f"{len(images)} targets in one bake call, at most {TARGETS_A_CALL}")
    names = [target_name(image.cell_id) for image in images]
    if len(set(names)) != len(names):
        raise ValueError("two cells have the same target name")
    where = output or Output()
    arguments = [secret.argument for secret in secrets]
    targets = {
        name: _target(image, checkout, arguments, where) for name, image in zip(names, images, strict=True)
    }
    return (
        json.dumps({"group": {"default": {"targets": names}}, "target": targets}, indent=1, sort_keys=True)
        + "\n"
    )


def _target(image: PlannedImage, checkout: str, secrets: list[str], output: Output) -> dict[str, object]:
    layout = output.layout(image)
    target: dict[str, object] = {
        "context": _literal(checkout),
        "dockerfile-inline": _literal(image.dockerfile),
        "platforms": [image.platform],
        "output": ["type=docker"],
        "attest": ["type=provenance,disabled=true"],
    }
    arguments = dict(image.build_args)
    if output.stage:
        target |= {"target": output.stage, "output": ["type=cacheonly"]}
    elif layout is None:
        target["tags"] = [_literal(tag) for tag in output.tags(image)]
    else:
        target["output"] = [_literal(attributes("type=oci", f"dest={layout}", "tar=false"))]
        target["attest"] = ["type=provenance,mode=max"]
        arguments["SOURCE_DATE_EPOCH"] = str(output.epoch)
    for key, pairs in (("args", arguments.items()), ("contexts", image.contexts), ("labels", image.labels)):
        if pairs:
            target[key] = {name: _literal(value) for name, value in pairs}
    if secrets:
        target["secret"] = [_literal(argument) for argument in secrets]
    for key, entries in (
        ("cache-to", cache_entries(output.cache_to, image.cell_id, "to")),
        ("cache-from", cache_entries(output.cache_from, image.cell_id, "from")),
    ):
        if entries:
            target[key] = [_literal(entry) for entry in entries]
    return target


def _literal(text: str) -> str:
    """Text that bake's template language gives back unchanged."""
    return text.replace("${", "$${").replace("%{", "%%{")
