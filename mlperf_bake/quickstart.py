"""The main job on embedded defaults: from a machine, bare or not, to a checked submission tree, and one summary.

The steps stand in ``STEPS`` in their order; each takes and returns the growing ``Journey``. Engine, base, image and data are
not made twice, so an interrupted quickstart goes on with what it had; the runs are made anew.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.errors import BuildFailed
from mlperf_bake.program import shown
from mlperf_bake.project import Project

if TYPE_CHECKING:
    from rich.console import Console

    from mlperf_bake.build.service import DoneImage
    from mlperf_bake.check.verdict import Verdict
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.plan.image import PlannedImage
    from mlperf_bake.run.service import RunOutcome
    from mlperf_bake.submission.filling import Collected

SCENARIOS = ("SingleStream", "Offline")
MODES = ("accuracy", "performance")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wishes:
    """What the user may choose.

    Attributes:
        target: which cell.
        duration_s: of each performance run, seconds.
        out: the submission tree.
        results: directory that the run directories go to.
        submitter: name in the tree.
    """

    target: str
    duration_s: int
    out: Path
    results: Path
    submitter: str


@dataclass(frozen=True)
class Journey:
    """How far it has come; ``None`` stands for what no step has made yet."""

    project: Project
    wishes: Wishes
    console: Console
    say: Say
    engine: Engine | None = None
    cell: Cell | None = None
    image: PlannedImage | None = None
    built: DoneImage | None = None
    data: Path | None = None
    outcomes: tuple[RunOutcome, ...] = ()
    collected: Collected | None = None
    verdict: Verdict | None = None
    seconds: tuple[tuple[str, float], ...] = ()


def find_engine(journey: Journey) -> Journey:
    """An engine that answers; installed and started where that is allowed."""
    from mlperf_bake.engine.bootstrap import ensure_engine

    return replace(journey, engine=ensure_engine(journey.say))


def plan(journey: Journey) -> Journey:
    """The cell, its base image, its Dockerfile and fingerprint."""
    from mlperf_bake.build.contexts import overrides_for
    from mlperf_bake.models.names import require_known_assets

    assert journey.engine
    cells = journey.project.cells([journey.wishes.target])
    require_known_assets(journey.project.matrix, (cell.model for cell in cells))
    overrides = overrides_for(journey.project, cells, journey.engine, {}, journey.say)
    image = journey.project.plan(cells, overrides)[0]
    journey.say(f"{image.cell_id}, fingerprint {image.fingerprint[7:19]}")
    return replace(journey, cell=cells[0], image=image)


def build(journey: Journey) -> Journey:
    """The image, unless one with this fingerprint is there."""
    from mlperf_bake.build.local_wheels import with_local_wheels
    from mlperf_bake.build.report import print_report
    from mlperf_bake.build.service import BuildOptions, build_images
    from mlperf_bake.engine.secrets import host_find_links, host_secrets

    assert journey.engine and journey.image
    options = BuildOptions(
        journey.project.sources,
        journey.project.state,
        secrets=host_secrets,
        complete=lambda waiting: with_local_wheels(journey.project, waiting, host_find_links, journey.say),
    )
    report = build_images(
        [journey.image],
        journey.engine,
        options,
        origin=journey.project.origin,
        console=journey.console,
        say=journey.say,
    )
    if report.failures:
        print_report(report, journey.console)
    report.raise_if_failed()
    if not report.done:
        raise BuildFailed("the image was not built", remedy="run the same command again")
    journey.say(f"{report.done[0].tag}: {report.done[0].how}")
    return replace(journey, built=report.done[0])


def prepare_data(journey: Journey) -> Journey:
    """The model's labelled sample data, in the form that the harness maps into memory."""
    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.datasets.prepare import prepare

    assert journey.cell
    model = journey.project.matrix.models[journey.cell.model]
    with StepLine() as progress:
        prepared = prepare(model.sample_data, model.preprocessing, progress=progress)
    journey.say(f"{prepared.count} labelled samples in {prepared.path}")
    return replace(journey, data=prepared.path)


def run(journey: Journey) -> Journey:
    """Accuracy and performance in each scenario."""
    from mlperf_bake.run.busy import already_busy
    from mlperf_bake.run.request import RunRequest, new_run_id
    from mlperf_bake.run.service import run_image

    assert journey.engine and journey.built and journey.data and journey.image
    outcomes = []
    if journey.built.how == "up to date" and (
        busy := already_busy(journey.engine)
    ):  # else the build is what it did
        journey.say(busy)
    for scenario in SCENARIOS:
        for mode in MODES:
            options = ("--duration", str(journey.wishes.duration_s)) if mode == "performance" else ()
            request = RunRequest(
                image=journey.built.tag,
                cell_id=journey.image.cell_id,
                scenario=scenario,
                mode=mode,
                data=journey.data,
                results=journey.wishes.results,
                platform=journey.image.platform,
                run_id=new_run_id(scenario, mode),
                harness_options=options,
            )
            outcomes.append(run_image(request, journey.engine, console=journey.console, say=journey.say))
    return replace(journey, outcomes=tuple(outcomes))


def collect(journey: Journey) -> Journey:
    """The runs of this quickstart, laid out as a submission tree."""
    from mlperf_bake.results.place import DirectoryPlace
    from mlperf_bake.submission.collect import CollectOptions
    from mlperf_bake.submission.collect import collect as collect_runs
    from mlperf_bake.submission.declared import declared_measurements

    places = [DirectoryPlace(journey.wishes.results / outcome.run_id) for outcome in journey.outcomes]
    options = CollectOptions(
        journey.wishes.submitter,
        journey.project.round.name,
        data=journey.data,
        declared=lambda manifest: declared_measurements(journey.project, manifest),
    )
    collected = collect_runs(places, journey.wishes.out, options)
    journey.say(f"{len(collected.results)} results in {collected.tree}")
    return replace(journey, collected=collected)


def check(journey: Journey) -> Journey:
    """The verdict on the tree."""
    from mlperf_bake.check.engine import check as check_tree

    verdict = check_tree(journey.wishes.out, journey.project.round)
    return replace(journey, verdict=verdict)


STEPS: tuple[tuple[str, Callable[[Journey], Journey]], ...] = (
    ("container engine", find_engine),
    ("plan", plan),
    ("build", build),
    ("data", prepare_data),
    ("run", run),
    ("collect", collect),
    ("check", check),
)


def quickstart(project: Project, wishes: Wishes, console: Console, say: Say) -> Journey:
    """Goes all the way.

    Args:
        console: shows live views where it is a terminal.
        say: gets every line for people.

    Errors:
        BakeError: the first step that cannot be done; what is done stays done.
    """
    journey = Journey(project, wishes, console, say)
    for number, (name, step) in enumerate(STEPS, start=1):
        say(f"[{number}/{len(STEPS)}] {name}")
        start = time.monotonic()
        journey = step(journey)
        journey = replace(journey, seconds=(*journey.seconds, (name, time.monotonic() - start)))
    return journey


TOOK = "took"
"""The label of how long each step took: a text, no name to be copied."""


def summary(journey: Journey) -> list[tuple[str, str]]:
    """Label and text of each line of the closing summary; every figure comes from a manifest or the verdict."""
    from mlperf_bake.run.summary import figure_lines

    assert journey.built and journey.collected and journey.verdict and journey.data
    lines = [("cell", journey.built.cell_id)]
    for outcome in journey.outcomes:
        result: Any = outcome.manifest.get("result")
        verdict = f", {result['validity']}" if result else ""
        [(name, figure), *_] = figure_lines(outcome.manifest) or [("accuracy", "not measured")]
        lines.append((f"{outcome.manifest['scenario']} {name}", figure + verdict))
    lines += [
        ("image", f"{journey.built.tag}  ({journey.built.how})"),
        *_log_line(journey, journey.built.cell_id),
        ("data", shown(journey.data)),
        *(("result", shown(journey.wishes.results / outcome.run_id)) for outcome in journey.outcomes),
        ("submission tree", shown(journey.collected.tree)),
        *(("to fill in", shown(unknown.file)) for unknown in journey.collected.unknown),
        *((f"left out {item.run_id}", item.reason) for item in journey.collected.left_out),
        (TOOK, ", ".join(f"{name} {seconds:.0f} s" for name, seconds in journey.seconds)),
    ]
    return lines


def next_commands(journey: Journey) -> list[tuple[str, str]]:
    """What to do next, in words and as a command to paste: another scenario, a longer run, the verdict, the bare image."""
    assert journey.built and journey.collected
    run = f"mlperf-bake run {journey.wishes.target} --data sample --results {_as_results(journey.wishes.results)}"
    return [
        ("another scenario", f"{run} --scenario MultiStream --duration 10"),
        ("a longer run", f"{run} --scenario Offline --duration 60"),
        ("every finding of the check", f"mlperf-bake check {shlex.quote(shown(journey.collected.tree))}"),
        ("the image without this tool", f"docker run --rm {journey.built.tag}"),
    ]


def _as_results(path: Path) -> str:
    """As `run --results` takes a directory: with a slash."""
    text = shown(path)
    return shlex.quote(text if "/" in text else f"./{text}")


def _log_line(journey: Journey, cell_id: str) -> list[tuple[str, str]]:
    log = journey.project.state / "logs" / f"{cell_id}.log"
    return [("build log", shown(log))] if log.is_file() else []
