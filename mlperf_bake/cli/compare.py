"""`compare`: figures of runs and trees side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.output import note, print_json, print_line, print_table
from mlperf_bake.errors import NothingSelected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlperf_bake.comparison.comparing import Compared

ONE_RUN_EACH = (
    "Each ratio is of two runs: whether it is more than the machine's own ups and downs, runs repeated in turn tell "
    "(mlperf-bake experiment --example)."
)

Places = Annotated[
    list[str],
    typer.Argument(
        metavar="RESULT_OR_TREE...",
        help="Runs, directories of them, tar files, volume:NAME or submission trees; the first figure of each benchmark "
        "and scenario is what the others are compared with.",
    ),
]
RoundName = Annotated[
    str, typer.Option("--round", metavar="NAME", help="Whose benchmarks and figures count.")
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="The benchmark of logs without manifest.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]


def compare(places: Places, round_name: RoundName = "v6.1", model: Model = None, json: Json = False) -> None:
    """Compare results: figure, ratio, and whether the two may be compared."""
    import tempfile

    from mlperf_bake.comparison.comparing import compare as compare_results
    from mlperf_bake.comparison.measured import measured
    from mlperf_bake.results.place import parse_place
    from mlperf_bake.results.printable import printable
    from mlperf_bake.rounds import load_round
    from mlperf_bake.rounds.benchmarks import require_benchmark

    rules = load_round(round_name)
    if model is not None:
        require_benchmark(model, rules, "--model")
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-compare-") as scratch:
        found, left_out = measured([parse_place(text) for text in places], Path(scratch), rules, model)
    for reason in left_out:
        note(printable(f"left out: {reason}"))
    if not found:
        raise NothingSelected(
            "no performance run there",
            where=", ".join(places),
            expected="runs, or a submission tree",
            remedy="mlperf-bake run TARGET --scenario Offline --mode performance --data sample",
        )
    groups = compare_results(found)
    if json:
        print_json({"groups": [_as_data(group) for group in groups]})
    else:
        _print(groups)


def _as_data(group: tuple[Compared, ...]) -> dict[str, object]:
    first = group[0].measured
    return {
        "benchmark": first.benchmark,
        "scenario": first.scenario,
        "results": [
            {
                "place": one.measured.place,
                "system": one.measured.system,
                "model": one.measured.model,
                "network": one.measured.network,
                "value": one.measured.figure.value if one.measured.figure else None,
                "unit": one.measured.figure.unit if one.measured.figure else None,
                "field": one.measured.figure.field if one.measured.figure else None,
                "validity": one.measured.validity,
                "round": one.measured.round,
                "samples": one.measured.samples,
                "ratio": one.ratio,
                "comparable": not one.reasons,
                "reasons": list(one.reasons),
            }
            for one in group
        ],
    }


def _print(groups: tuple[tuple[Compared, ...], ...]) -> None:
    from mlperf_bake.results.printable import printable

    for number, group in enumerate(groups):
        first = group[0].measured
        print_line(f"{'' if number == 0 else chr(10)}{first.benchmark}, {first.scenario}")
        rows = [
            (
                printable(one.measured.place),
                printable(one.measured.system or "not said"),
                printable(one.measured.network),
                str(one.measured.figure or "no figure"),
                ratio_text(one, first=one is group[0]),
                printable("; ".join(one.reasons)) or "yes",
            )
            for one in group
        ]
        header = ("result", "system", "network", "figure", "ratio", "comparable")
        print_table(header, rows, least=_alike(header, rows, ("network", "system")))
    if any(one.ratio is not None and not one.reasons for group in groups for one in group[1:]):
        note(ONE_RUN_EACH)


def _alike(
    header: tuple[str, ...], rows: Sequence[tuple[str, ...]], columns: tuple[str, ...]
) -> tuple[str, ...]:
    """Those of the columns that tell no row from another: a narrow terminal can do without them."""
    return tuple(name for name in columns if len({row[header.index(name)] for row in rows}) == 1)


def ratio_text(one: Compared, *, first: bool) -> str:
    """``1.23x``, in brackets where it compares what may not be compared."""
    if first or one.ratio is None:
        return "1" if first else "-"
    return f"({one.ratio:.3g}x)" if one.reasons else f"{one.ratio:.3g}x"
