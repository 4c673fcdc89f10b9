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
from mlperf_bake.lock.demand import Demand, checksum
from mlperf_bake.lock.lockfile import BasePin, FilePin, Lock, load_lock, write_lock

if TYPE_CHECKING:
    from mlperf_bake.matrix.matrix import Matrix

Pin = BasePin | FilePin | str | None
"""Of a base image, of a file, or the sha256 of weights; None where a recipe trains them anew, or an md5 stands in."""
Change = tuple[str, str]
"""An entry as ``section/key``, and what happened to it in words."""
FILE = "matrix.lock"


class Lockable(Protocol):
    """What of a project a lock is made from."""

    @property
    def root(self) -> Path: ...
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

        pin = Pinning(project.matrix, say)
    old = _read(project.root / FILE)
    new: dict[Demand, Pin] = {}
    failures: list[tuple[str, BakeError]] = []
    for demand in wanted:
        if demand in old and not (glob and fnmatchcase(_entry(demand), glob)) and not _is_local(demand):
            new[demand] = old[demand]
            continue
        try:
            found = pin(demand)
            # An md5 stands in for a sha256 that nobody knows yet, never for one that is locked.
            new[demand] = old.get(demand) if found is None and not _is_local(demand) else found
        except BakeError as error:
            failures.append((_entry(demand), error))
            if demand in old:
                new[demand] = old[demand]
    changes = _changes(old, new)
    text = write_lock(_lock(new))
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
    return demand.section == "weights" and demand.wanted.startswith("recipe ")


def _read(path: Path) -> dict[Demand, Pin]:
    """Every entry of the lock that is there, stale or not; none where there is no file."""
    if not path.exists():
        return {}
    try:
        lock = load_lock(path, FILE)
    except UsageError as error:
        raise UsageError(
            "the lock is damaged",
            where=FILE,
            found=str(error.problem),
            remedy=f"git checkout {FILE}, or delete it to pin everything anew; then `mlperf-bake lock`",
        ) from error
    sections: Mapping[str, Mapping[str, Pin]] = {
        "bases": lock.bases,
        "loadgen": lock.loadgen,
        "packages": lock.packages,
        "weights": lock.weights,
    }
    return {demand: sections[demand.section][demand.key] for demand in lock.wanted}


def _lock(pins: Mapping[Demand, Pin]) -> Lock:
    def files(section: str) -> dict[str, FilePin]:
        found = {demand.key: pin for demand, pin in pins.items() if demand.section == section}
        return {key: pin for key, pin in found.items() if isinstance(pin, FilePin)}

    return Lock(
        made_from=checksum(tuple(sorted(pins))),
        bases={demand.key: pin for demand, pin in pins.items() if isinstance(pin, BasePin)},
        loadgen=files("loadgen"),
        packages=files("packages"),
        weights={
            demand.key: pin
            for demand, pin in pins.items()
            if demand.section == "weights" and (pin is None or isinstance(pin, str))
        },
        wanted=frozenset(pins),
    )


def _changes(old: Mapping[Demand, Pin], new: Mapping[Demand, Pin]) -> tuple[Change, ...]:
    before = {_entry(demand): pin for demand, pin in old.items()}
    after = {_entry(demand): pin for demand, pin in new.items()}
    changes: list[Change] = [(entry, "no longer wanted, dropped") for entry in before.keys() - after.keys()]
    for entry, pin in after.items():
        if entry not in before:
            changes.append((entry, f"pinned to {_words(pin)}"))
        elif before[entry] != pin:
            changes.append((entry, f"was {_words(before[entry])}, now {_words(pin)}"))
    return tuple(sorted(changes))


def _words(pin: Pin) -> str:
    match pin:
        case BasePin():
            return f"{pin.reference} {pin.digest}"
        case FilePin():
            return f"{pin.file} sha256 {pin.sha256}"
        case None:
            return "no sha256"
    return f"sha256 {pin}"


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
