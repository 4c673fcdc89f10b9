"""`run`: run one cell's image once and keep its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note, print_json
from mlperf_bake.errors import RunFailed, UsageError

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.project import Project
    from mlperf_bake.run.service import RunOutcome


def run(
    target: Annotated[str, typer.Option("--target", "-t", metavar="TARGET", help="What to run.")],
    scenario: Annotated[
        str, typer.Option("--scenario", "-s", help="SingleStream, MultiStream, Server, Offline, Interactive.")
    ] = "Offline",
    mode: Annotated[
        str, typer.Option("--mode", "-m", help="performance, accuracy, find-peak.")
    ] = "performance",
    data: Annotated[
        str, typer.Option("--data", metavar="DIR", help="A prepared data set, or the word synthetic.")
    ] = "synthetic",
    results: Annotated[
        str,
        typer.Option("--results", metavar="VOLUME|DIR", help="Where results go; a directory has a slash."),
    ] = "mlperf-bake-results",
    image: Annotated[
        str, typer.Option("--image", metavar="REF", help="Run this image in place of the built one.")
    ] = "",
    run_id: Annotated[str, typer.Option("--run-id", metavar="ID", help="Name of the result.")] = "",
    memory: Annotated[
        int,
        typer.Option("--memory", metavar="MIB", help="Memory limit [nine tenths of it].", show_default=False),
    ] = 0,
    cpuset: Annotated[str, typer.Option("--cpuset", metavar="LIST", help="CPUs, such as 0-3,8.")] = "",
    harness_options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- HARNESS OPTION...]",
            help="Given to the harness as they are: -- --duration 10 --workers 2.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Run a benchmark and keep its result."""
    from rich.console import Console

    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.matrix.targets import resolve
    from mlperf_bake.project import open_project
    from mlperf_bake.run.request import SCENARIOS, Limits, RunRequest, data_from, new_run_id, results_from
    from mlperf_bake.run.service import run_image
    from mlperf_bake.run.summary import outcome_json, print_outcome

    if scenario not in SCENARIOS:
        raise UsageError("unknown scenario", found=scenario, expected=", ".join(SCENARIOS))
    project = open_project()
    cell = resolve(project.matrix, target).cell
    engine = find_engine()
    request = RunRequest(
        image=image or _built_image(project, cell, engine),
        cell_id=cell.id,
        scenario=scenario,
        mode=mode,
        data=data_from(data),
        results=results_from(results),
        platform=project.matrix.hardware[cell.hardware].platform,
        run_id=run_id or new_run_id(scenario, mode),
        harness_options=tuple(harness_options or ()),
        limits=Limits(memory_bytes=memory << 20, cpuset=cpuset),
    )
    console = Console(stderr=json)
    outcome = run_image(request, engine, console=console, say=note if json else typer.echo)
    if json:
        print_json(outcome_json(outcome))
    else:
        print_outcome(outcome, console)
    require_valid(outcome)


def require_valid(outcome: RunOutcome) -> None:
    """Raises RunFailed where LoadGen calls the run INVALID; its result is kept."""
    if not outcome.valid:
        raise RunFailed(
            "LoadGen calls the run INVALID; it is recorded all the same",
            where=outcome.run_id,
            found=f"result {outcome.results} / {outcome.run_id}",
            remedy="the reasons of LoadGen are in the outcome; collect leaves such a run out",
        )


def _built_image(project: Project, cell: Cell, engine: Engine) -> str:
    """The newest image of the checkout as it is, with the user's own weights where it was built so; where only an older
    one is there, that one, and the user is told."""
    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.build.state import named_images
    from mlperf_bake.plan.state import INGREDIENTS_LABEL, has_given_weights, read_ingredients

    [planned] = project.plan([cell], present_overrides(project, engine))
    latest = planned.tags[-1]
    built = named_images(engine.host, planned.tags)
    newest = next((image for image in built.values() if latest in image.tags), None)
    if newest:
        ingredients = read_ingredients(dict(newest.labels).get(INGREDIENTS_LABEL, ""))
        if has_given_weights(planned, newest.fingerprint, ingredients):
            note(f"{latest} holds weights that were given with --context weights=DIR")
            return latest
    if planned.fingerprint in built:
        return planned.tags[0]
    if newest:
        note(f"{latest} was made from other sources or contexts than the checkout has now;")
        note(f"`mlperf-bake plan {cell.id}` says what differs")
    return latest
