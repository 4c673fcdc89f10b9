"""matrix.lock brought up to date: what is missing is pinned, what nothing wants is dropped, the rest stays as it is.

Nothing that is locked already is asked for again, so without changes to the matrix this needs no network. What cannot
be pinned is named at the end; everything else is written all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlperf_bake.errors import BakeError, NothingSelected, Stale, UsageError
from mlperf_bake.lock.demand import SUPPLIED, Demand
from mlperf_bake.lock.lockfile import lock_of, read_lock, write_lock
from mlperf_bake.lock.pins import Pin, is_open, words

if TYPE_CHECKING:
    from mlperf_bake.matrix.matrix import Matrix

Change = tuple[str, str]
"""An entry as ``section/key``, and what happened to it in words."""
FILE = "matrix.lock"


class Lockable(Protocol):
    """What of a project a lock is made from."""

    @property
    def root(self) -> Path: ...
    @property
    def sources(self) -> Path: ...
    @property
    def matrix(self) -> Matrix: ...
    @property
    def demands(self) -> tuple[Demand, ...]: ...


def update_lock(
    project: Lockable,
    glob: str,
    say: Callable[[str], None],
    pin: Callable[[Demand], Pin] | None = None,
) -> tuple[Change, ...]:
    """Writes matrix.lock, in one step and only where it changes.

    Args:
        glob: entries (``section/key``) to pin anew though they are locked; empty for none.
        say: called with one line before each thing that is fetched.
        pin: what pins one demand; the registries and the hub of this machine's own settings where not given.

    Returns:
        Each entry that changed, and how, sorted.

    Errors:
        NothingSelected: no entry fits the glob.
        Stale: some entries could not be pinned, each with its reason; the others are written.
        UsageError: the old lock is damaged, or the file cannot be written.
    """
    wanted = project.demands
    if glob and not any(fnmatchcase(_entry(demand), glob) for demand in wanted):
        raise NothingSelected(
            f'no entry fits "{glob}"',
            where=FILE,
            expected="a pattern over " + ", ".join(sorted({f"{demand.section}/..." for demand in wanted})),
            remedy="for example --update 'packages/pypi *'",
        )
    if pin is None:
        from mlperf_bake.lock.pinning import Pinning

        pin = Pinning(project.matrix, say, project.sources)
    old, edited = _read(project.root / FILE)
    new: dict[Demand, Pin] = {}
    failures: list[tuple[str, BakeError]] = []
    for demand in wanted:
        if demand in old and not (glob and fnmatchcase(_entry(demand), glob)) and not _is_local(demand):
            new[demand] = old[demand]
            continue
        try:
            found = pin(demand)
            # What fixes nothing stands in for a pin that nobody knows yet, never for one that is locked.
            new[demand] = old.get(demand, found) if is_open(found) and not _is_local(demand) else found
        except BakeError as error:
            failures.append((_entry(demand), error))
            if demand in old:
                new[demand] = old[demand]
    changes = _changes(old, new, edited)
    text = write_lock(lock_of(new))
    if not _same(project.root / FILE, text):
        _replace(project.root / FILE, text)
    if failures:
        raise Stale(
            f"{len(failures)} of {len(wanted)} entries could not be pinned; the others are written",
            where=FILE,
            found="\n            ".join(f"{entry}: {_brief(error)}" for entry, error in failures),
            remedy=failures[0][1].remedy or "run `mlperf-bake lock` again where they can be fetched",
        )
    return changes


def _entry(demand: Demand) -> str:
    return f"{demand.section}/{demand.key}"


def _is_local(demand: Demand) -> bool:
    """What a recipe declares is read off this checkout each time; it costs no fetching."""
    return demand.section == "weights" and demand.wanted.startswith(("recipe ", SUPPLIED))


def _read(path: Path) -> tuple[dict[Demand, Pin], frozenset[str]]:
    """Every entry of the lock that is there, stale or not, and those that were edited by hand, which count as unknown;
    nothing where there is no file."""
    if not path.exists():
        return {}, frozenset()
    lock, edits = read_lock(path, FILE)
    edited = {demand for demand, _ in edits}
    known = {demand: pin for demand, pin in lock.pins.items() if demand not in edited}
    return known, frozenset(map(_entry, edited))


def _changes(
    old: Mapping[Demand, Pin], new: Mapping[Demand, Pin], edited: frozenset[str]
) -> tuple[Change, ...]:
    before = {_entry(demand): pin for demand, pin in old.items()}
    after = {_entry(demand): pin for demand, pin in new.items()}
    gone = (before.keys() | edited) - after.keys()
    changes: list[Change] = [(entry, "no longer wanted, dropped") for entry in gone]
    for entry, pin in after.items():
        if entry not in before:
            how = "was edited by hand, pinned anew to" if entry in edited else "pinned to"
            changes.append((entry, f"{how} {words(pin)}"))
        elif before[entry] != pin:
            changes.append((entry, f"was {words(before[entry])}, now {words(pin)}"))
    return tuple(sorted(changes))


def _brief(error: BakeError) -> str:
    details = [error.found or "", f"expected {error.expected}" if error.found and error.expected else ""]
    told = "; ".join(filter(None, details))
    return error.problem + (f" ({told})" if told else "")


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_bytes() == text.encode()


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            partial.write_bytes(text.encode())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            "the lock cannot be written",
            where=FILE,
            found=error.strerror or str(error),
            remedy="make the checkout writable and run `mlperf-bake lock` again",
        ) from error
