"""`ci matrix`: what a CI system has to build, as jobs that know nothing of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import counted, note, note_prose, print_json, print_table
from mlperf_bake.cli.sharding import Durations
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.plan.unattended import Lacking
    from mlperf_bake.project import Project

app = typer.Typer(no_args_is_help=True, help="What a CI system has to build.")


@app.callback()
def root() -> None:
    """What a CI system has to build."""


@app.command()
def matrix(
    shards: Annotated[
        int, typer.Option("--shards", min=1, max=1000, metavar="N", help="At most so many jobs a platform.")
    ] = 1,
    since: Annotated[
        str,
        typer.Option("--since", metavar="REV", help="Only published cells that changed since this commit."),
    ] = "",
    durations: Durations = None,
    also: Annotated[
        str,
        typer.Option(
            "--also",
            metavar="NEED[,NEED]",
            help="Offer cells too that need this, as the machines have it: weights, login, index.",
            show_default=False,
        ),
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Offer every published cell, whatever it needs.")
    ] = False,
    json: Json = False,
) -> None:
    """List the jobs that build the published cells, each for one platform.

    Left out are cells that no machine builds by itself: whose weights whoever builds gives, whose base image is behind a
    login, or with a package that is in no public index.
    """
    from mlperf_bake.build.durations import read_durations
    from mlperf_bake.history import changes_since
    from mlperf_bake.plan.jobs import ci_jobs
    from mlperf_bake.project import open_project

    there = _needs(also, everything)
    project = open_project()
    cells = project.published()
    changes = changes_since(project, since) if since else None
    if changes:
        chosen = {row.cell_id for row in changes.affected}
        cells = tuple(cell for cell in cells if cell.id in chosen)
    left_out = _left_out(project, cells, there)
    cells = tuple(cell for cell in cells if cell not in left_out)
    jobs = ci_jobs(project.matrix, cells, shards, read_durations(durations) if durations else None)
    if json:
        print_json(
            {
                "since": changes.since if changes else None,
                "cells": len(cells),
                "include": [
                    {
                        "name": job.name,
                        "platform": job.platform,
                        "architecture": job.architecture,
                        "targets": " ".join(job.cells),
                        "count": len(job.cells),
                    }
                    for job in jobs
                ],
                "left_out": [
                    {"id": cell.id, "needs": [{"need": one.need, "why": one.why} for one in lacks]}
                    for cell, lacks in left_out.items()
                ],
            }
        )
        return
    if jobs:
        print_table(("JOB", "CELLS"), [(job.name, " ".join(job.cells)) for job in jobs])
    note(f"{counted(len(cells), 'cell')} in {counted(len(jobs), 'job')}")
    if left_out:
        needs = ", ".join(sorted({one.need for lacks in left_out.values() for one in lacks}))
        note_prose(
            f"{len(left_out)} published cells are left out, as no machine builds them by itself; they need {needs}. --json says "
            "which and why; --also NEED offers them, --all every one."
        )


def _needs(also: str, everything: bool) -> frozenset[str]:
    """What the machines have. Errors: UsageError for a word that is no need."""
    from mlperf_bake.matrix.suggestions import did_you_mean
    from mlperf_bake.plan.unattended import NEEDS

    given = frozenset(filter(None, also.split(",")))
    for name in sorted(given - frozenset(NEEDS)):
        raise UsageError(
            f'--also does not know "{name}"{did_you_mean(name, NEEDS)}',
            expected=f"one or more of {', '.join(NEEDS)}, separated by commas",
            remedy="mlperf-bake ci matrix --also weights,index",
        )
    return frozenset(NEEDS) if everything else given


def _left_out(
    project: Project, cells: Iterable[Cell], there: Collection[str]
) -> Mapping[Cell, tuple[Lacking, ...]]:
    """The cells that lack something which is not there, each with all that it lacks."""
    from mlperf_bake.plan.unattended import lacking

    def read(path: str) -> str:
        return (project.sources / path).read_text(encoding="utf-8")

    planner = project.planner()
    found: dict[Cell, tuple[Lacking, ...]] = {}
    for cell in cells:
        lacks = lacking(project.matrix, cell, planner.plan_cell(cell), read)
        if any(one.need not in there for one in lacks):
            found[cell] = lacks
    return found
