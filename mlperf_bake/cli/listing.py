"""`list`: the cells of the matrix, and how far each is known to come."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json, Only, RoundName, Skip, TargetOptions, Targets
from mlperf_bake.cli.output import counted, note_prose, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.project import Project
    from mlperf_bake.proof.record import Proof
    from mlperf_bake.proof.standing import Standing

SHORT_IMAGE = 12
"""Hex digits of an image's digest that a table shows."""


def list_cells(
    targets: Targets = None,
    target: TargetOptions = None,
    only: Only = None,
    skip: Skip = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="In a terminal, show every cell where nothing is chosen, not one line a model."
        ),
    ] = False,
    framework: Annotated[
        bool, typer.Option("--framework", help="One line a framework: how far the best of its cells came.")
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """List the cells of the matrix, and what each was seen to do.

    STATE is how far a cell came: declared, rendered, built, ran (four scenarios), accuracy checked. "base made here": of its
    distribution's packages, as no hub gave it. "stood in": another image or directory took its place. "11 of 15 stages
    built": the others lack a base image or weights. "before a change": seen with other files than now.
    """
    from mlperf_bake.project import open_project
    from mlperf_bake.proof.standing import standings

    project = open_project(round_name=round_name)
    words = (*(targets or ()), *(target or ()))
    known = standings(project, project.declared_cells(words, only or (), skip or ()))
    if framework:
        _list_frameworks(project, known, json)
    elif json:
        rows = [cell_row(project, cell, standing) for cell, standing in known.items()]
        print_json({"matrix": project.matrix.name, "round": project.round_name, "cells": rows})
    else:
        if everything or words or only or skip or not sys.stdout.isatty():
            _print_cells(project, known)
        else:
            _print_models(project, known)
        if project.round.loadgen is None:
            note_prose(
                f"No image can be built for round {project.round_name}: {project.round.loadgen_absent}."
            )


def cell_row(project: Project, cell: Cell, standing: Standing) -> dict[str, object]:
    """What ``--json`` tells of a cell."""
    model = project.matrix.models[cell.model]
    return {
        "id": cell.id,
        "model": cell.model,
        "implementation": cell.implementation,
        "framework": cell.framework,
        "hardware": cell.hardware,
        "os": cell.os,
        "division": model.division,
        "benchmark": model.benchmark,
        "in_round": project.in_round(cell),
        "precision": model.precision,
        "platform": project.matrix.hardware[cell.hardware].platform,
        **standing.fields(),
    }


def _print_cells(project: Project, known: Mapping[Cell, Standing]) -> None:
    """One line a cell."""
    rows = [
        (
            cell.id,
            project.matrix.models[cell.model].division,
            standing.words if project.in_round(cell) else f"not in {project.round_name}",
            *_seen(standing.proof),
        )
        for cell, standing in known.items()
    ]
    print_table(
        ("CELL", "DIVISION", "STATE", "ACCURACY", "SEEN", "IMAGE", "MACHINE"),
        rows,
        least=("MACHINE", "IMAGE", "DIVISION", "SEEN", "ACCURACY"),
    )
    note_prose(
        f"{counted(len(rows), 'cell')}, round {project.round_name}. `mlperf-bake explain TARGET` shows how a target resolves, "
        "`mlperf-bake prove TARGET` proves one here."
    )


def _seen(proof: Proof | None) -> tuple[str, str, str, str]:
    """Accuracy, date, image and machine of a proof."""
    if proof is None:
        return "-", "-", "-", "-"
    image = proof.image.removeprefix("sha256:")[:SHORT_IMAGE]
    return proof.accuracy or "-", proof.date, image or "-", proof.machine


def _print_models(project: Project, known: Mapping[Cell, Standing]) -> None:
    """One line a model: how many cells it has, what runs them, and how far the best of them came."""
    of_model: dict[str, list[Cell]] = {}
    for cell in known:
        of_model.setdefault(cell.model, []).append(cell)
    rows = []
    for name, cells in of_model.items():
        best = known[max(cells, key=lambda cell: known[cell].rank)]
        frameworks = dict.fromkeys(cell.framework for cell in cells)
        rows.append(
            (
                name,
                str(len(cells)),
                ", ".join(dict.fromkeys(cell.implementation for cell in cells)),
                next(iter(frameworks)) if len(frameworks) == 1 else str(len(frameworks)),
                best.words if project.in_round(cells[0]) else f"not in {project.round_name}",
            )
        )
    print_table(
        ("MODEL", "CELLS", "IMPLEMENTATIONS", "FRAMEWORKS", "BEST STATE"),
        rows,
        least=("IMPLEMENTATIONS", "FRAMEWORKS"),
    )
    note_prose(
        f"{counted(len(known), 'cell')}, round {project.round_name}. `mlperf-bake list --all` shows each, "
        "`mlperf-bake list 'resnet50-*'` those of one model, `mlperf-bake list --framework` one line a framework."
    )


def _list_frameworks(project: Project, known: Mapping[Cell, Standing], json: bool) -> None:
    """One line a framework: of its chosen cells the one that came furthest."""
    from mlperf_bake.proof.record import STATES

    lines = []
    for name, value in project.matrix.frameworks.items():
        own = [cell for cell in known if cell.framework == name]
        if not own:
            continue
        best = max(own, key=lambda cell: known[cell].rank)
        standing = known[best]
        proof = standing.proof
        lines.append(
            {
                "framework": name,
                "title": value.title,
                "backend": value.backend if value.python is None else f"{value.backend} ({value.python})",
                "weights": value.conversion or "as given",
                "cells": len(own),
                "proven": sum(known[cell].state == STATES[-1] for cell in own),
                "state": standing.state if standing.holds else "not proven",
                "outdated": proof.state if proof and not standing.holds else None,
                "words": standing.words if proof else "not proven",
                "accuracy": (proof.accuracy or None) if proof else None,
                "cell": best.id,
                "date": proof.date if proof else None,
                "machine": proof.machine if proof else None,
            }
        )
    if json:
        print_json({"matrix": project.matrix.name, "round": project.round_name, "frameworks": lines})
        return
    print_table(
        ("FRAMEWORK", "BACKEND", "WEIGHTS", "STATE", "ACCURACY", "PROVEN", "SEEN", "BEST CELL"),
        [
            (
                *(str(line[key] or "-") for key in ("framework", "backend", "weights", "words", "accuracy")),
                f"{line['proven']} of {line['cells']}",
                *(str(line[key] or "-") for key in ("date", "cell")),
            )
            for line in lines
        ],
        least=("SEEN", "WEIGHTS", "BACKEND", "ACCURACY", "PROVEN"),
    )
    note_prose("`mlperf-bake prove TARGET` builds, runs and records a cell on the machine it needs.")
