"""`affected`: which published cells another image comes out of than at an earlier commit."""

from __future__ import annotations

from typing import Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note, print_json, print_table
from mlperf_bake.cli.sharding import Durations, ShardOption, shard_of

Since = Annotated[
    str, typer.Option("--since", metavar="REV", help="A commit, tag or branch.", show_default=False)
]


def affected(since: Since, shard: ShardOption = "", durations: Durations = None, json: Json = False) -> None:
    """Show which published cells changed since a commit, and why. Nothing is built."""
    from mlperf_bake.history import changes_since
    from mlperf_bake.project import open_project

    project = open_project()
    changes = changes_since(project, since)
    rows = {row.cell_id: row for row in changes.affected}
    cells = [cell for cell in project.published() if cell.id in rows]
    shown = [rows[cell.id] for cell in shard_of(cells, shard, durations)]
    if json:
        print_json(
            {
                "since": changes.since,
                "cells": [
                    {"id": row.cell_id, "platform": row.platform, "change": row.change, "why": list(row.why)}
                    for row in shown
                ],
                "gone": list(changes.gone),
            }
        )
        return
    if shown:
        print_table(
            ("CELL", "CHANGE", "WHY"), [(row.cell_id, row.change, ", ".join(row.why)) for row in shown]
        )
    note(
        f"{len(rows)} of {len(project.published())} published cells changed since {changes.since[:12]}"
        + (f"; published no more: {', '.join(changes.gone)}" if changes.gone else "")
    )
