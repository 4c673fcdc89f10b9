"""Prove cells on this machine: build each, run it in every classic scenario, hold its accuracy against the known figure; of one
whose image cannot be built here, build the stages that can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.errors import BakeError, BuildFailed, RunFailed
from mlperf_bake.proof.record import Proof, dockerfile_digest, sources_digest
from mlperf_bake.run.request import Limits

if TYPE_CHECKING:
    from rich.console import Console

    from mlperf_bake.build.failures import Origin
    from mlperf_bake.build.service import DoneImage
    from mlperf_bake.build.target import BakeCall
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import KnownAccuracy
    from mlperf_bake.plan.image import PlannedImage

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One cell to prove.

    Attributes:
        planned: its image.
        built: the image that is there.
        data: its model's prepared sample data, or a directory as its reference implementation reads it; None: it is not run.
        known: the figure that the sample data is known to give; None where nobody knows one.
        stand_ins: named build contexts that took the place of what the cell declares.
        base_made: whether a base image was made here in place of one that no hub gave.
        limits: what its containers may take.
        results: directory that the runs go to.
        duration_s: of each performance run, seconds.
        round: the MLPerf round that the image is built for.
    """

    planned: PlannedImage
    built: DoneImage
    data: Path | None
    known: KnownAccuracy | None
    results: Path
    duration_s: float
    round: str
    stand_ins: tuple[str, ...] = ()
    base_made: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Proven:
    """How far a cell came, and what stopped it there."""

    cell_id: str
    proof: Proof
    stopped_by: BakeError | None


def prove(trial: Trial, engine: Engine, console: Console, say: Say) -> Proven:
    """Runs accuracy and performance in every scenario; never raises for what the cell itself does wrong.

    Errors:
        Interrupted: Ctrl-C.
        UsageError, EngineMissing: what no cell could be proven with.
    """
    proof = replace(
        _begun(trial.planned, engine, trial.round),
        state="built",
        image=trial.built.image_id,
        stand_ins=trial.stand_ins,
        base_made=trial.base_made,
    )
    if trial.data is None:
        return Proven(trial.planned.cell_id, proof, None)
    figures: list[tuple[int, int] | None] = []
    for scenario in SCENARIOS:
        try:
            manifest = _run(trial, trial.data, scenario, engine, console, say)
        except RunFailed as error:
            return Proven(trial.planned.cell_id, proof, error)
        accuracy = manifest["accuracy"]
        figures.append((accuracy["correct"], accuracy["total"]) if accuracy else None)
        machine = f"{manifest['host']['cpu_model']}, {engine.cpus} CPUs, {_platform(trial.planned, engine)}"
        proof = replace(proof, machine=machine, scenarios=(*proof.scenarios, scenario))
    proof = replace(proof, state="ran")
    if len(set(figures)) != 1:
        return Proven(trial.planned.cell_id, proof, _different(trial, figures))
    if figures[0] is None:
        return Proven(trial.planned.cell_id, proof, None)
    proof = replace(proof, accuracy=_shown(figures[0]))
    if trial.known is None:
        return Proven(trial.planned.cell_id, proof, None)
    if not trial.known.agrees(*figures[0]):
        return Proven(trial.planned.cell_id, proof, _wrong(trial, trial.known, figures[0]))
    return Proven(trial.planned.cell_id, replace(proof, state="accuracy checked"), None)


def prove_stages(
    planned: PlannedImage,
    call: BakeCall,
    origin: Origin | None,
    say: Say,
    *,
    round: str,
    stand_ins: tuple[str, ...],
) -> Proven:
    """Builds what can be built of an image that cannot be; nothing is run.

    Args:
        planned: the image.
        call: as it would be built by.
        origin: where a line of its Dockerfile comes from.
        say: told of each stage.
        round, stand_ins: as of a `Trial`.

    Errors:
        BuildFailed: not one stage could be built.
        Interrupted: Ctrl-C.
    """
    from mlperf_bake.build.stages import build_stages

    say(f"{planned.cell_id}: each stage by itself")
    came = build_stages(planned, call, origin, say)
    if not came.built:
        raise BuildFailed(
            "no stage of it could be built",
            where=planned.cell_id,
            remedy="the lines above say what each lacks",
        )
    proof = replace(
        _begun(planned, call.engine, round), stand_ins=stand_ins, stages=came.built, stages_left=came.left
    )
    return Proven(planned.cell_id, proof, None)


def _begun(planned: PlannedImage, engine: Engine, round: str) -> Proof:
    """What every proof says of the image that it is of."""
    return Proof(
        state="rendered",
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        image="",
        dockerfile=dockerfile_digest(planned.dockerfile),
        machine=f"{engine.cpus} CPUs, {planned.platform}",
        sources=sources_digest(planned.ingredients),
        round=round,
    )


def _run(
    trial: Trial, data: Path, scenario: str, engine: Engine, console: Console, say: Say
) -> dict[str, Any]:
    """The accuracy run's manifest; the performance run beside it finished, fast enough to be VALID or not."""
    from mlperf_bake.run.request import RunRequest, new_run_id
    from mlperf_bake.run.service import run_image

    def once(mode: str, *options: str) -> dict[str, Any]:
        request = RunRequest(
            image=trial.built.tag,
            cell_id=trial.planned.cell_id,
            scenario=scenario,
            mode=mode,
            data=data,
            results=trial.results,
            platform=trial.planned.platform,
            run_id=new_run_id(scenario, mode),
            harness_options=options,
            limits=trial.limits,
        )
        return run_image(request, engine, console=console, say=say).manifest

    accuracy = once("accuracy")
    once("performance", "--duration", f"{trial.duration_s:g}", "--min-queries", "1")
    return accuracy


def _platform(planned: PlannedImage, engine: Engine) -> str:
    """The platform that an image ran on; what ran in an emulator says nothing of the hardware."""
    return planned.platform if planned.platform == engine.platform else f"{planned.platform} emulated"


def _shown(figure: tuple[int, int] | None) -> str:
    return f"{figure[0]} of {figure[1]}" if figure else "none"


def _different(trial: Trial, figures: list[tuple[int, int] | None]) -> RunFailed:
    return RunFailed(
        "the scenarios give different accuracies",
        where=trial.planned.cell_id,
        found=", ".join(f"{name} {_shown(figure)}" for name, figure in zip(SCENARIOS, figures, strict=True)),
        expected="one figure: samples, weights and arithmetic are the same",
        remedy="compare the accuracy logs of the runs; a backend that mixes up samples of a batch looks like this",
    )


def _wrong(trial: Trial, known: KnownAccuracy, figure: tuple[int, int]) -> RunFailed:
    return RunFailed(
        "the accuracy is not the known one",
        where=trial.planned.cell_id,
        found=_shown(figure),
        expected=str(known),
        remedy="compare preprocessing, weights and precision with the model's entry in matrix.yaml",
    )
