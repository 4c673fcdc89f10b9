"""`quickstart`: plan, build, run, collect and check one cell on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
) -> None:
    """Go from this machine, bare or not, to a checked result."""
    from rich.console import Console

    from mlperf_bake.check.report import print_verdict
    from mlperf_bake.project import open_project
    from mlperf_bake.quickstart import Wishes, summary
    from mlperf_bake.quickstart import quickstart as go

    console = Console()
    wishes = Wishes(target, duration, out.absolute(), results.absolute(), submitter)
    journey = go(open_project(), wishes, console, typer.echo)
    assert journey.verdict
    typer.echo("\nWhat a real submission would still need, and the verdict:\n")
    print_verdict(journey.verdict, console)
    typer.echo()
    for label, text in summary(journey):
        typer.echo(f"{label:<24} {text}")
    if journey.verdict.exit_code:
        raise typer.Exit(journey.verdict.exit_code)
