"""`ci matrix`: what a CI system has to build, as jobs that know nothing of each other."""

from __future__ import annotations

from typing import Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note, print_json, print_table
from mlperf_bake.cli.sharding import Durations

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
    json: Json = False,
) -> None:
    """List the jobs that build the published cells, each for one platform."""
    from mlperf_bake.build.durations import read_durations
    from mlperf_bake.history import changes_since
    from mlperf_bake.plan.jobs import ci_jobs
    from mlperf_bake.project import open_project

    project = open_project()
    cells = project.published()
    changes = changes_since(project, since) if since else None
    if changes:
        chosen = {row.cell_id for row in changes.affected}
        cells = tuple(cell for cell in cells if cell.id in chosen)
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
            }
        )
        return
    if jobs:
        print_table(("JOB", "CELLS"), [(job.name, " ".join(job.cells)) for job in jobs])
    note(f"{len(cells)} cells in {len(jobs)} jobs")
