"""Which of several runs that could stand for a result counts, and why: a stated rule.

Only runs that LoadGen calls VALID are ranked. A run that meets the round's minimum (duration, different samples, in the closed
division Offline's samples a query) comes before one that does not; in the closed division, then one that more compliance tests
go with; then, of runs below the minimum, the longer one, and the one of more samples; then the newest.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.results.manifest import Manifest
from mlperf_bake.rounds import Round


class Rank(NamedTuple):
    """Where a run stands: of two, the greater counts.

    Attributes:
        meets: whether it meets the round's minimum.
        tests: compliance tests that go with it; 0 in the open division, which has none.
        duration_ms: how long it was to last at least; 0 where it meets the minimum: longer is no better there.
        samples: different samples it held; 0 likewise.
        started: when, as text that sorts.
    """

    meets: bool
    tests: int
    duration_ms: int
    samples: int
    started: str


def rank_of(manifest: Manifest, rules: Round, division: str, tests: int = 0) -> Rank:
    """The rank of a run of ours in a division."""
    return _rank(
        rules,
        manifest.cell.benchmark or "",
        division,
        manifest.scenario,
        manifest.settings.duration_ms or 0,
        manifest.counts.performance_sample_count,
        manifest.settings.samples_per_query,
        manifest.started_at.isoformat(),
        tests,
    )


def rank_of_log(detail: DetailLog, rules: Round, benchmark: str, division: str) -> Rank:
    """The rank of a run of another program, by its log."""
    return _rank(
        rules,
        benchmark,
        division,
        detail.scenario or "",
        detail.integer("effective_min_duration_ms") or 0,
        detail.integer("effective_performance_sample_count") or 0,
        detail.integer("effective_samples_per_query"),
        detail.text("test_datetime") or "",
    )


def _rank(
    rules: Round,
    benchmark: str,
    division: str,
    scenario: str,
    duration_ms: int,
    samples: int,
    samples_per_query: int | None,
    started: str,
    tests: int = 0,
) -> Rank:
    model = rules.models.get(benchmark)
    least_query = model.offline_min_samples_per_query if model else None
    small_query = (
        division == "closed" and scenario == "Offline" and (samples_per_query or 0) < (least_query or 0)
    )
    meets = (
        model is not None
        and duration_ms >= rules.minimum_duration_ms(model)
        and samples >= model.performance_sample_count
        and not small_query
    )
    counted = tests if division != "open" else 0
    return Rank(meets, counted, 0 if meets else duration_ms, 0 if meets else samples, started)


def why(name: str, chosen: Rank, others: Sequence[Rank]) -> str:
    """Why a run counts and not the others, in words; empty where there are none."""
    return why_not(name, max(others), chosen) if others else ""


def why_not(name: str, other: Rank, chosen: Rank) -> str:
    """What the chosen run has before another: ``NAME is newer``."""
    if chosen.meets != other.meets:
        return f"{name} meets the round's minimum"
    if chosen.tests != other.tests:
        return f"more compliance tests go with {name}"
    if chosen.duration_ms != other.duration_ms:
        return f"{name} is longer, {chosen.duration_ms / 1000:g} s and not {other.duration_ms / 1000:g} s"
    if chosen.samples != other.samples:
        return f"{name} has more samples, {chosen.samples} and not {other.samples}"
    if chosen.started != other.started:
        return f"{name} is newer"
    return f"{name} started at the same moment, and one of them had to be taken"
