"""`prove`: build and run cells on this machine, and record in matrix.proofs what each was seen to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.harness_arguments import TENTH_OF_A_SECOND
from mlperf_bake.cli.options import Contexts, Json, Only, Skip, Targets
from mlperf_bake.cli.output import note, print_json, print_table
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_bake.errors import BuildFailed
    from mlperf_bake.proof.prove import Proven


def prove(
    targets: Targets = None,
    only: Only = None,
    skip: Skip = None,
    duration: Annotated[
        float,
        typer.Option(
            "--duration", click_type=TENTH_OF_A_SECOND, metavar="SECONDS", help="Of each performance run."
        ),
    ] = 2.0,
    results: Annotated[
        Path, typer.Option("--results", metavar="DIR", help="Where the run directories go.")
    ] = Path(".mlperf-bake/proofs"),
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="What is run on; without, the model's own sample data."),
    ] = None,
    run: Annotated[bool, typer.Option("--run/--build-only", help="Whether to run what was built.")] = True,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages", help="Of an image that cannot be built here, build and record the stages that can be."
        ),
    ] = False,
    context: Contexts = None,
    json: Json = False,
) -> None:
    """Build and run cells in every scenario here, and record how far each came."""
    from rich.console import Console

    from mlperf_bake.build.contexts import IMAGES, overrides_for, parse_contexts
    from mlperf_bake.build.local_wheels import with_local_wheels
    from mlperf_bake.build.report import print_report
    from mlperf_bake.build.service import BuildOptions, BuildReport, build_images
    from mlperf_bake.build.target import BakeCall
    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.datasets.prepare import prepare
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.engine.secrets import host_find_links, host_secrets
    from mlperf_bake.project import open_project
    from mlperf_bake.proof.page import refresh_page
    from mlperf_bake.proof.prove import Trial, prove_stages
    from mlperf_bake.proof.prove import prove as prove_cell
    from mlperf_bake.proof.record import PROOFS, load_proofs, save_proofs
    from mlperf_bake.run.request import Limits

    if not (targets or only or skip):
        raise UsageError(
            "nothing was chosen", remedy="mlperf-bake prove TARGET, or '*' for every cell of the matrix"
        )
    project = open_project()
    project.require_own("prove")
    path = project.root / PROOFS
    given = parse_contexts(context or ())
    stand_ins = tuple(sorted(given.keys() - {"wheels"}))
    load_proofs(path)  # a damaged file is told before anything is built
    engine = find_engine()
    say = note if json else typer.echo
    console = Console(stderr=json)
    proven: list[Proven] = []
    failed: list[BuildReport] = []

    def record(outcome: Proven) -> None:
        proven.append(outcome)
        save_proofs(path, {outcome.cell_id: outcome.proof})
        refresh_page(project.root, project.matrix, load_proofs(path))

    for cell in project.cells(targets or (), only or (), skip or ()):
        absent: list[BuildFailed] = []
        overrides = overrides_for(
            project, [cell], engine, given, say, absent=absent.append if stages else None
        )
        [planned] = project.plan([cell], overrides)
        options = BuildOptions(
            project.sources,
            project.state,
            secrets=host_secrets,
            complete=lambda waiting: with_local_wheels(project, waiting, host_find_links, say),
        )
        report = (
            BuildReport((), (), (cell.id,))
            if absent
            else build_images([planned], engine, options, origin=project.origin, console=console, say=say)
        )
        if stages and not report.done and report.refused is None:
            [planned] = options.complete([planned])
            call = BakeCall(engine, project.sources, project.state / "logs", host_secrets())
            record(
                prove_stages(
                    planned, call, project.origin, say, round=project.round_name, stand_ins=stand_ins
                )
            )
            continue
        if not report.done:
            print_report(report, console)
            failed.append(report)
            continue
        model = project.matrix.models[cell.model]
        read: Path | None = data.absolute() if data and run else None
        if read is None and run and project.matrix.implementations[cell.implementation].source is None:
            with StepLine() as progress:
                read = prepare(model.sample_data, model.preprocessing, progress=progress).path
        known = model.known_accuracy if data is None else None
        limits = Limits().reaching(project.matrix.hardware[cell.hardware])
        trial = Trial(
            planned,
            report.done[0],
            data=read,
            known=known,
            results=results.absolute(),
            duration_s=duration,
            round=project.round_name,
            stand_ins=stand_ins,
            base_made=any(name in IMAGES and name not in given for name, _ in planned.contexts),
            limits=limits,
        )
        record(prove_cell(trial, engine, console, say))
    _show(proven, json)
    for report in failed:
        report.raise_if_failed()
    for outcome in proven:
        if outcome.stopped_by:
            raise outcome.stopped_by


def _show(proven: Sequence[Proven], json: bool) -> None:
    rows = [
        {
            "id": outcome.cell_id,
            "state": outcome.proof.state,
            "stood_in": outcome.proof.stood_in or None,
            "accuracy": outcome.proof.accuracy or None,
            "scenarios": list(outcome.proof.scenarios),
            "stages": list(outcome.proof.stages),
            "stages_left": list(outcome.proof.stages_left),
            "stopped_by": str(outcome.stopped_by) if outcome.stopped_by else None,
        }
        for outcome in proven
    ]
    if json:
        print_json({"cells": rows})
        return
    print_table(
        ("CELL", "STATE", "ACCURACY", "SCENARIOS"),
        [
            (
                outcome.cell_id,
                outcome.proof.qualified,
                outcome.proof.accuracy or "-",
                ", ".join(outcome.proof.scenarios) or "-",
            )
            for outcome in proven
        ],
    )
