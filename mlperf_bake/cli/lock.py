"""`lock`: pin what the matrix names, or say whether what is pinned belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note, print_json, print_line
from mlperf_bake.errors import Stale, UsageError

if TYPE_CHECKING:
    from mlperf_bake.lock.lockfile import Lock
    from mlperf_bake.project import Project


def lock(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 4 where the lock is stale.")
    ] = False,
    update: Annotated[
        str, typer.Option("--update", metavar="GLOB", help="Pin these entries anew, such as 'packages/*'.")
    ] = "",
    json: Json = False,
) -> None:
    """Pin everything the matrix names to hashes, in matrix.lock."""
    from mlperf_bake.project import LOCK, open_project

    if check and update:
        raise UsageError(
            "--check writes nothing and --update pins anew: give one of them",
            found=f"--check --update {update}",
            remedy=f"mlperf-bake lock --update '{update}', then mlperf-bake lock --check",
        )
    project = open_project()
    if check:
        _check(project, json)
        return
    project.require_own("lock")
    from mlperf_bake.lock.lockfile import load_lock
    from mlperf_bake.lock.updating import update_lock

    changes = update_lock(project, update, note)
    _note_unlocked(load_lock(project.root / LOCK, LOCK))
    if json:
        print_json({"changes": [{"entry": entry, "change": change} for entry, change in changes]})
        return
    for entry, change in changes:
        print_line(f"{entry}: {change}")
    note(f"{LOCK} {'written' if changes else 'is up to date'}")


def _check(project: Project, json: bool) -> None:
    """Says whether the lock belongs to the matrix. Errors: Stale where it does not, after the JSON that says so too."""
    from mlperf_bake.project import LOCK

    stale: Stale | None = None
    try:
        entries = len(project.lock.wanted)
    except Stale as error:
        stale, entries = error, len(project.demands)
    if json:
        print_json(
            {
                "entries": entries,
                "stale": stale is not None,
                "why": stale.problem if stale else None,
                "changes": _changes(project),
                "unlocked_bases": [] if stale else list(project.lock.unlocked_bases),
            }
        )
    if stale:
        raise stale
    if not json:
        note(f"{LOCK} belongs to {project.matrix.name}: {entries} entries")
        _note_unlocked(project.lock)


def _changes(project: Project) -> list[dict[str, object]]:
    """Every entry by which the lock departs from the matrix, and every one that was edited by hand."""
    from mlperf_bake.lock.lockfile import differences, read_lock
    from mlperf_bake.project import LOCK

    path = project.root / LOCK
    lock, edited = read_lock(path, LOCK) if path.exists() else (None, ())
    told = [(demand, change) for demand, change in differences(lock, project.demands)]
    told += [(demand, f"edited by hand, line {line}") for demand, line in edited]
    return [
        {"entry": f"{demand.section}/{demand.key}", "change": change, "wanted": demand.wanted}
        for demand, change in told
    ]


def _note_unlocked(lock: Lock) -> None:
    """Names the base images that are not pinned to a digest."""
    if unlocked := lock.unlocked_bases:
        note(
            f"without a digest: {', '.join(unlocked)}; `mlperf-bake lock --update 'bases/*'` pins them where their "
            "hub answers"
        )
