"""`tune`: find the best valid setting of a cell on this machine, by runs, and keep it for `run`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.harness_arguments import (
    TENTH_OF_A_SECOND,
    Batch,
    Samples,
    TargetLatency,
    Threads,
    Words,
    Workers,
    as_words,
    target_and_options,
)
from mlperf_bake.cli.options import Json, RoundName
from mlperf_bake.cli.output import note, print_json, print_line
from mlperf_bake.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from mlperf_bake.tune.executions import Fixed

SEARCHED = ("target-qps", "duration", "run-id", "scenario", "mode", "data", "results", "progress", "warmup")


def tune(
    words: Words = None,
    target: Annotated[str, typer.Option("--target", "-t", metavar="TARGET", help="What to tune.")] = "",
    scenario: Annotated[
        str, typer.Option("--scenario", "-s", help="SingleStream, MultiStream, Server, Offline, Interactive.")
    ] = "Offline",
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
        typer.Option("--results", metavar="VOLUME|DIR", help="Where the runs go; a directory has a slash."),
    ] = "mlperf-bake-tuning",
    duration: Annotated[
        float,
        typer.Option(
            "--duration",
            click_type=TENTH_OF_A_SECOND,
            metavar="SECONDS",
            help="Of each run of the search.",
        ),
    ] = 5.0,
    runs: Annotated[int, typer.Option("--runs", metavar="N", help="Most runs in all.")] = 24,
    resolution: Annotated[
        float,
        typer.Option("--resolution", metavar="SHARE", help="By which the highest rate may be missed."),
    ] = 0.05,
    image: Annotated[
        str, typer.Option("--image", metavar="REF", help="Tune this image in place of the built one.")
    ] = "",
    memory: Annotated[
        int,
        typer.Option(
            "--memory", min=0, metavar="MIB", help="Memory limit [nine tenths of it].", show_default=False
        ),
    ] = 0,
    cpuset: Annotated[str, typer.Option("--cpuset", metavar="LIST", help="CPUs, such as 0-3,8.")] = "",
    target_latency_ms: TargetLatency = None,
    workers: Workers = None,
    threads: Threads = None,
    batch: Batch = None,
    samples: Samples = None,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Find workers, threads, batch and rate that run best here, and keep them for run; what is given of them is fixed."""
    from rich.console import Console

    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.matrix.targets import resolve
    from mlperf_bake.project import open_project
    from mlperf_bake.run.built import built_image, fingerprint_of
    from mlperf_bake.run.data import data_for
    from mlperf_bake.run.request import Limits, RunRequest, results_from
    from mlperf_bake.run.workload import require_sense, scenario_from
    from mlperf_bake.tune.diary import Diary
    from mlperf_bake.tune.machine import machine_of
    from mlperf_bake.tune.measuring import ImageRuns
    from mlperf_bake.tune.report import report_lines
    from mlperf_bake.tune.session import Wishes
    from mlperf_bake.tune.session import tune as tune_cell
    from mlperf_bake.tune.setting import SERVED
    from mlperf_bake.tune.stored import Circumstances, conditions_of, document, store
    from mlperf_bake.tune.trials import Trials
    from mlperf_bake.tune.view import Kept, estimate_s, open_view

    scenario = scenario_from(scenario)
    target, further = target_and_options(target, words or ())
    common: dict[str, float | int | None] = {
        "target-latency-ms": target_latency_ms,
        "workers": workers,
        "threads": threads,
        "batch": batch,
        "samples": samples,
    }
    options = (*as_words(common), *further)
    fixed = _fixed(options, scenario)
    project = open_project(round_name=round_name)
    cell = resolve(project.matrix, target).cell
    if project.matrix.implementations[cell.implementation].source is not None:
        raise UsageError(
            "a reference implementation has no workers, threads and batch to be tuned",
            where=cell.id,
            expected="a cell with the compiled harness",
            remedy=f"`mlperf-bake list --only model={cell.model}` shows every cell of its model",
        )
    model = project.matrix.models[cell.model]
    rules = project.round_of(cell) or project.round
    require_sense(scenario, "performance", options, rules, model.benchmark)
    network = model.network
    if network is not None and not network.batchable:
        fixed = replace(fixed, batch=1)
    wishes = Wishes(scenario, duration, runs, resolution, fixed)
    engine = find_engine()
    say = note if json else typer.echo
    reference = image or built_image(project, cell, engine, note)
    with StepLine() as progress:
        read = data_for(data, model, progress)
    request = RunRequest(
        image=reference,
        cell_id=cell.id,
        scenario=scenario,
        mode="performance",
        data=read,
        results=results_from(results),
        platform=project.matrix.hardware[cell.hardware].platform,
        run_id="",
        harness_options=options,
        limits=Limits(memory_bytes=memory << 20, cpuset=cpuset).reaching(
            project.matrix.hardware[cell.hardware]
        ),
    )
    conditions = conditions_of(options, scenario)
    circumstances = Circumstances(
        cell.id, scenario, fingerprint_of(request.image, engine), machine_of(engine, cpuset), conditions
    )
    path = circumstances.path(project.tuning_state)
    question = [circumstances.fingerprint, data, options, duration, runs, resolution, memory]
    diary = Diary(path.with_suffix(".unfinished"), {"tune": question})
    known = diary.known()
    diary.begin()
    longer = ", longer where the rate is so low that LoadGen wants more time" if scenario in SERVED else ""
    say(
        f"tuning {cell.id} {scenario} on {circumstances.machine}: "
        f"at most {runs} runs, about {estimate_s(runs, duration)}{longer}"
    )
    if known:
        say(f"the {len(known)} runs of an interrupted tuning are used again where they fit")
    console = Console(stderr=json)
    with open_view(console, say, scenario) as view:
        trials = Trials(ImageRuns(request, engine, lambda: view, note), runs, Kept(view, diary.write), known)
        try:
            tuned = tune_cell(wishes, trials)
        except (Interrupted, KeyboardInterrupt):
            raise Interrupted(
                "the tuning was interrupted; no setting was written",
                where=cell.id,
                found=f"{len(trials.done)} of {runs} runs are kept for an hour",
                remedy="the same command goes on from there",
            ) from None
    path = store(project.tuning_state, circumstances, tuned)
    diary.end()
    if json:
        print_json({**document(circumstances, tuned), "path": str(path)})
        return
    for label, text in report_lines(tuned, path, target, conditions):
        print_line(f"{label:<11} {text}")


def _fixed(options: tuple[str, ...], scenario: str) -> Fixed:
    """What the user gave of workers, threads and batch.

    Raises:
        UsageError: not a number, or an option that tune itself decides.
    """
    from mlperf_bake.run.harness_options import options_in, value_of
    from mlperf_bake.tune.executions import Fixed
    from mlperf_bake.tune.setting import STREAMS

    own = (*SEARCHED, "target-latency-ms") if scenario in STREAMS else SEARCHED
    for name, _ in options_in(options):
        if name in own:
            raise UsageError(
                f"tune decides --{name} itself",
                found=" ".join(options),
                remedy="leave it out; tune's own options stand before the --",
            )
    given = {name: value_of(options, name) for name in ("workers", "threads", "batch")}
    for name, value in given.items():
        if value is not None and not value.isdecimal():
            raise UsageError("not a number", where=f"--{name}", found=value)
    return Fixed(**{name: int(value) if value else None for name, value in given.items()})
