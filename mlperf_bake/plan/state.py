"""Whether a planned image is built already, and if not, why: what changed since the image that is there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from mlperf_bake.plan.image import PlannedImage, fingerprint

INGREDIENTS_LABEL = "org.mlperf-bake.ingredients"
ROUND_LABEL = "org.mlperf-bake.round"
GIVEN_WEIGHTS = "context weights"
"""The ingredient that stands for weights of the user's own, which no checksum of the lock fixes."""
GIVEN_REFERENCE = "context reference"
"""Likewise for a repository of the user's own in the place of the locked commit."""
SHOWN = 3

_ENCODER = json.JSONEncoder()

Ingredients = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """What a build would do with one image, unknown where no engine tells, and the reason in words."""

    action: Literal["build", "up to date", "unknown"]
    why: str


UP_TO_DATE = State("up to date", "an image with this fingerprint is there")
OTHER_NAME = State("build", "an image with this fingerprint is there, under another name only")


def ingredients_label(ingredients: tuple[tuple[str, str], ...]) -> str:
    """The text of the label that lets a later plan say what changed."""
    return "{" + ",".join(map(_member, ingredients)) + "}"


@lru_cache(maxsize=65536)  # images share most of their ingredients
def _member(ingredient: tuple[str, str]) -> str:
    name, digest = ingredient
    return f"{_ENCODER.encode(name)}:{_ENCODER.encode(digest)}"


def read_ingredients(label: str) -> dict[str, str]:
    """The ingredients in a label; empty where it is not one of ours."""
    try:
        value = json.loads(label)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(digest) for name, digest in value.items()} if isinstance(value, dict) else {}


def given_contexts_of(image: PlannedImage, there: str, last: Ingredients) -> tuple[str, ...]:
    """The contexts, of ``weights`` and ``reference``, that the user gave to the image with fingerprint ``there`` and the
    ingredients ``last``; none where it is not the planned one but for them: the same Dockerfile, files and base."""
    given = {name: last[name] for name in (GIVEN_WEIGHTS, GIVEN_REFERENCE) if name in last}
    ingredients = tuple(sorted({**dict(image.ingredients), **given}.items()))
    if not given or fingerprint(image.sections, ingredients_label(ingredients)) != there:
        return ()
    return tuple(name.removeprefix("context ") for name in given)


def state(image: PlannedImage, last: Ingredients | None) -> State:
    """The state of an image that is not there.

    Args:
        last: the ingredients of the newest image of this cell; None where there is none.
    """
    if last is None:
        return State("build", "never built here")
    now = dict(image.ingredients)
    changed = [f"{name} changed" for name in sorted(now.keys() & last.keys()) if now[name] != last[name]]
    changed += [f"{name} is new" for name in sorted(now.keys() - last.keys())]
    changed += [f"{name} is gone" for name in sorted(last.keys() - now.keys())]
    if not changed:
        return State("build", "the image that is there records nothing to compare with")
    more = f", and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    return State("build", ", ".join(changed[:SHOWN]) + more)
