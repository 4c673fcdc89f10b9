"""The stages of a rendered Dockerfile, and what each of them is made of: read off its own FROM, COPY and RUN lines."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from mlperf_bake.render.copied import LAYERS_TOO, STAGES_TOO, instructions

_FROM = re.compile(r"^FROM (?:--\S+ )*(?P<base>\S+)(?: AS (?P<name>\S+))?$", re.I)
_TAKEN = re.compile(r"--from=(\S+)|--mount=\S*\bfrom=([^,\s]+)")


class Stage(NamedTuple):
    """One stage that has a name.

    Attributes:
        name: as ``FROM ... AS name`` says.
        needs: names of the earlier stages that it starts from, copies from or mounts.
        works: whether it has a step of its own; without, it is only another name of an image.
    """

    name: str
    needs: frozenset[str]
    works: bool


def stages(text: str) -> tuple[Stage, ...]:
    """The named stages in the order of the file, so that what a stage needs comes before it.

    Source: the Dockerfile reference, "FROM", "COPY --from", "RUN --mount".
    """
    found: dict[str, Stage] = {}
    name = ""
    for instruction in instructions(text, STAGES_TOO):
        begins = _FROM.match(instruction)
        if begins:
            name = begins["name"] or ""
            found[name] = Stage(name, frozenset(found.keys() & {begins["base"]}), works=False)
        elif name in found:
            taken = {image or mount for image, mount in _TAKEN.findall(instruction)}
            found[name] = Stage(name, found[name].needs | (found.keys() & taken), works=True)
    found.pop("", None)
    return tuple(found.values())


def own_layers(text: str, given: Container[str] = ()) -> int:
    """How many layers the image that a Dockerfile makes has at most above those of the image that it starts from.

    Args:
        given: names of stages that a named context replaces.

    Source: BuildKit makes a layer for each RUN, COPY, ADD and WORKDIR of the last stage and of those that it starts from.
    """
    bases: dict[str, str] = {}
    counts: dict[str, int] = {}
    name = ""
    for instruction in instructions(text, LAYERS_TOO):
        begins = _FROM.match(instruction)
        if begins:
            name = begins["name"] or ""  # only the last one has none, or nothing can start from it
            bases[name], counts[name] = begins["base"], 0
        elif name in counts:
            counts[name] += 1
    found = 0
    while name in counts and name not in given:
        found += counts.pop(name)
        name = bases[name]
    return found
