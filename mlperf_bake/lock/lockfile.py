"""matrix.lock: read, written, and held against what the matrix demands.

The file is sorted, has one entry a thing, and carries the checksum of the demands it was made from. Weights without a
``sha256`` are trained by their recipe, and differ in the last bits from one kind of processor to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mlperf_bake.errors import Stale, UsageError
from mlperf_bake.lock.demand import Demand, checksum
from mlperf_bake.matrix.document import parse, read_text
from mlperf_bake.matrix.schema import check, load_schema

HEADER = (
    "# Written by `mlperf-bake lock`; pins what matrix.yaml names to hashes. Commit it; do not edit it.\n"
)


@dataclass(frozen=True, slots=True)
class BasePin:
    """A base image: ``reference`` (image:tag) and the digest of its multi-platform index."""

    reference: str
    digest: str

    @property
    def pinned(self) -> str:
        """``image:tag@sha256:...``."""
        return f"{self.reference}@{self.digest}"


@dataclass(frozen=True, slots=True)
class FilePin:
    """One file of a registry: what was asked for, its name (of a Debian package: its path in the archive, so that it is
    fetched without package lists) and its sha256 (64 hex digits)."""

    version: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Lock:
    """Everything pinned, by section and key (see demand.py)."""

    made_from: str
    bases: Mapping[str, BasePin]
    loadgen: Mapping[str, FilePin]
    packages: Mapping[str, FilePin]
    weights: Mapping[str, str | None]
    wanted: frozenset[Demand]


def load_lock(path: Path, name: str | None = None) -> Lock:
    """The lock in ``path``.

    Errors:
        Stale: there is none.
        UsageError: it is damaged; each problem with its place.
    """
    shown = name or str(path)
    if not path.exists():
        raise Stale("there is no lock", where=shown, remedy="mlperf-bake lock")
    node, problems = parse(read_text(path, shown), shown)
    check(node, load_schema("lock.schema.json", "mlperf_bake.lock"), problems)
    problems.raise_if_any()
    data = cast(dict[str, dict[str, dict[str, Any]]], node.plain())
    sections = ("bases", "loadgen", "packages", "weights")
    return Lock(
        made_from=str(data["made_from"]),
        bases={key: BasePin(entry["wanted"], entry["digest"]) for key, entry in data["bases"].items()},
        loadgen=_files(data["loadgen"]),
        packages=_files(data["packages"]),
        weights={key: entry.get("sha256") for key, entry in data["weights"].items()},
        wanted=frozenset(
            Demand(cast(Any, section), key, entry["wanted"])
            for section in sections
            for key, entry in data[section].items()
        ),
    )


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
    wanted = {(demand.section, demand.key): demand.wanted for demand in lock.wanted}
    lines = [HEADER, "version: 1\n", f"made_from: {lock.made_from}\n"]

    def section(name: str, entries: Iterable[tuple[str, str]]) -> None:
        lines.append(f"{name}:\n")
        lines.extend(
            f'  "{key}": {{wanted: "{wanted[cast(Any, name), key]}"{rest}}}\n'
            for key, rest in sorted(entries)
        )

    section("bases", ((key, f", digest: {pin.digest}") for key, pin in lock.bases.items()))
    section("loadgen", ((key, _file(pin)) for key, pin in lock.loadgen.items()))
    section("packages", ((key, _file(pin)) for key, pin in lock.packages.items()))
    section("weights", ((key, f', sha256: "{pin}"' if pin else "") for key, pin in lock.weights.items()))
    return "".join(lines)


def base_pin(lock: Lock, os: str, name: str) -> BasePin:
    """The base image of an OS.

    Errors:
        UsageError: the lock has none.
    """
    try:
        return lock.bases[os]
    except KeyError:
        raise UsageError(
            f'no base image is locked for "{os}"', where=name, remedy="mlperf-bake lock"
        ) from None


def _files(section: Mapping[str, Mapping[str, str]]) -> dict[str, FilePin]:
    return {key: FilePin(entry["wanted"], entry["file"], entry["sha256"]) for key, entry in section.items()}


def _file(pin: FilePin) -> str:
    return f', file: {pin.file}, sha256: "{pin.sha256}"'
