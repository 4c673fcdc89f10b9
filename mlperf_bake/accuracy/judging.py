"""Figures held against a round's targets: reached, missed, or why there is no verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import isnan

from mlperf_bake.accuracy.measured import Measured
from mlperf_bake.accuracy.registry import TASKS
from mlperf_bake.results.accuracy_text import read_figures
from mlperf_bake.results.confidence import Interval
from mlperf_bake.rounds import ModelRules, Round


class Verdict(Enum):
    """What a figure means in the closed division."""

    REACHED = "reached"
    MISSED = "missed"
    UNMEASURED = "not measured"
    INCOMPLETE = "not the whole data set"
    UNSIZED = "no verdict: the round's rules do not say how many samples the whole data set has"


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric that the round asks for.

    Attributes:
        value: as accuracy.txt gives it; None: not measured.
        least, most: the round's limits, in the unit of accuracy.txt.
        reason: why it was not measured.
    """

    metric: str
    value: float | None
    least: float | None
    most: float | None
    interval: Interval | None
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """All metrics that the round asks for.

    Attributes:
        benchmark: as the round names it.
        expected: samples that an accuracy run must cover; None: the round's rules do not say.
    """

    benchmark: str
    round: str
    scenario: str
    samples: int
    expected: int | None
    figures: tuple[Judged, ...]

    @property
    def missed(self) -> bool:
        """Whether a target is missed by a run of the whole data set."""
        return any(figure.verdict is Verdict.MISSED for figure in self.figures)


def judge(measured: Measured, rules: Round, benchmark: ModelRules, scenario: str) -> Judgement:
    """Holds what was measured against the targets of the round.

    The values are those that the official checker reads in the line, rounded as they are there.
    """
    expected = benchmark.accuracy_sample_count(scenario)
    unit = TASKS[benchmark.name].unit if benchmark.name in TASKS else 1
    least = {name: unit * value for name, value in benchmark.targets(scenario).items()}
    most = {name: unit * value for name, value in benchmark.accuracy_upper_limit.items()}
    shown = read_back(measured.line, rules)
    figures = tuple(
        _judged(name, shown.get(name, measured.figures.get(name)), least, most, measured, expected)
        for name in dict.fromkeys((*least, *most))
    )
    return Judgement(benchmark.name, rules.name, scenario, measured.samples, expected, figures)


def read_back(text: str, rules: Round) -> Mapping[str, float]:
    """The figures that the official checker finds in accuracy.txt, of every metric that a round knows."""
    return read_figures(text, rules.tree.accuracy_lines, rules.tree.accuracy_lines)


def _judged(
    metric: str,
    value: float | None,
    least: Mapping[str, float],
    most: Mapping[str, float],
    measured: Measured,
    expected: int | None,
) -> Judged:
    low, high = least.get(metric), most.get(metric)
    interval = measured.intervals.get(metric)
    if value is None or isnan(value):
        absent = "this benchmark's script does not give it" if value is None else "it came to no number"
        reason = measured.unmeasured.get(metric, absent)
        return Judged(metric, None, low, high, None, Verdict.UNMEASURED, reason)
    if expected is None:
        verdict = Verdict.UNSIZED
    elif measured.samples != expected:
        verdict = Verdict.INCOMPLETE
    elif (low is not None and value < low) or (high is not None and value > high):
        verdict = Verdict.MISSED
    else:
        verdict = Verdict.REACHED
    return Judged(metric, value, low, high, interval, verdict)
