"""The figure a performance run is quoted with: which LoadGen key it is in a round, in which unit."""

from dataclasses import dataclass

from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.rounds import ModelRules, Round


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure and where it stands in the log."""

    field: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:.6g} {self.unit}"


def headline(detail: DetailLog, rules: Round, model: ModelRules, scenario: str) -> Headline | None:
    """The headline of a performance log in a scenario; None where the log does not hold it.

    Streams are quoted by their latency in milliseconds, the other scenarios by samples, queries or tokens a
    second.
    """
    field = rules.result_field(model, scenario)
    value = detail.number(field)
    if value is None:
        return None
    if field.endswith(("_ss", "_ms", "_ns")):
        return Headline(field, value / 1e6, "ms")
    unit = "tokens/s" if "token" in field else "samples/s" if scenario == "Offline" else "queries/s"
    return Headline(field, value, unit)
