"""`compliance`: make and judge every compliance test that the round asks for."""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from mlperf_bake.cli.output import note, note_prose, print_json, print_line, print_prose, print_table
from mlperf_bake.errors import CheckFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_bake.compliance.placing import Judged
    from mlperf_bake.run.request import RunRequest


def compliance(
    words: Words = None,
    target: Annotated[str, typer.Option("--target", "-t", metavar="TARGET", help="What to test.")] = "",
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", "-s", help="As often as needed [Offline].", show_default=False),
    ] = None,
    data: Annotated[
        str,
        typer.Option("--data", metavar="NAME|DIR", help="A data set, as for run; sample is the model's own."),
    ] = "sample",
    results: Annotated[
        str,
        typer.Option(
            "--results", metavar="VOLUME|DIR", help="Where results go and lie; a directory has a slash."
        ),
    ] = "mlperf-bake-results",
    image: Annotated[
        str, typer.Option("--image", metavar="REF", help="Run this image in place of the built one.")
    ] = "",
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
    again: Annotated[bool, typer.Option("--again", help="Make every run anew, whatever is there.")] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Make every compliance test that the round asks of a benchmark, and judge it.

    For each scenario: a performance run, an accuracy run where a test compares with it, and a run for each test. Runs that are
    in the results already, of the same image and options, are not made again.
    """
    from rich.console import Console

    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.cli.run import require_valid, tuned
    from mlperf_bake.compliance.campaign import PERFORMANCE, campaign
    from mlperf_bake.compliance.session import conduct
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.matrix.targets import resolve
    from mlperf_bake.project import open_project
    from mlperf_bake.run.built import built_image, fingerprint_of
    from mlperf_bake.run.data import data_for
    from mlperf_bake.run.request import SYNTHETIC, RunRequest, results_from
    from mlperf_bake.run.service import run_image
    from mlperf_bake.run.workload import least_time, require_sense, scenario_from

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
    scenarios = tuple(dict.fromkeys(scenario_from(name) for name in scenario or ("Offline",)))
    project = open_project(round_name=round_name)
    cell = resolve(project.matrix, target).cell
    model = project.matrix.models[cell.model]
    rules = project.round_of(cell) or project.round
    base = RunRequest(
        image=image,
        cell_id=cell.id,
        scenario=scenarios[0],
        mode=PERFORMANCE,
        data=SYNTHETIC,
        results=results_from(results),
        platform=project.matrix.hardware[cell.hardware].platform,
        run_id="",
        harness_options=(*as_words(common), *further),
    )
    for name in scenarios:  # whatever is wrong is said before an engine is asked
        require_sense(name, PERFORMANCE, base.harness_options, rules, model.benchmark)
        campaign(replace(base, scenario=name), rules, model.benchmark)
    engine = find_engine()
    base = replace(base, image=image or built_image(project, cell, engine, note))
    with StepLine() as progress:
        base = replace(base, data=data_for(data, model, progress))
    say = note_prose if json else print_prose
    console = Console(stderr=json)
    fingerprint = fingerprint_of(base.image, engine)

    def make(request: RunRequest) -> None:
        outcome = run_image(request, engine, console=console, say=say)
        if request.mode == PERFORMANCE:
            require_valid(outcome)

    found: dict[str, tuple[Judged, ...]] = {}
    for name in scenarios:
        wanted = replace(base, scenario=name)
        runs = campaign(wanted if untuned else tuned(project, wanted, engine, say), rules, model.benchmark)
        if takes := least_time(PERFORMANCE, base.harness_options, rules, model.benchmark):
            say(f"{len(runs.requests)} runs in {name}; each but the accuracy run: {takes}")
        with tempfile.TemporaryDirectory(prefix="mlperf-bake-compliance-") as scratch:
            found[name] = conduct(runs, make, fingerprint, rules, Path(scratch), say, again=again)
    given = (("--data", data), ("--results", results), ("--image", image), ("--round", round_name))
    flags = ("--untuned",) if untuned else ()
    told(
        cell.id,
        rules.name,
        found,
        json=json,
        longer=full_length(target, scenarios, given, base.harness_options, flags),
    )
    place = results if "/" in results else f"volume:{results}"
    proceed = f"next: {shlex.join(['mlperf-bake', 'collect', place])}"
    note(proceed) if json else print_line(proceed)


def full_length(
    target: str,
    scenarios: Iterable[str],
    given: Iterable[tuple[str, str]],
    options: Iterable[str],
    flags: Iterable[str] = (),
) -> str:
    """The command that makes every run anew, and as long as a submission needs them."""
    from mlperf_bake.run.harness_options import as_typed, options_in

    own = [word for name, option in options_in(options) if name != "duration" for word in option]
    chosen = [*(("--scenario", name) for name in scenarios), *(pair for pair in given if pair[1])]
    words = [
        "mlperf-bake",
        "compliance",
        target,
        *(word for pair in chosen for word in pair),
        "--again",
        *flags,
    ]
    return shlex.join([*words, *as_typed(own)])


def told(
    cell_id: str, round_name: str, found: dict[str, tuple[Judged, ...]], *, json: bool, longer: str = ""
) -> None:
    """Prints what became of each test, by scenario; ``longer`` is the command that makes steadier runs.

    Errors:
        CheckFailed: one did not pass.
    """
    if json:
        print_json(_json(cell_id, round_name, found))
    else:
        _print(found)
    _require_passed(found, longer)


def _print(found: dict[str, tuple[Judged, ...]]) -> None:
    rows = [
        (
            name,
            one.test,
            one.verdict,
            one.run.manifest.run_id,
            "; ".join(one.reasons) or "; ".join(one.remarks),
        )
        for name, tests in found.items()
        for one in tests
    ]
    print_table(("scenario", "test", "verdict", "run", "why"), rows)
    if any(one.run.manifest.demonstration for tests in found.values() for one in tests):
        print_line(
            "demonstration: short runs or sample data; these show that the tests work, and are no MLPerf result"
        )


def _json(cell_id: str, round_name: str, found: dict[str, tuple[Judged, ...]]) -> dict[str, object]:
    return {
        "cell": cell_id,
        "round": round_name,
        "tests": [
            {
                "scenario": name,
                "test": one.test,
                "verdict": one.verdict,
                "run": one.run.manifest.run_id,
                "demonstration": list(one.run.manifest.demonstration),
                "reasons": list(one.reasons),
                "remarks": list(one.remarks),
            }
            for name, tests in found.items()
            for one in tests
        ],
    }


def _require_passed(found: dict[str, tuple[Judged, ...]], longer: str) -> None:
    """Raises CheckFailed where a test did not pass."""
    failed = [(name, one) for name, tests in found.items() for one in tests if not one.passed]
    if failed:
        count = sum(map(len, found.values()))
        raise CheckFailed(
            f"{len(failed)} of {count} compliance tests did not pass",
            where=", ".join(f"{name} {one.test}" for name, one in failed),
            found="; ".join(failed[0][1].reasons),
            expected="every test of the benchmark passed",
            remedy=f"longer runs give steadier figures: {longer}" if longer else None,
        )
