"""matrix.lock: read, written, and held against what the matrix demands.

The file is sorted, has one entry a line, and carries the checksum of the demands it was made from. Each entry ends with a
check over itself, so that an edit by hand is noticed and named. Weights without a ``sha256`` are trained by their recipe, and
differ in the last bits from one kind of processor to another; a base image without a ``digest`` is one that no hub has
given yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from mlperf_bake.errors import Stale, UsageError
from mlperf_bake.lock.demand import SECTIONS, Demand, Section, checksum
from mlperf_bake.lock.pins import BasePin, FilePin, Pin, SourcePin, entry_check, fields
from mlperf_bake.matrix.document import parse, read_text
from mlperf_bake.matrix.node import Node
from mlperf_bake.matrix.schema import check, load_schema

__all__ = [
    "BasePin",
    "FilePin",
    "Lock",
    "SourcePin",
    "differences",
    "load_lock",
    "require_current",
    "write_lock",
]

HEADER = (
    "# Written by `mlperf-bake lock`; pins what matrix.yaml names to hashes. Commit it; do not edit it.\n"
)
SHOWN = 5

P = TypeVar("P")


@dataclass(frozen=True)
class Lock:
    """Everything pinned, by section and key (see demand.py)."""

    made_from: str
    bases: Mapping[str, BasePin]
    loadgen: Mapping[str, FilePin]
    packages: Mapping[str, FilePin]
    weights: Mapping[str, str | None]
    wanted: frozenset[Demand]
    sources: Mapping[str, SourcePin] = field(default_factory=dict)

    @cached_property
    def pins(self) -> Mapping[Demand, Pin]:
        """Every entry: what was demanded, and its pin."""
        sections: Mapping[Section, Mapping[str, Pin]] = {
            "bases": self.bases,
            "loadgen": self.loadgen,
            "packages": self.packages,
            "sources": self.sources,
            "weights": self.weights,
        }
        return {demand: sections[demand.section][demand.key] for demand in self.wanted}

    @property
    def unlocked_bases(self) -> tuple[str, ...]:
        """The base images that no hub has given a digest for yet, sorted."""
        return tuple(sorted(pin.reference for pin in self.bases.values() if pin.digest is None))


def lock_of(pins: Mapping[Demand, Pin]) -> Lock:
    """The lock that has these entries.

    Errors:
        TypeError: a pin is not of its section's kind.
    """

    def section(name: Section, kind: type[P]) -> dict[str, P]:
        found: dict[str, P] = {}
        for demand, pin in pins.items():
            if demand.section == name:
                if not isinstance(pin, kind):
                    raise TypeError(f"{name}/{demand.key} cannot be pinned to {pin!r}")
                found[demand.key] = pin
        return found

    return Lock(
        made_from=checksum(tuple(sorted(pins))),
        bases=section("bases", BasePin),
        loadgen=section("loadgen", FilePin),
        packages=section("packages", FilePin),
        sources=section("sources", SourcePin),
        weights=section("weights", cast(type[str | None], (str, type(None)))),
        wanted=frozenset(pins),
    )


def load_lock(path: Path, name: str | None = None) -> Lock:
    """The lock in ``path``.

    Errors:
        Stale: there is none, or entries were edited by hand; each with its line.
        UsageError: it is damaged; each problem with its place.
    """
    shown = name or str(path)
    lock, edited = read_lock(path, shown)
    if edited:
        told = [f"{shown}:{line}: {demand.section}/{demand.key}" for demand, line in edited]
        more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
        raise Stale(
            f"{len(told)} entries of the lock were edited by hand"
            if len(told) > 1
            else "an entry of the lock was edited by hand",
            where=f"{shown}:{edited[0][1]}",
            found="; ".join(told[:SHOWN]) + more,
            expected="what `mlperf-bake lock` wrote",
            remedy=f"git checkout {shown}, or mlperf-bake lock, which pins these entries anew",
        )
    return lock


def read_lock(path: Path, shown: str) -> tuple[Lock, tuple[tuple[Demand, int], ...]]:
    """The lock, stale or not, and each entry that was edited by hand with its line.

    Errors:
        Stale: there is none.
        UsageError: it is damaged; each problem with its place.
    """
    if not path.exists():
        raise Stale("there is no lock", where=shown, remedy="mlperf-bake lock")
    node = _checked(read_text(path, shown), shown)
    pins: dict[Demand, Pin] = {}
    edited: list[tuple[Demand, int]] = []
    for demand, pin, written, line in _entries(node):
        pins[demand] = pin
        if entry_check(demand, pin) != written:
            edited.append((demand, line))
    made_from = str(cast(dict[str, Node], node.mapping)["made_from"].scalar)
    return replace(lock_of(pins), made_from=made_from), tuple(edited)


def _checked(text: str, shown: str) -> Node:
    """The tree of a lock. Errors: UsageError where it is none: cut short, changed by hand, or with both sides of a merge."""
    try:
        node, problems = parse(text, shown)
        check(node, load_schema("lock.schema.json", "mlperf_bake.lock"), problems)
        problems.raise_if_any()
    except UsageError as error:
        merge = re.search("(?m)^<<<<<<< ", text)
        raise UsageError(
            "the lock has both sides of a merge" if merge else "the lock is damaged",
            where=shown,
            found=error.problem,
            expected="what `mlperf-bake lock` wrote",
            remedy=f"git checkout --theirs {shown}, then `mlperf-bake lock`, which pins what that side lacks"
            if merge
            else f"git checkout {shown}, or delete it to pin everything anew; then `mlperf-bake lock`",
        ) from error
    return node


def _entries(node: Node) -> Iterator[tuple[Demand, Pin, str, int]]:
    """Each entry: what was demanded, its pin, its check and its line."""
    assert node.mapping is not None
    for section in SECTIONS:
        entries = node.mapping[section]
        for key, entry in (entries.mapping or {}).items():
            values = cast(dict[str, Any], entry.plain())
            demand = Demand(section, key, values["wanted"])
            yield demand, _pin(section, values), values["check"], entries.key_spots[key].line


def _pin(section: Section, entry: Mapping[str, Any]) -> Pin:
    if section == "bases":
        platforms = tuple(sorted(entry.get("platforms", {}).items()))
        return BasePin(entry["wanted"], entry.get("digest"), platforms)
    if section == "sources":
        return SourcePin(entry["wanted"], entry["commit"])
    if section == "weights":
        sha256: str | None = entry.get("sha256")
        return sha256
    return FilePin(entry["wanted"], entry["file"], entry["sha256"])


def differences(lock: Lock | None, wanted: tuple[Demand, ...]) -> tuple[tuple[Demand, str], ...]:
    """Each demand that the lock lacks (``not locked``), then each entry that nothing demands (``no longer wanted``), sorted.

    Args:
        lock: None where there is none.
    """
    locked = lock.wanted if lock else frozenset()
    missing, idle = frozenset(wanted) - locked, locked - frozenset(wanted)
    return (
        *((demand, "not locked") for demand in sorted(missing)),
        *((demand, "no longer wanted") for demand in sorted(idle)),
    )


def require_current(lock: Lock, wanted: tuple[Demand, ...], name: str) -> None:
    """Does nothing where the lock was made from these demands.

    Errors:
        Stale: names every demand that the lock lacks, and every entry that nothing demands any more.
    """
    found = differences(lock, wanted)
    if not found and lock.made_from == checksum(wanted):
        return
    changes = [f"{change}: {demand.section} {demand.key} ({demand.wanted})" for demand, change in found]
    raise Stale(
        "the lock does not belong to the matrix",
        where=name,
        found="; ".join(changes) or f"made from {lock.made_from}",
        expected=f"made from {checksum(wanted)}",
        remedy="mlperf-bake lock",
    )


def write_lock(lock: Lock) -> str:
    """The text of the file: sorted, LF, one line an entry."""
    lines = [HEADER, "version: 2\n", f"made_from: {lock.made_from}\n"]
    for section in SECTIONS:
        entries = [(demand, lock.pins[demand]) for demand in sorted(lock.wanted) if demand.section == section]
        lines.append(f"{section}:\n" if entries else f"{section}: {{}}\n")
        lines.extend(
            f'  "{demand.key}": {{wanted: "{demand.wanted}"{fields(pin)}, check: "{entry_check(demand, pin)}"}}\n'
            for demand, pin in entries
        )
    return "".join(lines)
