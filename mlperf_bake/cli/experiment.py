"""`experiment`: the runs that a file names, and what came out side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlperf_bake.cli.output import note, print_json, print_line
from mlperf_bake.errors import RunFailed

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="What to run: targets, scenarios, settings, repeats (docs/experiments.md)."
    ),
]
RoundName = Annotated[
    str, typer.Option("--round", metavar="NAME", help="The round of the runs, and whose figures count.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the commands that are still to run, and stop.")
]


def _print_example(wanted: bool) -> None:
    if wanted:
        from mlperf_bake.experiment.plan import example

        typer.echo(example(), nl=False)
        raise typer.Exit


Example = Annotated[
    bool,
    typer.Option(
        "--example", callback=_print_example, is_eager=True, help="Print a file to begin with, and stop."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]


def experiment(
    file: File,
    round_name: RoundName = "v6.1",
    dry_run: DryRun = False,
    example: Example = False,
    json: Json = False,
) -> None:
    """Run an experiment, or what is left of it, and compare."""
    import shlex
    import tempfile

    from mlperf_bake.cli.compared_runs import again_command, as_data, print_groups
    from mlperf_bake.experiment.outcome import outcome
    from mlperf_bake.experiment.perform import missing, perform
    from mlperf_bake.experiment.plan import read_experiment
    from mlperf_bake.program import this_program
    from mlperf_bake.rounds import load_round

    rules = load_round(round_name)
    planned = read_experiment(file, round_name)
    if dry_run:
        for run in missing(planned):
            print_line(shlex.join(["mlperf-bake", *run.command]))
        return
    failed = perform(planned, this_program(), note if json else print_line, quiet=json)
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-experiment-") as scratch:
        groups = outcome(planned, Path(scratch), rules)
    if json:
        print_json(as_data(groups))
    else:
        print_groups(groups, file, round_name)
    if failed:
        raise RunFailed(
            f"{len(failed)} of {len(planned.runs)} runs left no result",
            where=str(file),
            found=", ".join(run.run_id for run in failed[:3]) + (", ..." if failed[3:] else ""),
            remedy=f"{again_command(file, round_name)}  # makes what is missing",
        )
