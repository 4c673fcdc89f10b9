"""`collect`: runs from directories, tar files and volumes into a submission tree."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.output import note, print_json
from mlperf_bake.errors import Stale, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlperf_bake.project import Project
    from mlperf_bake.results.manifest import Manifest

Results = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RESULT]...",
        help="Where results lie: a run's directory or one above it, a tar file, volume:NAME, or a whole submission tree of "
        "any round. None: with --system-file, describe a system of the tree anew.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="TREE", help="The tree; results are added to it.")]
Submitter = Annotated[
    str | None,
    typer.Option(
        "--submitter",
        metavar="NAME",
        help="Your organisation; else the tree's only submitter.",
        show_default=False,
    ),
]
System = Annotated[
    str | None,
    typer.Option(
        "--system", metavar="NAME", help="Name of the system; else from its processor.", show_default=False
    ),
]
SystemFile = Annotated[
    Path | None,
    typer.Option(
        "--system-file",
        metavar="FILE",
        help="What cannot be detected, as YAML or JSON (key: value).",
        show_default=False,
    ),
]
Division = Annotated[
    str | None,
    typer.Option(
        "--division", metavar="NAME", help="open or closed; else the cell's own.", show_default=False
    ),
]
RoundName = Annotated[str, typer.Option("--round", metavar="NAME", help="The MLPerf round.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="The benchmark of runs without manifest.", show_default=False
    ),
]
Benchmark = Annotated[
    str | None,
    typer.Option(
        "--benchmark",
        metavar="NAME",
        help="What an open model of runs without manifest stands for, if its name does not say it.",
        show_default=False,
    ),
]
RunsFile = Annotated[
    Path | None,
    typer.Option(
        "--runs-file",
        metavar="FILE",
        help="Model, system and division of runs without manifest; collect writes the file.",
        show_default=False,
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Count the accuracy again with this data set.", show_default=False
    ),
]
Infer = Annotated[
    bool,
    typer.Option("--infer", help="Edge systems: copy results to the scenarios that they may stand for."),
]
Run = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        metavar="ID",
        help="A run that counts whatever the rule says, by the name of its directory; may be repeated. Without: VALID runs "
        "that meet the round's minimum, then the longer ones, then the newest.",
        show_default=False,
    ),
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="IMAGE", help="Local image to read volumes with.", show_default=False),
]
Json = Annotated[
    bool, typer.Option("--json", help="Machine-readable output on stdout, people's text on stderr.")
]

DEFAULT_OUT = Path("submission")


def collect(
    results: Results = None,
    out: Out = DEFAULT_OUT,
    submitter: Submitter = None,
    system: System = None,
    system_file: SystemFile = None,
    division: Division = None,
    round_name: RoundName = "v6.1",
    data: Data = None,
    model: Model = None,
    benchmark: Benchmark = None,
    runs_file: RunsFile = None,
    infer: Infer = False,
    run: Run = None,
    image: Image = None,
    json: Json = False,
) -> None:
    """Collect runs into a submission tree."""
    from mlperf_bake.cli.collected import as_data, print_collected
    from mlperf_bake.results.place import parse_place
    from mlperf_bake.rounds import load_round
    from mlperf_bake.submission.collect import CollectOptions
    from mlperf_bake.submission.collect import collect as collect_runs
    from mlperf_bake.submission.describing import describe
    from mlperf_bake.submission.filling import Collected
    from mlperf_bake.submission.runs_file import read_runs_file
    from mlperf_bake.submission.submitters import submitter_of
    from mlperf_bake.submission.system import read_system_file

    rules = load_round(round_name)
    given = read_system_file(system_file, rules) if system_file else None
    if results:
        said = read_runs_file(runs_file) if runs_file else {}
        options = CollectOptions(
            submitter=submitter,
            round=round_name,
            division=division,
            system=system,
            given=given,
            data=data,
            declared=_declarations(),
            model=model,
            said=said,
            infer=infer,
            benchmark=benchmark,
            runs=tuple(run or ()),
        )
        places = [parse_place(text, image=image) for text in results]
        collected = collect_runs(places, out, options, _wait)
    elif given is not None:
        who = submitter or submitter_of(out, rules)
        unknown = describe(out, rules, who, system, given, _declarations(), _wait)
        collected = Collected(out, (), (), unknown)
    else:
        raise UsageError(
            "RESULT is missing",
            expected="where runs lie, or --system-file to describe a system of the tree",
            remedy=f"mlperf-bake collect ./results --out {shlex.quote(str(out))}",
        )
    if json:
        print_json(as_data(collected))
    else:
        print_collected(collected, round_name)


def _wait() -> None:
    note("waiting for another collect to finish")


def _declarations() -> Callable[[Manifest], Mapping[str, str]]:
    """What the checkout that this is called in declares of its models' weights; read for the first run of ours."""
    from functools import cache

    from mlperf_bake.submission.declared import declared_measurements

    project = cache(_declaring_project)

    def declared(manifest: Manifest) -> Mapping[str, str]:
        found = project()
        return declared_measurements(found, manifest) if found else {}

    return declared


def _declaring_project() -> Project | None:
    """The checkout, with a matrix and a lock that can be read; None where there is none."""
    from mlperf_bake.project import open_project

    try:
        project = open_project()
    except UsageError:
        return None
    try:
        _ = project.matrix, project.lock
    except (UsageError, Stale) as error:
        reason = str(error.problem).splitlines()[0]
        note(f"what matrix.yaml declares of the weights is left out: {reason}")
        return None
    return project
