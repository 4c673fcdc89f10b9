"""`quickstart`: plan, build, run, collect and check one cell on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note_prose, print_json, print_line, print_pairs, print_prose

if TYPE_CHECKING:
    from mlperf_bake.quickstart import Journey

DEFAULT_TARGET = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"


def quickstart(
    target: Annotated[
        str, typer.Option("--target", "-t", metavar="TARGET", help="Which cell.")
    ] = DEFAULT_TARGET,
    duration: Annotated[
        int, typer.Option("--duration", min=1, metavar="SECONDS", help="Of each performance run.")
    ] = 10,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="TREE", help="The submission tree.")] = Path(
        "submission"
    ),
    results: Annotated[
        Path, typer.Option("--results", metavar="DIR", help="Where the run directories go.")
    ] = Path("results"),
    submitter: Annotated[
        str, typer.Option("--submitter", metavar="NAME", help="Name in the tree.")
    ] = "quickstart",
    json: Json = False,
) -> None:
    """Go from this machine, bare or not, to a checked result."""
    from rich.console import Console

    from mlperf_bake.check.report import print_brief
    from mlperf_bake.project import open_project
    from mlperf_bake.quickstart import TOOK, Wishes, next_commands, summary
    from mlperf_bake.quickstart import quickstart as go

    console = Console(stderr=json)
    wishes = Wishes(target, duration, out.absolute(), results.absolute(), submitter)
    journey = go(open_project(), wishes, console, note_prose if json else print_prose)
    assert journey.verdict
    if json:
        print_json(_as_data(journey))
    else:
        print_line()
        print_pairs(summary(journey), folded=(TOOK,))
        print_line()
        print_brief(journey.verdict, console)
        print_line("\nGo on with:")
        for label, command in next_commands(journey):
            print_line(f"  {label}:\n    {command}")
    if journey.verdict.exit_code:
        raise typer.Exit(journey.verdict.exit_code)


def _as_data(journey: Journey) -> dict[str, object]:
    """What `--json` prints: the image as `build` prints it, each run as `run`, tree and verdict as `collect` and `check`."""
    from mlperf_bake.build.report import done_json
    from mlperf_bake.check.data import as_data as verdict_data
    from mlperf_bake.cli.collected import as_data as collected_data
    from mlperf_bake.run.summary import outcome_json

    assert journey.built and journey.collected and journey.verdict
    return {
        "cell": journey.built.cell_id,
        "image": done_json(journey.built),
        "data": str(journey.data),
        "runs": [outcome_json(outcome) for outcome in journey.outcomes],
        "collected": collected_data(journey.collected),
        "verdict": verdict_data(journey.verdict),
        "seconds": dict(journey.seconds),
    }
