"""Planned images as explicit bake JSON: no matrix, no HCL, nothing left for buildx to decide.

The Dockerfile travels inline, so what is built is what was planned. Bake reads JSON strings as templates, so ``${`` and
``%{`` are escaped everywhere. Same input, same bytes.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlperf_bake.engine.secrets import Secret
from mlperf_bake.plan.image import PlannedImage

TARGETS_A_CALL = 50
"""More than about a hundred targets in one call overwhelm the docker driver."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where images go.

    Attributes:
        push: to the registry in their tags, with provenance, instead of only into the engine's store.
        registry: prefix of every tag, ``registry.example/team``; empty for none.
    """

    push: bool = False
    registry: str = ""

    def tags(self, image: PlannedImage) -> list[str]:
        """The image's references with the registry in front."""
        return [f"{self.registry}/{tag}" if self.registry else tag for tag in image.tags]


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
    target: dict[str, object] = {
        "context": _literal(checkout),
        "dockerfile-inline": _literal(image.dockerfile),
        "platforms": [image.platform],
        "tags": [_literal(tag) for tag in output.tags(image)],
        "output": ["type=image,push=true" if output.push else "type=docker"],
        "attest": ["type=provenance,mode=max" if output.push else "type=provenance,disabled=true"],
    }
    for key, pairs in (("args", image.build_args), ("contexts", image.contexts), ("labels", image.labels)):
        if pairs:
            target[key] = {name: _literal(value) for name, value in pairs}
    if secrets:
        target["secret"] = [_literal(argument) for argument in secrets]
    return target


def _literal(text: str) -> str:
    """Text that bake's template language gives back unchanged."""
    return text.replace("${", "$${").replace("%{", "%%{")
