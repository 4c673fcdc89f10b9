"""Options that several commands share, so that they are spelt and explained in one way."""

from collections.abc import Iterable
from typing import Annotated

import typer

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TARGET]...",
        help="Targets (resnet50-arm) or globs over cell ids (resnet50-*).",
        show_default=False,
    ),
]
TargetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        metavar="TARGET",
        help="A target or glob; may be given several times.",
        show_default=False,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="AXIS=VALUE[,VALUE]", help="Keep only cells with these values.", show_default=False
    ),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip", metavar="AXIS=VALUE[,VALUE]", help="Leave out cells with these values.", show_default=False
    ),
]
Contexts = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        metavar="NAME=PATH",
        help="Use this in place of what is fetched: wheels, weights, base, build-base.",
        show_default=False,
    ),
]
RoundName = Annotated[
    str,
    typer.Option(
        "--round", metavar="NAME", help="An MLPerf round, such as v5.1 [the matrix's].", show_default=False
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Machine-readable output on stdout, people's text on stderr.")
]


def repeated(context: Iterable[str] | None, round_name: str) -> tuple[str, ...]:
    """What a command that goes on from here repeats of these options, so that it means the same images."""
    return (
        *(f"--context={entry}" for entry in context or ()),
        *((f"--round={round_name}",) if round_name else ()),
    )
