"""`run`: run one cell's image once and keep its result."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlperf_bake.cli.harness_arguments import (
    Batch,
    Duration,
    MinQueries,
    Samples,
    TargetLatency,
    TargetQps,
    Threads,
    Words,
    Workers,
    as_words,
    target_and_options,
)
from mlperf_bake.cli.options import Json, RoundName
from mlperf_bake.cli.output import note, note_prose, print_json, print_line, print_prose
from mlperf_bake.errors import RunFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlperf_bake.engine.find import Engine
    from mlperf_bake.project import Project
    from mlperf_bake.run.request import RunRequest
    from mlperf_bake.run.service import RunOutcome


def run(
    words: Words = None,
    target: Annotated[str, typer.Option("--target", "-t", metavar="TARGET", help="What to run.")] = "",
    scenario: Annotated[
        str, typer.Option("--scenario", "-s", help="SingleStream, MultiStream, Server, Offline, Interactive.")
    ] = "Offline",
    mode: Annotated[
        str, typer.Option("--mode", "-m", help="performance, accuracy, find-peak, compliance/TESTnn.")
    ] = "performance",
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="NAME|DIR",
            help="A data set (mlperf-bake data list), a prepared one's directory, sample (the model's own), synthetic.",
        ),
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
        typer.Option(
            "--memory", min=0, metavar="MIB", help="Memory limit [nine tenths of it].", show_default=False
        ),
    ] = 0,
    cpuset: Annotated[str, typer.Option("--cpuset", metavar="LIST", help="CPUs, such as 0-3,8.")] = "",
    duration: Duration = None,
    min_queries: MinQueries = None,
    target_qps: TargetQps = None,
    target_latency_ms: TargetLatency = None,
    workers: Workers = None,
    threads: Threads = None,
    batch: Batch = None,
    samples: Samples = None,
    untuned: Annotated[
        bool, typer.Option("--untuned", help="Leave out what mlperf-bake tune found for this machine.")
    ] = False,
    own_class: Annotated[
        str,
        typer.Option(
            "--class",
            metavar="FILE[:CLASS]",
            help="Run your own Python class in place of the image's (docs/backends.md).",
        ),
    ] = "",
    power: Annotated[
        str,
        typer.Option(
            "--power", metavar="HOST[:PORT]", help="Measure power: where the official power server listens."
        ),
    ] = "",
    ntp: Annotated[
        str, typer.Option("--ntp", metavar="HOST", help="With --power: the time server of both machines.")
    ] = "",
    power_client: Annotated[
        str,
        typer.Option("--power-client", metavar="PROGRAM", help="With --power: the official power client."),
    ] = "power_client",
    no_next: Annotated[
        bool, typer.Option("--no-next", help="Leave out the line that says what to type next.")
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Run a benchmark and keep its result."""
    from rich.console import Console

    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.matrix.targets import resolve
    from mlperf_bake.project import open_project
    from mlperf_bake.run.built import built_image
    from mlperf_bake.run.busy import already_busy
    from mlperf_bake.run.corrected import corrected_command
    from mlperf_bake.run.data import data_for, raw_data, require_labels, what_is_read
    from mlperf_bake.run.energy import Metering, write_energy
    from mlperf_bake.run.harness_options import as_typed
    from mlperf_bake.run.next_step import next_command
    from mlperf_bake.run.request import Limits, RunRequest, new_run_id, own_class_from, results_from
    from mlperf_bake.run.service import run_image
    from mlperf_bake.run.summary import outcome_json, print_outcome
    from mlperf_bake.run.workload import least_time, mode_from, require_sense, scenario_from

    target, further = target_and_options(target, words or ())
    common: dict[str, float | int | None] = {
        "duration": duration,
        "min-queries": min_queries,
        "target-qps": target_qps,
        "target-latency-ms": target_latency_ms,
        "workers": workers,
        "threads": threads,
        "batch": batch,
        "samples": samples,
    }
    options = (*as_words(common), *further)
    scenario, mode = scenario_from(scenario), mode_from(mode)
    project = open_project(round_name=round_name)
    cell = resolve(project.matrix, target).cell
    model = project.matrix.models[cell.model]
    rules = project.round_of(cell) or project.round
    require_sense(scenario, mode, options, rules, model.benchmark)
    require_labels(data, mode, model, _with_labels(target, scenario, results, round_name))
    place = results_from(results)
    engine = find_engine()
    reference = image or built_image(project, cell, engine, note)
    if project.matrix.implementations[cell.implementation].source is not None:
        read: Path | Literal["synthetic"] = raw_data(data, cell.id)
    else:
        with StepLine() as progress:
            read = data_for(data, model, progress)
    request = RunRequest(
        image=reference,
        cell_id=cell.id,
        scenario=scenario,
        mode=mode,
        data=read,
        results=place,
        platform=project.matrix.hardware[cell.hardware].platform,
        run_id=run_id or new_run_id(scenario, mode),
        harness_options=options,
        limits=Limits(memory_bytes=memory << 20, cpuset=cpuset).reaching(
            project.matrix.hardware[cell.hardware]
        ),
        own_class=own_class_from(own_class, cell.id, project.matrix.frameworks[cell.framework].backend)
        if own_class
        else None,
    )
    say = note_prose if json else print_prose
    if power:
        command = _command(target, request, data, results, image, memory)
        command += ["--untuned"] if untuned else []
        command += ["--round", round_name] if round_name else []
        command += as_typed(options)
        measured = _measured(request, command, power, ntp, power_client, named=bool(run_id))
        print_json({"run": str(measured)}) if json else say(f"run and power measurement: {measured}")
        return
    if mode != "find-peak" and not untuned and not own_class:  # tuned was the image's own class
        request = tuned(project, request, engine, say)
    if reads := what_is_read(data, model):
        say(reads)
    if takes := least_time(mode, options, rules, model.benchmark):
        say(takes)
    if mode != "accuracy" and (busy := already_busy(engine)):
        say(busy)
    console = Console(stderr=json)
    metering = Metering() if engine.local else None
    outcome = run_image(request, engine, console=console, say=say)
    energies = metering.end() if metering else ()
    if energies and isinstance(request.results, Path):
        write_energy(energies, request.results / outcome.run_id)
    if json:
        print_json(outcome_json(outcome))
    else:
        print_outcome(outcome, console)
    for energy in energies:
        say(f"energy: {energy}")
    command = _command(target, request, data, results, image, memory)
    if untuned:
        command.append("--untuned")
    if round_name:
        command += ["--round", round_name]
    require_valid(outcome, corrected_command(outcome, command, request.harness_options))
    if not no_next:
        proceed = f"next: {next_command(outcome, request, data, image, options, round_name)}"
        note(proceed) if json else print_line(proceed)


def _measured(
    request: RunRequest, command: list[str], power: str, ntp: str, client: str, *, named: bool
) -> Path:
    """The run under the official power client, which calls the command twice."""
    from mlperf_bake.program import this_program
    from mlperf_bake.run.power import measure, power_server

    server = power_server(power, ntp)
    if request.mode != "performance" or named or not isinstance(request.results, Path):
        raise UsageError(
            "a power measurement makes two performance runs and gathers their logs from a directory",
            found="--run-id" if named else f"--mode {request.mode}, --results {request.results}",
            expected="--mode performance, --results with a slash, and no --run-id",
            remedy="--results ./results",
        )
    request.results.mkdir(parents=True, exist_ok=True)
    return measure([*this_program(), *command[1:]], request.results, server, client)


def require_valid(outcome: RunOutcome, again: str = "") -> None:
    """Raises RunFailed where LoadGen calls the run INVALID; its result is kept.

    Args:
        again: the command that would have met what it missed; empty where there is none.
    """
    from mlperf_bake.run.corrected import correction_of

    if not outcome.valid:
        because, _ = correction_of(outcome)
        raise RunFailed(
            "LoadGen calls the run INVALID; it is recorded all the same",
            where=outcome.run_id,
            found=because or None,
            remedy=again or "the reasons of LoadGen are in the outcome; collect leaves such a run out",
        )


def tuned(project: Project, request: RunRequest, engine: Engine, say: Callable[[str], None]) -> RunRequest:
    """The request with the settings that were tuned for it; says which those are, or why there are none."""
    from mlperf_bake.run.built import fingerprint_of
    from mlperf_bake.tune.applying import tuned_options
    from mlperf_bake.tune.machine import machine_of
    from mlperf_bake.tune.stored import Circumstances, conditions_of

    circumstances = Circumstances(
        request.cell_id,
        request.scenario,
        fingerprint_of(request.image, engine),
        machine_of(engine, request.limits.cpuset),
        conditions_of(request.harness_options, request.scenario),
    )
    applied = tuned_options(project.tuning_state, circumstances, request.harness_options)
    say(applied.says)
    return replace(request, harness_options=applied.options)


def _with_labels(target: str, scenario: str, results: str, round_name: str) -> str:
    """The accuracy run on the labelled data that the model names."""
    words = ["mlperf-bake", "run", target, "--scenario", scenario, "--mode", "accuracy", "--data", "sample"]
    return shlex.join([*words, "--results", results, *(("--round", round_name) if round_name else ())])


def _command(target: str, request: RunRequest, data: str, results: str, image: str, memory: int) -> list[str]:
    """What to type to run this again, up to the harness's options."""
    given = {"--data": data, "--results": results, "--image": image, "--cpuset": request.limits.cpuset}
    if request.own_class:
        given["--class"] = request.own_class.given
    if memory:
        given["--memory"] = str(memory)
    options = [word for name, value in given.items() if value for word in (name, value)]
    return [
        *("mlperf-bake", "run", "--target", target, "--scenario", request.scenario, "--mode", request.mode),
        *options,
    ]
