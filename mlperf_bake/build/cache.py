"""Where BuildKit's cache of a cell's stages is kept for other machines: a registry, a directory, GitHub's cache.

Each cell has an entry of its own, and one that it shares with the cells of the same framework, hardware and OS: whatever
cell wrote that last, it holds the stages that all of them share, so a new cell builds only its own.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mlperf_bake.engine.attributes import attributes, read_attributes
from mlperf_bake.errors import UsageError

Direction = Literal["to", "from"]

NAMED_BY = {"registry": "ref", "local": "dest", "gha": "scope"}
"""Kind of place to the attribute that names it, which an entry's name is added to."""


MODES = ("max", "min")


@dataclass(frozen=True, slots=True)
class CachePlace:
    """One place.

    Attributes:
        kind: ``registry``, ``local`` or ``gha``.
        place: repository, directory or scope; an entry's name is added to it.
        rest: other attributes as buildx takes them, such as ``compression=zstd``.
        mode: what is written there: ``max`` for every stage, ``min`` for the steps of the image itself.
    """

    kind: str
    place: str
    rest: tuple[str, ...] = ()
    mode: str = "max"


def parse_cache(text: str) -> CachePlace:
    """A place as buildx spells it: ``type=registry,ref=HOST/REPOSITORY``, ``type=local,dest=DIRECTORY``, ``type=gha``.

    Errors:
        UsageError: no such kind or mode, or no place.
    """
    try:
        fields = read_attributes(text)
    except csv.Error:
        fields = {}
    kind = fields.pop("type", "")
    place = fields.pop("src", "") or fields.pop("dest", "") if kind == "local" else ""
    place = place or fields.pop(NAMED_BY.get(kind, ""), "")
    if kind == "gha":
        place = place or "mlperf-bake"
    if not place or (kind == "registry" and ":" in place.rpartition("/")[2]):
        raise UsageError(
            "not a place for a build cache",
            found=text,
            expected="type=registry,ref=HOST/REPOSITORY (no tag: each cell has its own), "
            "type=local,dest=DIRECTORY or type=gha",
        )
    mode = fields.pop("mode", "max")
    if mode not in MODES:
        raise UsageError(
            "a build cache has another mode",
            found=text,
            expected="mode=max (every stage; the default) or mode=min",
        )
    rest = tuple(f"{name}={value}" for name, value in sorted(fields.items()))
    return CachePlace(kind, place, rest, mode)


def cache_entries(places: Iterable[CachePlace], cell_id: str, direction: Direction) -> tuple[str, ...]:
    """The ``cache-to`` or ``cache-from`` entries of a cell."""
    return tuple(
        attributes(
            f"type={place.kind}", _named(place, name, direction), *place.rest, *_mode(place, direction)
        )
        for place in places
        for name in entry_names(cell_id)
    )


def entry_names(cell_id: str) -> tuple[str, str]:
    """The cell's own entry, and that of all cells with its framework, hardware and OS."""
    return cell_id, "-".join(("stages", *cell_id.split("-")[-3:]))


def _named(place: CachePlace, name: str, direction: Direction) -> str:
    match place.kind:
        case "registry":
            return f"ref={place.place}:{name}"
        case "local":
            return f"{'dest' if direction == 'to' else 'src'}={place.place}/{name}"
        case _:
            return f"scope={place.place}-{name}"


def _mode(place: CachePlace, direction: Direction) -> tuple[str, ...]:
    return (f"mode={place.mode}",) if direction == "to" else ()
