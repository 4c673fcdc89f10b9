"""What makes one execution better than another: more samples a second, a shorter latency, or a higher rate in time.

A contest holds the best execution so far; ``challenge`` measures a rival and, where it wins, makes it the best one.
"""

import math

from mlperf_bake.tune.early_stopping import lasting_s, queries_needed
from mlperf_bake.tune.setting import Execution, Purpose, Setting, Trial, score
from mlperf_bake.tune.trials import Trials

CLEARLY_WORSE = 0.87
"""Two runs of one setting differ by as much on a shared machine."""
PATIENCE = 4
"""How many times longer a run may get so that LoadGen can be certain."""
MISSES = 4
"""Rates that are tried, each much lower than the last, before other executions are."""


class SpeedContest:
    """Samples/s in Offline, one over the latency in streams.

    Args:
        scenario: decides what counts.
        trials: the runs.
        duration_s: of each.
        spare: runs to leave for later.
        first: the run of the execution to beat.
    """

    def __init__(self, scenario: str, trials: Trials, duration_s: float, spare: int, first: Trial) -> None:
        assert first.measurement
        self._scenario = scenario
        self._trials = trials
        self._duration_s = duration_s
        self._spare = spare
        self.best = first.measurement.execution
        self._score = score(scenario, first.measurement)

    def challenge(self, rival: Execution) -> bool | None:
        """One run of the rival; unless it is clearly worse, it must also win over one more run of each, in turn."""
        if self._trials.left <= self._spare:
            return None
        challenger, holder = self._run(rival), self._score
        if challenger < CLEARLY_WORSE * holder:
            return False
        if self._trials.left >= self._spare + 2:
            holder = math.sqrt(holder * (self._run(self.best) or holder))
            challenger = math.sqrt(challenger * (self._run(rival) or challenger))
            self._score = holder
        if challenger <= holder:
            return False
        self.best, self._score = rival, challenger
        return True

    def _run(self, execution: Execution) -> float:
        trial = self._trials.run(Setting(execution), self._duration_s, "search")
        return score(self._scenario, trial.measurement)


class RateContest:
    """The highest rate of Server or Interactive at which LoadGen calls a run VALID.

    A rival is run once, a little above the best one's rate; where that is VALID it is the best one, and its own rate is
    searched on from there.

    Args:
        trials: the runs.
        duration_s: of each; longer where LoadGen could not be certain of so few queries.
        spare: runs to leave for later.
        resolution: share by which a rate may be missed.
        first: the run of the execution to beat; its rate was chosen by the harness.
    """

    def __init__(
        self, trials: Trials, duration_s: float, spare: int, resolution: float, first: Trial
    ) -> None:
        assert first.measurement and first.measurement.target_qps
        self._trials = trials
        self._duration_s = duration_s
        self._spare = spare
        self._resolution = resolution
        self.best = first.measurement.execution
        self.valid: float | None = None
        self.missed: float | None = None
        self._next = first.measurement.target_qps
        self._lowest = self._next
        if first.measurement.valid:
            self.valid = self._next
        elif first.duration_s * self._next >= queries_needed(0):
            self.missed = None if first.measurement.undetermined else self._next
        else:  # a late query or two among so few are chance
            self._next = first.measurement.suggested("--target-qps") or self._next

    def challenge(self, rival: Execution) -> bool | None:
        """One run of the rival, and one longer one where LoadGen wanted more queries."""
        if self._trials.left <= self._spare:
            return None
        rate = float(f"{self.valid * (1 + 2 * self._resolution):.4g}") if self.valid else self._lowest
        if not self._is_valid(rival, rate, "search"):
            return False
        self.best, self.valid, self.missed = rival, rate, None
        return True

    def narrow(self, resolution: float) -> bool:
        """Search the best execution's rate until the highest VALID and the lowest other rate are that close.

        Returns:
            Whether they are; False where the runs ran out, or where rate after rate was missed: another execution may
            do what lower rates do not.
        """
        growth = 1.25
        misses = 0
        while self._trials.left > self._spare and (self.valid or misses < MISSES):
            if self.valid is None:
                rate = self._below(self.missed, misses) if self.missed else self._next
            elif self.missed is None:
                rate, growth = self.valid * growth, growth * growth
            elif self.missed <= self.valid * (1 + resolution):
                return True
            else:
                rate = math.sqrt(self.valid * self.missed)
            rate = float(f"{rate:.4g}")
            if self._is_valid(self.best, rate, "rate"):
                self.valid = rate
            else:
                misses += 1
                self.missed = rate
                self._lowest = min(self._lowest, rate)
        return (
            self.valid is not None
            and self.missed is not None
            and self.missed <= self.valid * (1 + resolution)
        )

    def _below(self, rate: float, misses: int) -> float:
        """The next rate to try when this one was missed: what the harness computed from the run; where such a rate was
        missed before, or there is none, much less. Never more than was answered."""
        last = self._trials.done[-1].measurement
        if last is None or last.execution != self.best:
            return 0.7 * rate
        suggested = last.suggested("--target-qps") if not misses else None
        below = min(suggested or 0.7 * rate, 0.95 * rate, 0.9 * (last.value or rate))
        return max(0.2 * rate, below)

    def _is_valid(self, execution: Execution, rate: float, purpose: Purpose) -> bool:
        setting = Setting(execution, target_qps=rate)
        trial = self._trials.run(setting, lasting_s(rate, self._duration_s), purpose)
        longer = trial.measurement.suggested("--duration") if trial.measurement else None
        if (
            trial.measurement
            and trial.measurement.undetermined
            and longer
            and longer <= PATIENCE * trial.duration_s
            and self._trials.left > self._spare
        ):
            trial = self._trials.run(setting, longer, purpose)
        return bool(trial.measurement and trial.measurement.valid)
