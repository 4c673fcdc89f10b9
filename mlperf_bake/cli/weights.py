"""`weights fetch`: a model's weights on disk, to build with or to look at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.command import Command
from mlperf_bake.cli.options import Json
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.assets.weights import WeightsDemand
    from mlperf_bake.models.forms import FormDemand

app = typer.Typer(no_args_is_help=True, suggest_commands=False, help="Fetch or make model weights.")


@app.callback()
def weights() -> None:
    """Fetch or make model weights."""


@app.command("fetch", cls=Command)
def fetch(
    model: Annotated[str, typer.Argument(help="A model of the matrix.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Your own copy of the weights, or of what they are made from."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to put them. [default: in the cache]")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--form",
            metavar="NAME",
            help="Convert them to another runtime's form, as a build does; in the cache.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Fetch a model's weights, or make them by their recipe; prints the directory for --context weights=DIR."""
    from mlperf_bake.assets.weights import fetch_weights
    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.cli.output import note, print_json, print_line
    from mlperf_bake.models.needs import find_model, form_demand, weights_demand
    from mlperf_bake.project import open_project

    project = open_project()
    chosen = find_model(project.matrix, model)
    demand = weights_demand(chosen, project.lock, project.sources)
    if form is not None:
        _fetch_form(form_demand(chosen, form), demand, source, out, json)
        return
    with StepLine() as progress:
        fetched = fetch_weights(demand, out, override=source, progress=progress)
    if json:
        print_json(
            {
                "path": str(fetched.path),
                "file": str(fetched.file),
                "sha256": fetched.sha256,
                "checked": fetched.checked,
            }
        )
        return
    print_line(str(fetched.path))
    note(f"{fetched.file.name}, sha256 {fetched.sha256} ({_checked(demand)})")
    note(f"build with --context weights={shlex.quote(str(fetched.path))}")


def _fetch_form(
    form: FormDemand, demand: WeightsDemand, source: Path | None, out: Path | None, json: bool
) -> None:
    """The weights in another form: its directory, and each file with its checksum."""
    from mlperf_bake.assets.weights import fetch_weights
    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.cli.output import note, print_json, print_line
    from mlperf_bake.models.forms import conversion_requirements, fetch_form

    if out is not None:
        raise UsageError(
            "--form and --out do not go together", remedy="copy the directory that --form prints"
        )
    conversion_requirements(form.conversion)  # a wrong name is told before anything is fetched
    with StepLine() as progress:
        made = fetch_form(form, fetch_weights(demand, override=source, progress=progress), progress=progress)
    if json:
        print_json({"path": str(made.path), "files": made.files})
        return
    print_line(str(made.path))
    for name, sha256 in made.files.items():
        note(f"{name}, sha256 {sha256}")
    note(f"how it was made, and how near it is to the source: {made.path / 'conversion.conf'}")


def _checked(demand: WeightsDemand) -> str:
    """Which checksum of the file was compared, in words."""
    match demand.checked:
        case "sha256":
            return "as matrix.lock has it"
        case "md5":
            return f"held against md5 {demand.md5} of matrix.yaml; `mlperf-bake lock --update weights/{demand.model}` pins it"
    return "made anew here: training has no checksum beforehand"
