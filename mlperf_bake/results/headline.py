"""The figure a performance run is quoted with: which LoadGen key it is in a round, in which unit.

Edge systems may quote a scenario from the run of another; the formulas are those of the official checker
(checks/performance_check.py get_inferred_result).
"""

from dataclasses import dataclass
from typing import Final

from mlperf_bake.results import figures
from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.rounds import ModelRules, Round

MULTISTREAM_SAMPLES: Final = 8
"""Samples of a MultiStream query."""

EARLY_STOPPING_P90: Final = "early-stopping p90 latency"
EARLY_STOPPING_P99: Final = "early-stopping p99 latency"
"""LoadGen's estimate of a percentile with confidence: the figure that streams are quoted with, above the measured one."""

_NAMES: Final = {
    "early_stopping_latency_ss": EARLY_STOPPING_P90,
    "early_stopping_latency_ms": EARLY_STOPPING_P99,
    "result_90.00_percentile_latency_ns": "p90 latency",
    "result_99.00_percentile_latency_ns": "p99 latency",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure and the LoadGen key it comes from; ``inferred_from`` names the scenario of the run if it is another."""

    field: str
    value: float
    unit: str
    inferred_from: str | None = None

    def __str__(self) -> str:
        source = f" (from {self.inferred_from})" if self.inferred_from else ""
        if self.unit == "ms":
            return f"{_NAMES.get(self.field, 'latency')} {figures.duration(self.value * 1e6)}{source}"
        return f"{figures.number(self.value)} {self.unit}{source}"


def headline(detail: DetailLog, rules: Round, model: ModelRules, scenario: str) -> Headline | None:
    """The headline of a performance log for a scenario; None where the log does not hold it.

    Streams are quoted by their latency in milliseconds, the other scenarios by samples, queries or tokens a
    second.
    """
    if (detail.scenario, scenario) in rules.tree.inferable and scenario != "Interactive":
        return _inferred(detail, scenario)
    # An Interactive run is logged as Server, and quoted as the official checker quotes Server runs.
    logged = detail.scenario if scenario == "Interactive" and detail.scenario == "Server" else scenario
    field = rules.result_field(model, logged or scenario)
    value = detail.number(field)
    if value is None:
        return None
    if field.endswith(("_ss", "_ms", "_ns")):
        return Headline(field, value / 1e6, "ms")
    unit = "tokens/s" if "token" in field else "samples/s" if scenario == "Offline" else "queries/s"
    return Headline(field, value, unit)


def _inferred(detail: DetailLog, scenario: str) -> Headline | None:
    source = detail.scenario
    if source == "MultiStream":
        field = "result_mean_query_latency_ns"
        mean, samples = detail.number(field), detail.integer("effective_samples_per_query")
        return Headline(field, samples * 1e9 / mean, "samples/s", source) if mean and samples else None
    if scenario == "Offline":
        field = "result_qps_without_loadgen_overhead"
        value = detail.number(field)
        return Headline(field, value, "samples/s", source) if value is not None else None
    field = "early_stopping_latency_ms"
    value = detail.number(field)
    return Headline(field, value * MULTISTREAM_SAMPLES / 1e6, "ms", source) if value else None
