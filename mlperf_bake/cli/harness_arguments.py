"""The harness's common options as options of `run`, and the words of a line that are the target or go to the harness."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any

import click
import typer

from mlperf_bake.errors import UsageError


class FiniteRange(click.FloatRange):
    """Numbers within bounds; ``nan`` lies within any for click, and ``inf`` within most."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; errors as click's own types."""
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"'{value}' is not a finite number.", param, ctx)
        return number


ABOVE_0 = FiniteRange(min=0, min_open=True)
TENTH_OF_A_SECOND = FiniteRange(min=0.1)
"""The shortest run that a command asks for by itself."""

Duration = Annotated[
    float | None,
    typer.Option(
        "--duration", click_type=ABOVE_0, metavar="SECONDS", help="Shortest run that counts [LoadGen's: 600]."
    ),
]
MinQueries = Annotated[
    int | None,
    typer.Option("--min-queries", min=1, metavar="N", help="Fewest queries that count [LoadGen's]."),
]
TargetQps = Annotated[
    float | None,
    typer.Option(
        "--target-qps",
        click_type=ABOVE_0,
        metavar="Q",
        help="Server: queries/s; Offline: expected samples/s.",
    ),
]
TargetLatency = Annotated[
    float | None,
    typer.Option(
        "--target-latency-ms",
        click_type=ABOVE_0,
        metavar="L",
        help="Server: limit [the round's]; streams: expected latency.",
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Batches in flight at once [one a CPU].")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="M", help="Threads of each worker.")]
Batch = Annotated[
    int | None, typer.Option("--batch", min=1, metavar="B", help="Most samples of a batch [1].")
]
Samples = Annotated[
    int | None, typer.Option("--samples", min=1, metavar="N", help="Use only the first N samples.")
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TARGET] [-- HARNESS OPTION...]",
        help="What to run, and any other options for the harness: resnet50-arm -- --pin compact.",
        show_default=False,
    ),
]


def as_words(options: dict[str, float | int | None]) -> tuple[str, ...]:
    """``--name value`` for each option that was given."""
    return tuple(
        word
        for name, value in options.items()
        if value is not None
        for word in (f"--{name}", str(value) if isinstance(value, int) else f"{value:.12g}")
    )


def target_and_options(target: str, words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The target, given with ``--target`` or as first word, and the words for the harness.

    Raises:
        UsageError: no target, or two.
    """
    count = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    targets = tuple(dict.fromkeys((*words[:count], *((target,) if target else ()))))
    if len(targets) != 1:
        raise UsageError(
            "one target is run at a time" if targets else "TARGET is missing",
            found=", ".join(targets) or None,
            expected="one target, such as efficientnet-lite0",
            remedy="`mlperf-bake list` shows every target",
        )
    return targets[0], tuple(words[count:])
