"""`list`, `explain`, `plan`, `render`: everything that looks at the matrix without touching an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from mlperf_bake.cli.options import Contexts, Json, Only, RoundName, Skip, Targets
from mlperf_bake.cli.output import note, note_prose, print_json, print_line, print_prose, print_table
from mlperf_bake.cli.sharding import Durations, ShardOption, shard_of
from mlperf_bake.errors import EngineMissing, Stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlperf_bake.matrix.values import Cell, Model
    from mlperf_bake.plan.image import PlannedImage
    from mlperf_bake.plan.planner import Overrides
    from mlperf_bake.plan.state import State
    from mlperf_bake.project import Project
    from mlperf_bake.proof.record import Proof


def list_cells(
    targets: Targets = None,
    only: Only = None,
    skip: Skip = None,
    framework: Annotated[
        bool, typer.Option("--framework", help="One line a framework: how far the best of its cells came.")
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """List the cells of the matrix, and what each was seen to do."""
    from mlperf_bake.project import open_project
    from mlperf_bake.proof.record import PROOFS, load_proofs

    project = open_project(round_name=round_name)
    proofs = load_proofs(project.root / PROOFS)
    cells = project.declared_cells(targets or (), only or (), skip or ())
    rendered = {cell.id for cell in project.published()}
    rows = [_row(project, cell, cell.id in rendered, proofs.get(cell.id)) for cell in cells]
    if framework:
        _list_frameworks(project, rows, json)
        return
    if json:
        print_json({"matrix": project.matrix.name, "round": project.round_name, "cells": rows})
        return
    print_table(
        ("CELL", "DIVISION", "STATE", "ACCURACY", "SEEN"),
        [
            (
                *(str(row[key] or "-") for key in ("id", "division")),
                _state(row) if row["in_round"] else f"not in {project.round_name}",
                *(str(row[key] or "-") for key in ("accuracy", "date")),
            )
            for row in rows
        ],
        least=("SEEN", "ACCURACY", "DIVISION"),
    )
    note_prose(
        f"{len(rows)} cells, round {project.round_name}. `mlperf-bake explain TARGET` shows how a target resolves, "
        "`mlperf-bake prove TARGET` proves one here."
    )
    if project.round.loadgen is None:
        note_prose(f"No image can be built for round {project.round_name}: {project.round.loadgen_absent}.")


def _state(row: Mapping[str, object]) -> str:
    """How far a cell came, marked where something stood in for what it declares."""
    return (
        f"{row['state']}, {' and '.join(cast(Any, row['stand_ins']))} stood in"
        if row["stand_ins"]
        else str(row["state"])
    )


def _list_frameworks(project: Project, rows: list[dict[str, object]], json: bool) -> None:
    """One line a framework: of its chosen cells the one that came furthest."""
    from mlperf_bake.proof.record import STATES

    lines = []
    for name, value in project.matrix.frameworks.items():
        own = [row for row in rows if row["framework"] == name]
        if not own:
            continue
        best = max(own, key=lambda row: STATES.index(cast(Any, row["state"])))
        lines.append(
            {
                "framework": name,
                "title": value.title,
                "backend": value.backend if value.python is None else f"{value.backend} ({value.python})",
                "weights": value.conversion or "as given",
                "cells": len(own),
                "proven": sum(row["state"] == STATES[-1] for row in own),
                "state": best["state"] if best["date"] else "not proven",
                "accuracy": best["accuracy"],
                "cell": best["id"],
                "date": best["date"],
                "machine": best["machine"],
            }
        )
    if json:
        print_json({"matrix": project.matrix.name, "round": project.round_name, "frameworks": lines})
        return
    print_table(
        ("FRAMEWORK", "BACKEND", "WEIGHTS", "STATE", "ACCURACY", "PROVEN", "SEEN", "BEST CELL"),
        [
            (
                *(str(line[key] or "-") for key in ("framework", "backend", "weights", "state", "accuracy")),
                f"{line['proven']} of {line['cells']}",
                *(str(line[key] or "-") for key in ("date", "cell")),
            )
            for line in lines
        ],
        least=("SEEN", "WEIGHTS", "BACKEND", "ACCURACY", "PROVEN"),
    )
    note_prose("`mlperf-bake prove TARGET` builds, runs and records a cell on the machine it needs.")


def explain(
    target: Annotated[str, typer.Argument(help="Names joined by -, axes left out.")],
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Show how a target resolves, or which rule forbids it."""
    from mlperf_bake.assets.matrix_names import require_known_assets
    from mlperf_bake.matrix.targets import resolve
    from mlperf_bake.matrix.values import AXES
    from mlperf_bake.project import open_project
    from mlperf_bake.proof.record import PROOFS, load_proofs

    project = open_project(round_name=round_name)
    resolution = resolve(project.matrix, target)
    cell = resolution.cell
    require_known_assets(project.matrix, (cell.model,))
    rules = [rule for rule in project.matrix.rules if cell.value(rule.axis) == rule.name]
    proof = load_proofs(project.root / PROOFS).get(cell.id)
    if json:
        print_json(
            {
                "target": target,
                "round": project.round_name,
                "cell": _row(project, cell, cell in project.published(), proof),
                "given": {str(axis): name for axis, name in resolution.given.items()},
                "filled": {str(axis): name for axis, name in resolution.filled.items()},
                "rules": [
                    {
                        "axis": rule.axis,
                        "name": rule.name,
                        "needs": rule.other,
                        "allowed": sorted(rule.allowed),
                        "because": rule.because,
                    }
                    for rule in rules
                ],
            }
        )
        return
    model = project.matrix.models[cell.model]
    print_line(f"{target} is {cell.id}")
    print_line()
    titles = {
        "model": model.title,
        "implementation": project.matrix.implementations[cell.implementation].title,
        "framework": project.matrix.frameworks[cell.framework].title,
        "hardware": project.matrix.hardware[cell.hardware].title,
        "os": project.matrix.os[cell.os].title,
    }
    print_table(
        ("AXIS", "VALUE", "CHOSEN", "WHAT IT IS"),
        [
            (
                axis,
                cell.value(axis),
                "by you" if axis in resolution.given else "first that fits",
                titles[axis],
            )
            for axis in AXES
        ],
        least=("CHOSEN",),
    )
    for rule in rules:
        print_line()
        print_prose(f"{rule.name} needs {rule.other} {rule.choices}: {rule.because}")
    print_line()
    print_prose(
        f"benchmark {model.benchmark}, {model.division} division, {model.precision}, weights {model.weights.file}"
    )
    print_prose(_in_round(project, cell))
    if proof:
        print_prose(
            f"seen: {proof.qualified}{f', {proof.accuracy} right' if proof.accuracy else ''}, "
            f"{', '.join(proof.scenarios) or 'no scenario'}, {proof.date}, {proof.machine}"
        )
    else:
        print_line(f"seen: never run; mlperf-bake prove {cell.id}")
    _say_data(model)
    followed = project.round_of(cell)
    if followed is not None and followed.loadgen is not None:
        print_line(
            f"next: mlperf-bake build --target {target}{f' --round {round_name}' if round_name else ''}"
        )


def _say_data(model: Model) -> None:
    """How the weights and the data of a model are had, where they do not come by themselves."""
    if model.weights.supply:
        print_line(f"weights, which whoever builds gives: {model.weights.supply}")
    if model.network is None:
        print_prose("data: as its reference implementation reads them, mounted at /data")
        return
    from mlperf_bake.assets.datasets import UserDirectory, find_dataset

    prepare = f"mlperf-bake data prepare {model.sample_data} --for {model.name}"
    source = find_dataset(model.sample_data).source
    if isinstance(source, UserDirectory):
        print_line(f"data, which only you may have ({source.holds}): {prepare} --from DIRECTORY")
    else:
        print_line(f"sample data: {prepare}")


def _in_round(project: Project, cell: Cell) -> str:
    """The LoadGen that the cell is built with in the round, or why it cannot be built for it."""
    from mlperf_bake.rounds.benchmarks import rounds_with

    rules = project.round_of(cell)
    if rules is None:
        others = rounds_with(project.matrix.models[cell.model].benchmark)
        where = f"only {', '.join(others)}; give --round {others[0]}" if others else "nor does any other"
        return f"round {project.round_name} does not have this benchmark, {where}"
    if rules.loadgen is None:
        return f"round {rules.name}: no image can be built, since {rules.loadgen_absent}"
    return f"round {rules.name}, LoadGen {rules.loadgen.version}"


def plan(
    targets: Targets = None,
    only: Only = None,
    skip: Skip = None,
    engine: Annotated[
        bool,
        typer.Option(
            "--engine/--no-engine",
            help="Ask the engine which images are there; without, each state is unknown.",
        ),
    ] = True,
    context: Contexts = None,
    shard: ShardOption = "",
    durations: Durations = None,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Show what a build would do and why."""
    from mlperf_bake.build.contexts import given_contexts, given_weights, parse_contexts
    from mlperf_bake.plan.planner import Overrides
    from mlperf_bake.project import open_project

    project = open_project(round_name=round_name)
    cells = shard_of(project.cells(targets or (), only or (), skip or ()), shard, durations)
    given = parse_contexts(context or ())
    judge, overrides = _ask_engine(project, cells, given) if engine else (None, None)
    if overrides is None and given:
        overrides = Overrides(given_contexts(given), weights=given_weights(project, cells, given))
    unknown = "no engine answered" if engine else "no engine was asked"
    images = project.planner(overrides).plan(cells)
    rows = [_plan_row(image, judge(image) if judge else None, unknown) for image in images]
    if json:
        print_json({"round": project.round_name, "images": rows})
        return
    print_table(
        ("CELL", "FINGERPRINT", "STATE", "WHY"),
        [(str(row["id"]), str(row["fingerprint"])[7:19], str(row["state"]), str(row["why"])) for row in rows],
        least=("FINGERPRINT",),
    )


def render(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 4 where a file is stale.")
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Write the Dockerfiles of the published cells into images/, those of another round into images-ROUND/."""
    from mlperf_bake.assets.matrix_names import require_known_assets
    from mlperf_bake.project import open_project
    from mlperf_bake.render.checkout import compare, write

    project = open_project(round_name=round_name)
    if not check:
        project.require_own("render")
    require_known_assets(project.matrix, project.matrix.models)
    images = project.plan(project.published())
    directory = project.renderer.directory
    changes = compare(project.root, directory, {image.dockerfile_path: image.dockerfile for image in images})
    if json:
        print_json(
            {"files": len(images), "changes": [{"path": path, "change": kind} for path, kind in changes]}
        )
    if check and changes:
        raise Stale(
            f"{len(changes)} of {len(images)} rendered files do not belong to the matrix, lock and templates",
            where=directory,
            found=", ".join(f"{path} ({kind})" for path, kind in changes[:5])
            + (" ..." if len(changes) > 5 else ""),
            remedy=f"mlperf-bake render{f' --round {round_name}' if round_name else ''}, then commit {directory}/",
        )
    if not check:
        write(project.root, directory, {image.dockerfile_path: image.dockerfile for image in images})
    if not json:
        for path, kind in changes:
            print_line(f"{kind:<8} {path}")
        note(f"{len(images)} files in {directory}/, {len(changes)} {'stale' if check else 'written'}")


def _row(project: Project, cell: Cell, rendered: bool, proof: Proof | None) -> dict[str, object]:
    from mlperf_bake.proof.record import state_of
    from mlperf_bake.render.paths import dockerfile_path

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
        "dockerfile": dockerfile_path(cell) if rendered else None,
        "state": state_of(proof, rendered=rendered),
        "stand_ins": list(proof.stand_ins) if proof else [],
        "accuracy": proof.accuracy or None if proof else None,
        "scenarios": list(proof.scenarios) if proof else [],
        "date": proof.date if proof else None,
        "machine": proof.machine if proof else None,
        "image": proof.image if proof else None,
    }


def _plan_row(image: PlannedImage, state: State | None, unknown: str) -> dict[str, object]:
    return {
        "id": image.cell_id,
        "fingerprint": image.fingerprint,
        "platform": image.platform,
        "dockerfile": image.dockerfile_path,
        "ingredients": dict(image.ingredients),
        "state": state.action if state else "unknown",
        "why": state.why if state else unknown,
    }


def _ask_engine(
    project: Project, cells: Iterable[Cell], given: Mapping[str, str]
) -> tuple[Callable[[PlannedImage], State] | None, Overrides | None]:
    """What the engine's images say of a planned one, and the base images a build would take; None where none answers."""
    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.build.state import built_images
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.plan.state import INGREDIENTS_LABEL, ROUND_LABEL, read_ingredients, state

    try:
        engine = find_engine()
        built = built_images(engine.host)
        overrides = present_overrides(project, engine, cells, given)
    except EngineMissing as error:
        note(f"no engine was asked: {error.problem}")
        return None, None
    last = {
        labels.get("org.mlperf-bake.cell", ""): read_ingredients(labels.get(INGREDIENTS_LABEL, ""))
        for labels in (dict(image.labels) for image in built.values())
        if labels.get(ROUND_LABEL) in (None, project.round_name)
    }
    return lambda image: state(image, built, last.get(image.cell_id)), overrides
