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


def has_given_weights(image: PlannedImage, there: str, last: Ingredients) -> bool:
    """Whether the image with fingerprint ``there`` and the ingredients ``last`` is the planned one but for weights that
    the user gave: the same Dockerfile, the same files, the same base."""
    given = last.get(GIVEN_WEIGHTS)
    if given is None:
        return False
    ingredients = tuple(sorted({**dict(image.ingredients), GIVEN_WEIGHTS: given}.items()))
    return fingerprint(image.sections, ingredients_label(ingredients)) == there


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
