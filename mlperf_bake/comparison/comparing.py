"""Which figures belong side by side, how many times the first one each of the others is, and why not. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlperf_bake.comparison.measured import Measured


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure against the first of its benchmark and scenario.

    Attributes:
        measured: the figure.
        ratio: how many times as fast as the first; above 1 is better, also for latencies. None where one of the two has
            no figure, or they are in different units.
        reasons: why the two may not be compared; empty for the first itself and for results that may.
    """

    measured: Measured
    ratio: float | None
    reasons: tuple[str, ...]


def compare(found: Sequence[Measured]) -> tuple[tuple[Compared, ...], ...]:
    """Groups of one benchmark and scenario in the order they first come, each figure against the first of its group."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for one in found:
        groups.setdefault((one.benchmark, one.scenario), []).append(one)
    return tuple(
        tuple(Compared(one, ratio(group[0], one), tuple(_reasons(group[0], one))) for one in group)
        for group in groups.values()
    )


def ratio(first: Measured, other: Measured) -> float | None:
    """How many times as fast as the first; above 1 is better, also for latencies. None without two figures in one unit."""
    one, two = first.figure, other.figure
    if one is None or two is None or one.unit != two.unit or one.value <= 0 or two.value <= 0:
        return None
    return one.value / two.value if one.unit == "ms" else two.value / one.value


def _reasons(first: Measured, other: Measured) -> Iterator[str]:
    if other.validity != "VALID":
        yield f"LoadGen calls it {other.validity or 'nothing, its log is cut'}"
    if first is other:
        return
    if first.validity != "VALID":
        yield f"LoadGen calls the first {first.validity or 'nothing, its log is cut'}"
    pairs = (
        ("network", first.network, other.network),
        ("seeds of", first.round or "no known round", other.round or "no known round"),
        ("data set of", _data(first, other)[0], _data(first, other)[1]),
        ("least duration", _seconds(first.duration_ms), _seconds(other.duration_ms)),
        ("latency limit", first.limits or "none", other.limits or "none"),
        ("run of", _ran(first), _ran(other)),
        ("figure", _unit(first), _unit(other)),
    )
    for what, one, two in pairs:
        if one != two:
            yield f"{what} {two}, the first's {one}"


def _data(first: Measured, other: Measured) -> tuple[str, str]:
    """What tells the data sets apart: their hashes where both are known and their sizes agree, else their sizes."""
    if first.samples == other.samples and first.data and other.data:
        return first.data[:12], other.data[:12]
    return f"{first.samples} samples", f"{other.samples} samples"


def _ran(one: Measured) -> str:
    """The scenario that LoadGen ran; edge systems may quote another's."""
    return (one.figure.inferred_from if one.figure else None) or one.scenario


def _unit(one: Measured) -> str:
    return f"in {one.figure.unit}" if one.figure else "missing"


def _seconds(duration_ms: int | None) -> str:
    return "unknown" if duration_ms is None else f"{duration_ms / 1000:g} s"
