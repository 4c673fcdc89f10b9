"""`check`: the verdict on a submission tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.output import note, print_json

if TYPE_CHECKING:
    from mlperf_bake.check.official import OfficialVerdict
    from mlperf_bake.check.verdict import Verdict

TreePath = Annotated[
    Path, typer.Argument(metavar="TREE", help="The submission tree: it holds open/ or closed/.")
]
RoundName = Annotated[str, typer.Option("--round", metavar="NAME", help="The MLPerf round.")]
Checkout = Annotated[
    Path | None,
    typer.Option(
        "--official",
        metavar="CHECKOUT",
        help="Also run the official checker of this checkout of mlcommons/inference.",
        show_default=False,
    ),
]
OfficialOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--official-option",
        metavar="OPTION",
        help="Passed on to the official checker, like --skip-dataset-size-check; repeatable.",
        show_default=False,
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 9 for a demonstration, too.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
Sarif = Annotated[
    Path | None,
    typer.Option("--sarif", metavar="FILE", help="Write the findings as SARIF 2.1.0.", show_default=False),
]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Write rules and results as JUnit XML.", show_default=False),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page to read and to forward.", show_default=False),
]


def check(
    tree: TreePath,
    round_name: RoundName = "v6.1",
    official: Checkout = None,
    official_option: OfficialOptions = None,
    strict: Strict = False,
    json: Json = False,
    sarif: Sarif = None,
    junit: Junit = None,
    html: Html = None,
) -> None:
    """Check a submission tree: file, rule, found, expected, fix. Exit code 9 if it is invalid, or if the official
    checker refuses it for more than what a demonstration cannot keep."""
    from mlperf_bake.check.engine import check as check_tree
    from mlperf_bake.check.files import refuse_places, write
    from mlperf_bake.check.official import run_official, unexcused
    from mlperf_bake.check.verdict import State
    from mlperf_bake.errors import CheckFailed
    from mlperf_bake.rounds import load_round

    given = {"sarif": sarif, "junit": junit, "html": html}
    places = {form: path for form, path in given.items() if path is not None}
    refuse_places(places, tree)
    verdict = check_tree(tree, load_round(round_name))
    beside = run_official(official, tree, round_name, official_option or ()) if official else None
    for form, path in places.items():
        write(form, path, verdict, beside)
        note(f"wrote {path}")
    _print(verdict, beside, json)
    refused = beside is not None and bool(unexcused(beside, verdict))
    if verdict.exit_code or refused or (strict and verdict.state is not State.VALID):
        raise typer.Exit(CheckFailed.exit_code)


def _print(verdict: Verdict, official: OfficialVerdict | None, json: bool) -> None:
    from mlperf_bake.check.data import as_data
    from mlperf_bake.check.report import print_verdict

    if json:
        print_json(as_data(verdict, official))
        return
    from rich.console import Console

    print_verdict(verdict, Console(highlight=False), official)
