"""`data list` and `data prepare`: the data sets that runs read."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.command import Command
from mlperf_bake.cli.options import Json
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.datasets.prepared import PreparedDataset

app = typer.Typer(no_args_is_help=True, suggest_commands=False, help="List and prepare data sets.")


@app.command("list", cls=Command)
def list_datasets(json: Json = False) -> None:
    """List the data sets, and how each can be prepared."""
    from mlperf_bake.cli.output import note_prose, print_json, print_table
    from mlperf_bake.datasets.declared import UserDirectory, datasets, not_prepared

    rows = [
        {
            "name": dataset.name,
            "title": dataset.title,
            "license": dataset.license,
            "count": dataset.count,
            "classes": dataset.classes,
            "official_count": dataset.official_count,
            "downloadable": not isinstance(dataset.source, UserDirectory),
            "preprocessings": list(dataset.preprocessings),
        }
        for dataset in datasets().values()
    ]
    if json:
        print_json({"datasets": rows, "not_prepared": not_prepared()})
        return
    print_table(
        ("NAME", "SAMPLES", "FROM", "PREPROCESSINGS"),
        [
            (
                str(row["name"]),
                str(row["count"]),
                "download" if row["downloadable"] else "--from PATH",
                ", ".join(dataset.preprocessings),
            )
            for row, dataset in zip(rows, datasets().values(), strict=True)
        ],
    )
    for name, reason in not_prepared().items():
        note_prose(f"{name} is not prepared here: {reason}.")


@app.command("prepare", cls=Command)
def prepare_dataset(
    name: Annotated[str, typer.Argument(help="A data set: `mlperf-bake data list`.")],
    model: Annotated[
        str | None,
        typer.Option("--for", metavar="MODEL", help="Prepare it as this model of the matrix needs it."),
    ] = None,
    preprocessing: Annotated[
        str | None,
        typer.Option("--preprocessing", metavar="ID", help="Prepare it this way; no matrix is read."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="Your own copy of the package, directory or archive."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", metavar="LIST", help="Only the samples that this list names, one a line."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to put it. [default: in the cache]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes. [default: all processors]")
    ] = None,
    json: Json = False,
) -> None:
    """Prepare a data set for the harness; prints the directory to mount at /data."""
    from mlperf_bake.cli.asset_progress import StepLine
    from mlperf_bake.cli.output import note, print_json, print_line
    from mlperf_bake.datasets.declared import UserDirectory, find_dataset
    from mlperf_bake.datasets.prepare import own_files_needed, prepare

    chosen = _preprocessing(name, model, preprocessing, source)
    if source is None and model is not None and isinstance(find_dataset(name).source, UserDirectory):
        raise own_files_needed(find_dataset(name), f"--for {model}")
    with StepLine() as progress:
        prepared = prepare(
            name, chosen, out, source=source, only=calibration, workers=workers, progress=progress
        )
    if json:
        print_json(_json(prepared))
        return
    print_line(str(prepared.path))
    kind = "a demonstration set" if prepared.demonstration else "the official data set"
    note(f"{prepared.count} samples of {prepared.name}, {prepared.preprocessing}: {kind}.")


def _preprocessing(name: str, model: str | None, preprocessing: str | None, source: Path | None) -> str:
    """The preprocessing that was asked for: named, or the model's, or the only one the data set has."""
    from mlperf_bake.assets.preprocessing import PREPROCESSINGS
    from mlperf_bake.datasets.declared import UserDirectory, find_dataset

    if model is not None and preprocessing is not None:
        raise UsageError("--for and --preprocessing exclude each other", remedy="leave one of them out")
    if preprocessing is not None:
        return preprocessing
    if model is not None:
        from mlperf_bake.models.needs import find_model
        from mlperf_bake.project import open_project

        return find_model(open_project().matrix, model).preprocessing
    dataset = find_dataset(name)
    choices = dataset.preprocessings
    if len(choices) == 1:
        return choices[0]
    by_model = choices[0] in PREPROCESSINGS
    words = ["mlperf-bake", "data", "prepare", name]
    words += ["--for", "MODEL"] if by_model else ["--preprocessing", choices[0]]
    if source is not None or isinstance(dataset.source, UserDirectory):
        words += ["--from", str(source or "DIRECTORY")]
    raise UsageError(
        f"the data set {name} can be prepared in {len(choices)} ways",
        expected=("--for MODEL, or " if by_model else "") + "--preprocessing " + " or ".join(choices),
        remedy=shlex.join(words),
    )


def _json(prepared: "PreparedDataset") -> dict[str, object]:
    return {
        "path": str(prepared.path),
        "name": prepared.name,
        "preprocessing": prepared.preprocessing,
        "count": prepared.count,
        "shape": list(prepared.shape),
        "dtype": prepared.dtype,
        "classes": prepared.classes,
        "samples_sha256": prepared.samples_sha256,
        "labels_sha256": prepared.labels_sha256,
        "demonstration": prepared.demonstration,
        "official_count": prepared.official_count,
        "source": prepared.source,
    }
