"""What an accuracy log came to: figures, how sure they are, and the line the official checker looks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from types import MappingProxyType

from mlperf_bake.errors import UsageError
from mlperf_bake.results.answers import Answers
from mlperf_bake.results.confidence import Interval, wilson

_NONE: Mapping[str, str] = MappingProxyType({})
_NO_INTERVALS: Mapping[str, Interval] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Given:
    """What the user has, besides the accuracy log.

    Attributes:
        truth: the ground truth; each benchmark says what form it takes. None: nothing was given.
        dtype: of the numbers in the responses; None: the benchmark's own.
        tokenizer: a tokenizer.json, for benchmarks that answer with tokens.
        features: features of generated images, for benchmarks whose metric is a distance between features.
        samples: of the data set, where neither ground truth nor features tell.
        only: the samples that count, as those that a compliance test logged; None: all.
    """

    truth: Path | None = None
    dtype: str | None = None
    tokenizer: Path | None = None
    features: Path | None = None
    samples: int | None = None
    only: frozenset[int] | None = None

    def answers(self, log: Path, total: int, of: str) -> Answers:
        """The answers of a log to those of the ``total`` samples that count; ``of`` says what they are."""
        return Answers(log, total, of, self.only)

    def path(self) -> Path:
        """The ground truth.

        Raises:
            UsageError: none was given.
        """
        if self.truth is None:
            raise UsageError(
                "no ground truth was given", expected="what the answers are to be held against: --truth PATH"
            )
        return self.truth

    def count(self) -> int:
        """How many samples there are.

        Raises:
            UsageError: nothing tells.
        """
        if self.samples is None:
            raise UsageError("nothing says how many samples there are", remedy="--samples N")
        return self.samples


@dataclass(frozen=True, slots=True)
class Measured:
    """The accuracy of one run.

    Attributes:
        samples: samples that were judged.
        figures: metric (as rounds name it) to value in full precision, in the unit of accuracy.txt.
        line: what accuracy.txt must hold; one line or more, without what was not measured.
        unmeasured: metric to the reason why it was not measured.
        intervals: metric to the interval that holds it with 95 % confidence, where that means something.
        repeated: answers to samples that were answered before; only the first answer counts.
        also: further figures for people, by name.
    """

    samples: int
    figures: Mapping[str, float]
    line: str
    unmeasured: Mapping[str, str] = field(default_factory=lambda: _NONE)
    intervals: Mapping[str, Interval] = field(default_factory=lambda: _NO_INTERVALS)
    repeated: int = 0
    also: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


def share_interval(correct: int, total: int, unit: float = 100) -> Interval:
    """The interval of a share of right answers, in per cent (or with ``unit`` 1 as a share)."""
    low, high = wilson(correct, total)
    return Interval(unit * low, unit * high)


def mean_interval(scores: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """The interval of a mean of independent scores by the central limit theorem; None for fewer than 30."""
    count = len(scores)
    if count < 30:
        return None
    mean = sum(scores) / count
    variance = sum((score - mean) ** 2 for score in scores) / (count - 1)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(variance / count)
    return Interval(mean - half, mean + half)


def ratio_interval(parts: Sequence[float], wholes: Sequence[float], unit: float = 100) -> Interval | None:
    """The interval of a ratio of sums, as errors to words: its variance by the delta method, samples independent.

    None for fewer than 30 samples.
    """
    count = len(parts)
    if count < 30 or not sum(wholes):
        return None
    ratio = sum(parts) / sum(wholes)
    residues = [part - ratio * whole for part, whole in zip(parts, wholes, strict=True)]
    deviation = sqrt(sum(residue**2 for residue in residues) * count / (count - 1)) / sum(wholes)
    half = NormalDist().inv_cdf(0.975) * deviation
    return Interval(unit * (ratio - half), unit * (ratio + half))


def known(**intervals: Interval | None) -> Mapping[str, Interval]:
    """The intervals that mean something."""
    return {metric: interval for metric, interval in intervals.items() if interval is not None}
