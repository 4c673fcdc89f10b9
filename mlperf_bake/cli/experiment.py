"""`experiment`: the runs that a file names, and what came out side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.output import note, print_json, print_line, print_table
from mlperf_bake.errors import RunFailed

if TYPE_CHECKING:
    from mlperf_bake.experiment.outcome import Found

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
        print_json({"groups": [[_as_data(found) for found in group] for group in groups]})
    else:
        _print(groups)
    if failed:
        raise RunFailed(
            f"{len(failed)} of {len(planned.runs)} runs left no result",
            where=str(file),
            found=", ".join(run.run_id for run in failed[:3]) + (", ..." if failed[3:] else ""),
            remedy=f"mlperf-bake experiment {shlex.quote(str(file))}  makes what is missing",
        )


def _as_data(found: Found) -> dict[str, object]:
    measured = found.compared.measured
    return {
        "target": found.target,
        "scenario": measured.scenario,
        "setting": found.setting,
        "benchmark": measured.benchmark,
        "median": measured.figure.value if measured.figure else None,
        "lowest": found.lowest,
        "highest": found.highest,
        "unit": measured.figure.unit if measured.figure else None,
        "repeats": found.repeats,
        "validity": measured.validity,
        "ratio": found.compared.ratio,
        "reasons": list(found.compared.reasons),
    }


def _print(groups: tuple[tuple[Found, ...], ...]) -> None:
    from mlperf_bake.cli.compare import ratio_text
    from mlperf_bake.results.figures import number

    for group in groups:
        first = group[0].compared.measured
        print_line(f"\n{first.benchmark}, {first.scenario}: median of the repeats")
        rows = [
            (
                found.target,
                found.setting,
                str(found.compared.measured.figure or "no figure"),
                f"{number(found.lowest)} to {number(found.highest)}"
                if found.lowest is not None and found.highest is not None
                else "-",
                str(found.repeats),
                ratio_text(found.compared, first=found is group[0]),
                "; ".join(found.compared.reasons) or "yes",
            )
            for found in group
        ]
        print_table(("target", "setting", "figure", "range", "runs", "ratio", "comparable"), rows)
