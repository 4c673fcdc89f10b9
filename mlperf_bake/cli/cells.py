"""`plan` and `render`: what images would be built of, and their Dockerfiles."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Contexts, Json, Only, RoundName, Skip, TargetOptions, Targets
from mlperf_bake.cli.output import (
    Written,
    counted,
    json_text,
    note,
    note_prose,
    print_json,
    print_line,
    print_table,
)
from mlperf_bake.cli.sharding import Durations, ShardOption, shard_of
from mlperf_bake.errors import EngineMissing, Stale

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.plan.image import PlannedImage
    from mlperf_bake.plan.state import State
    from mlperf_bake.project import Project


def plan(
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
    from mlperf_bake.build.contexts import given_overrides, parse_contexts
    from mlperf_bake.plan.state import State
    from mlperf_bake.project import open_project

    project = open_project(round_name=round_name)
    words = (*(targets or ()), *(target or ()))
    cells = shard_of(project.cells(words, only or (), skip or ()), shard, durations)
    given = parse_contexts(context or ())
    judged: Iterable[tuple[PlannedImage, State]] | None = (
        _ask_engine(project, cells, given) if engine else None
    )
    if judged is None:
        overrides = given_overrides(project, cells, given)
        unknown = State("unknown", "no engine answered" if engine else "no engine was asked")
        judged = ((image, unknown) for image in project.planner(overrides if given else None).plan(cells))
    if json:
        lines = [_json_line(image, state) for image, state in judged]
        print_json({"round": project.round_name, "images": Written(lines)})
        return
    rows = [(image.cell_id, image.fingerprint[7:19], state.action, state.why) for image, state in judged]
    if not (everything or words or only or skip or shard) and sys.stdout.isatty():
        _print_models(cells, rows)
        return
    print_table(("CELL", "FINGERPRINT", "STATE", "WHY"), rows, least=("FINGERPRINT",))


def _print_models(cells: Sequence[Cell], rows: Sequence[tuple[str, str, str, str]]) -> None:
    """One line a model: how many of its cells are in each state, and why."""
    of_model: dict[str, dict[tuple[str, str], int]] = {}
    for cell, (_, _, state, why) in zip(cells, rows, strict=True):
        counts = of_model.setdefault(cell.model, {})
        counts[state, why] = counts.get((state, why), 0) + 1
    print_table(
        ("MODEL", "CELLS", "STATE AND WHY"),
        [
            (
                model,
                str(sum(counts.values())),
                "; ".join(f"{count} {state}: {why}" for (state, why), count in counts.items()),
            )
            for model, counts in of_model.items()
        ],
    )
    note_prose(
        f"{counted(len(rows), 'cell')}. `mlperf-bake plan --all` shows each, `mlperf-bake plan TARGET` some."
    )


def render(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 4 where a file is stale.")
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Write the Dockerfiles of the published cells into images/, those of another round into images-ROUND/."""
    from mlperf_bake.models.names import require_known_assets
    from mlperf_bake.project import open_project
    from mlperf_bake.proof.page import PAGE, refresh_page
    from mlperf_bake.proof.record import PROOFS, load_proofs
    from mlperf_bake.render.checkout import compare, write

    project = open_project(round_name=round_name)
    project.require_own("render")
    require_known_assets(project.matrix, project.matrix.models)
    images = project.plan(project.published())
    directory = project.renderer.directory
    changes = compare(project.root, directory, {image.dockerfile_path: image.dockerfile for image in images})
    files = len(images)
    if not round_name and (project.root / PAGE).is_file():
        files += 1
        if refresh_page(project.root, project.matrix, load_proofs(project.root / PROOFS), check=check):
            changes = (*changes, (PAGE, "changed"))
    if json:
        print_json({"files": files, "changes": [{"path": path, "change": kind} for path, kind in changes]})
    if check and changes:
        stale = " and ".join(sorted({PAGE if path == PAGE else f"{directory}/" for path, _ in changes}))
        raise Stale(
            f"{len(changes)} of {files} rendered files do not belong to the matrix, lock and templates",
            where=stale,
            found=", ".join(f"{path} ({kind})" for path, kind in changes[:5])
            + (" ..." if len(changes) > 5 else ""),
            remedy=f"mlperf-bake render{f' --round {round_name}' if round_name else ''}, then commit {stale}",
        )
    if not check:
        write(project.root, directory, {image.dockerfile_path: image.dockerfile for image in images})
    if not json:
        for path, kind in changes:
            print_line(f"{kind:<8} {path}")
        note(f"{files} rendered files, {len(changes)} {'stale' if check else 'written'}")


def _json_line(image: PlannedImage, state: State) -> str:
    """What ``--json`` tells of an image, keys sorted. Its ingredients are JSON already, in its label, and are most of it."""
    from mlperf_bake.plan.state import INGREDIENTS_LABEL

    ingredients = dict(image.labels)[INGREDIENTS_LABEL]
    return (
        f'{{"dockerfile": {json_text(image.dockerfile_path)}, "fingerprint": {json_text(image.fingerprint)}, '
        f'"id": {json_text(image.cell_id)}, "ingredients": {ingredients}, "platform": {json_text(image.platform)}, '
        f'"state": {json_text(state.action)}, "why": {json_text(state.why)}}}'
    )


def _ask_engine(
    project: Project, cells: Iterable[Cell], given: Mapping[str, str]
) -> list[tuple[PlannedImage, State]] | None:
    """The images with the base images that a build would take, and what it would do with each; None where no engine answers."""
    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.build.state import named_images, states
    from mlperf_bake.engine.find import find_engine

    try:
        engine = find_engine()
        images = list(project.planner(present_overrides(project, engine, cells, given)).plan(cells))
        names = [image.tags[0] for image in images]
        built = named_images(engine.host, names)
        there = [image.cell_id for image in images if image.fingerprint in built]
        judged = states(images, there, names, engine.host, project.round_name)
    except EngineMissing as error:
        note(f"no engine was asked: {error.problem}")
        return None
    return list(zip(images, judged, strict=True))
