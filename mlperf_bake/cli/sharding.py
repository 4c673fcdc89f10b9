"""`--shard` and `--durations`, as plan, build, affected and ci take them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.output import note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlperf_bake.matrix.values import Cell

ShardOption = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only part I of N of the chosen cells.")
]
Durations = Annotated[
    Path | None,
    typer.Option(
        "--durations",
        metavar="JOURNAL",
        help="Weigh shards by this journal of earlier builds; every shard needs the same one.",
        show_default=False,
    ),
]


def shard_of(cells: Iterable[Cell], shard: str, journal: Path | None) -> tuple[Cell, ...]:
    """The cells of one shard, all of them where none is given; may be none.

    The journal of this machine is not used unless it is named: it grows while shards are built, and another machine has
    another one, so shards weighted by it would overlap.

    Errors:
        UsageError: the shard is not i/n, or the journal tells no durations.
    """
    chosen, seconds = tuple(cells), None
    if journal:
        from mlperf_bake.build.durations import read_durations

        seconds = read_durations(journal)
    if not shard:
        return chosen
    from mlperf_bake.plan.shards import divide, parse_shard

    part = parse_shard(shard)
    found = divide(chosen, part.count, seconds)[part.index - 1]
    note(f"shard {part}: {len(found)} of {len(chosen)} cells")
    return found
