"""Whether a cache that BuildKit wrote holds what every step made.

Of a step that it remembers BuildKit may have dropped the files: where only what follows is needed, it finds that step again by
its name alone and writes no files of it. The image as it is then builds from that cache all the same; one in which something
between the two changed does not, without a network.

Form: BuildKit's cache/remotecache/v1 (CacheConfig): ``records``, each a step's name (``digest``) with what it was made from
(``inputs``: for each of its sources the records that are equal to it) and its files (``layers`` or ``chains``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlperf_bake.bundle.record import CACHE_CONFIG

if TYPE_CHECKING:
    from mlperf_bake.oci.layout import Descriptor, Layout


@dataclass
class _Step:
    """All records of one name: BuildKit keeps one for each way in which it met the step.

    Attributes:
        held: whether its files are there.
        sources: for each of what it was made from, the names of the steps that are equal to it.
    """

    held: bool
    sources: dict[int, set[str]]

    @property
    def is_source(self) -> bool:
        """Whether nothing was done to have it: a base image, a file of the context."""
        return not self.sources


def lacking_steps(store: Layout, tops: Iterable[Descriptor]) -> int:
    """How many steps, that what is there was made from, these cache entries know by name alone."""
    lacking: set[str] = set()
    for top in tops:
        listed = json.loads(store.blob(top.digest).read_bytes())["manifests"]
        for entry in listed:
            if entry["mediaType"] == CACHE_CONFIG:
                lacking |= _lacking(json.loads(store.blob(entry["digest"]).read_bytes()))
    return len(lacking)


def _lacking(config: Mapping[str, Any]) -> set[str]:
    """The first of the equal steps, where the files of none of them are there."""
    steps = _steps(config.get("records") or ())
    waiting = [name for name, step in steps.items() if step.held]
    seen = set(waiting)
    found: set[str] = set()
    while waiting:
        for equal in steps[waiting.pop()].sources.values():
            done = {name for name in equal if not steps[name].is_source}
            if done and not any(steps[name].held for name in done):
                found.add(min(done))
                waiting += done - seen
                seen |= done
    return found


def _steps(records: Iterable[Mapping[str, Any]]) -> dict[str, _Step]:
    known = list(records)
    steps: dict[str, _Step] = {}
    for record in known:
        step = steps.setdefault(str(record["digest"]), _Step(False, {}))
        step.held = step.held or bool(record.get("layers") or record.get("chains"))
        for place, equal in enumerate(record.get("inputs") or ()):
            names = {str(known[one["link"]]["digest"]) for one in equal}
            step.sources.setdefault(place, set()).update(names)
    return steps
