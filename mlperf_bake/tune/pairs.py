"""Does the tuned setting beat the untuned default: pairs of runs, one after the other, in this session.

These machines change speed within seconds, so only what was run side by side is compared, and the order changes from pair to
pair.
"""

from dataclasses import dataclass
from statistics import median

from mlperf_bake.tune.setting import SERVED, Setting, Trial, score
from mlperf_bake.tune.trials import Trials

UNTUNED = Setting()


@dataclass(frozen=True, slots=True)
class Gain:
    """Tuned over untuned: more than 1 is better, in samples/s or one over the latency.

    Attributes:
        ratio: median over the pairs.
        low, high: of single pairs.
        pairs: how many.
    """

    ratio: float
    low: float
    high: float
    pairs: int

    @property
    def shown(self) -> bool:
        """Whether every pair says the same: only then it is no chance."""
        return self.low > 1.0

    def __str__(self) -> str:
        return f"{self.ratio:.2f} times the untuned default ({self.low:.2f} to {self.high:.2f} in {self.pairs} pairs)"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pairs said: a gain, or why there is none to state."""

    gain: Gain | None
    why_none: str = ""


def compare(scenario: str, trials: Trials, tuned: Setting, duration_s: float, pairs: int) -> Comparison:
    """Run the pairs.

    Args:
        tuned: the confirmed setting.
        duration_s: of each run.
        pairs: how many; no more than there are runs for.
    """
    ratios: list[float] = []
    invalid = 0
    done = 0
    for number in range(min(pairs, trials.left // 2)):
        done += 1
        if number % 2:
            better = trials.run(tuned, duration_s, "pair tuned")
            default = trials.run(UNTUNED, duration_s, "pair default")
        else:
            default = trials.run(UNTUNED, duration_s, "pair default")
            better = trials.run(tuned, duration_s, "pair tuned")
        if _counts(scenario, default) and _counts(scenario, better):
            ratios.append(score(scenario, better.measurement) / score(scenario, default.measurement))
        elif not _counts(scenario, default):
            invalid += 1
    if ratios:
        return Comparison(Gain(median(ratios), min(ratios), max(ratios), len(ratios)))
    if not done:
        return Comparison(None, "no runs were left to compare it with the untuned default")
    if invalid:
        return Comparison(None, f"the untuned default was not VALID in {invalid} of {done} runs beside it")
    return Comparison(None, f"it was not VALID in any of {done} runs beside the untuned default")


def _counts(scenario: str, trial: Trial) -> bool:
    """A rate only counts when it was kept in time; anything else is as fast as it was."""
    if trial.measurement is None or not score(scenario, trial.measurement):
        return False
    return trial.measurement.valid or scenario not in SERVED
