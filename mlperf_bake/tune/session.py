"""One tuning from its first run to a confirmed setting, within a stated number of runs.

1. The untuned default is run: where the search starts, and what it must beat.
2. Workers, threads and batch are searched (``executions``, ``contests``); in Server and Interactive also the rate.
3. The best setting is confirmed by a longer run that LoadGen calls VALID; only such a setting is ever returned.
4. It is compared with the untuned default in pairs of runs (``pairs``). Where it does not win each of them in Offline and
   the streams, the default stays, with its own confirmed target.
"""

import math
from dataclasses import dataclass, field, replace

from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.tune.contests import RateContest, SpeedContest
from mlperf_bake.tune.early_stopping import lasting_s
from mlperf_bake.tune.executions import Fixed, axes, climb
from mlperf_bake.tune.pairs import UNTUNED, Comparison, compare
from mlperf_bake.tune.setting import SERVED, STREAMS, Execution, Setting, Trial
from mlperf_bake.tune.trials import Trials

FEWEST_RUNS = 8
CONFIRMATIONS = 2
PAIR = 2
"""Runs that are kept for comparing the setting with the default."""
CONFIRMED_LONGER = 3
"""A confirmation lasts so many times as long as a run of the search."""

COARSE = 0.2
"""Resolution of the default's rate before executions are compared at it."""

STREAM_MARGIN = 0.8
"""Latency expected over the least measured: LoadGen generates queries for twice the duration."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be tuned, and for how long.

    Attributes:
        scenario: ``Offline``, ...
        duration_s: of each run of the search, at least.
        runs: most runs in all.
        resolution: share by which the highest rate may be missed.
        fixed: what the user gave.
    """

    scenario: str
    duration_s: float
    runs: int
    resolution: float
    fixed: Fixed = field(default_factory=Fixed)

    def __post_init__(self) -> None:
        if self.runs < FEWEST_RUNS:
            raise UsageError(
                "too few runs to find, confirm and compare a setting",
                found=f"--runs {self.runs}",
                expected=f"at least {FEWEST_RUNS}",
                remedy=f"--runs {FEWEST_RUNS}, with a shorter --duration where time is short",
            )
        if not 0.01 <= self.resolution <= 0.5:
            raise UsageError(
                "not a resolution", found=f"--resolution {self.resolution:g}", expected="0.01 to 0.5"
            )

    @property
    def pairs(self) -> int:
        """Pairs of runs that are kept for the comparison."""
        return max(1, min(4, self.runs // 6))


@dataclass(frozen=True, slots=True)
class Tuned:
    """The outcome.

    Attributes:
        scenario: of the runs.
        setting: execution and target, confirmed.
        default: execution that the harness chooses by itself.
        confirmation: the VALID run of exactly this setting.
        comparison: with the untuned default.
        trials: all runs in their order.
        resolved: share between the rate and the lowest one that was not VALID; None without a rate or such a run.
    """

    scenario: str
    setting: Setting
    default: Execution
    confirmation: Trial
    comparison: Comparison
    trials: tuple[Trial, ...]
    resolved: float | None = None


def tune(wishes: Wishes, trials: Trials) -> Tuned:
    """Search, confirm, compare.

    Raises:
        RunFailed: the default cannot be run, or no setting was VALID.
        BakeError: what else ends a run.
    """
    first = trials.run(UNTUNED, wishes.duration_s, "default")
    if first.measurement is None:
        raise RunFailed("the untuned default cannot be run", found=first.failure)
    if wishes.scenario in SERVED:
        return _tune_rate(wishes, trials, first)
    return _tune_speed(wishes, trials, first)


def _tune_speed(wishes: Wishes, trials: Trials, first: Trial) -> Tuned:
    assert first.measurement
    default = first.measurement.execution
    spare = 2 * CONFIRMATIONS + 2 * wishes.pairs
    contest = SpeedContest(wishes.scenario, trials, wishes.duration_s, spare, first)
    along = axes(wishes.scenario, first.measurement.cpus, wishes.fixed)
    best = climb(default, along, contest.challenge)
    confirmation = _confirm_target(wishes, trials, best, spare=2 * wishes.pairs + CONFIRMATIONS)
    comparison = Comparison(None, _stays(trials))
    if best != default:
        comparison = compare(
            wishes.scenario,
            trials,
            confirmation.setting,
            wishes.duration_s,
            (trials.left - CONFIRMATIONS) // 2,
        )
        if not comparison.gain or not comparison.gain.shown:
            why = f"the best found, {best}, was {comparison.gain or 'not compared: ' + comparison.why_none}"
            comparison = replace(
                comparison, gain=None, why_none=f"{why}; not better each time, so the default stays"
            )
            confirmation = _confirm_target(wishes, trials, default, spare=0)
    return Tuned(wishes.scenario, confirmation.setting, default, confirmation, comparison, tuple(trials.done))


def _tune_rate(wishes: Wishes, trials: Trials, first: Trial) -> Tuned:
    assert first.measurement
    spare = CONFIRMATIONS + 2 * wishes.pairs
    contest = RateContest(trials, wishes.duration_s, spare, wishes.resolution, first)
    contest.narrow(COARSE)
    climb(contest.best, axes(wishes.scenario, first.measurement.cpus, wishes.fixed), contest.challenge)
    contest.narrow(wishes.resolution)
    confirmation = _confirm_rate(wishes, trials, contest)
    rate = confirmation.setting.target_qps
    assert rate and first.measurement.target_qps
    duration_s = lasting_s(min(rate, first.measurement.target_qps), wishes.duration_s)
    comparison = compare(wishes.scenario, trials, confirmation.setting, duration_s, wishes.pairs)
    return Tuned(
        wishes.scenario,
        confirmation.setting,
        first.measurement.execution,
        confirmation,
        comparison,
        tuple(trials.done),
        contest.missed / rate - 1 if contest.missed else None,
    )


def _confirm_rate(wishes: Wishes, trials: Trials, contest: RateContest) -> Trial:
    """The highest rate whose longer run is VALID: the one found, else lower ones in growing steps, and with the last run
    at most what the run before says it would have kept up."""
    rate = contest.valid
    if rate is None:
        raise _nothing_valid(trials, "no rate was VALID")
    step = 1 - wishes.resolution
    while trials.left > PAIR:
        setting = Setting(contest.best, target_qps=rate)
        duration_s = lasting_s(rate, CONFIRMED_LONGER * wishes.duration_s)
        trial = trials.run(setting, duration_s, "confirm")
        if trial.measurement and trial.measurement.valid:
            return trial
        contest.missed = rate
        kept_up = trial.measurement.suggested("--target-qps") if trial.measurement else None
        last = trials.left == PAIR + 1
        rate = float(f"{min(rate * step, kept_up if last and kept_up else math.inf):.4g}")
        step *= step
    raise _nothing_valid(trials, "no rate was VALID in the longer run that confirms it")


def _confirm_target(wishes: Wishes, trials: Trials, execution: Execution, spare: int) -> Trial:
    """The longer run of an execution with the target that its runs speak for; the target is corrected where it missed."""
    setting = _expected(wishes.scenario, trials, execution)
    for _ in range(min(CONFIRMATIONS, trials.left - spare)):
        trial = trials.run(setting, CONFIRMED_LONGER * wishes.duration_s, "confirm")
        if trial.measurement and trial.measurement.valid:
            return trial
        setting = _expected(wishes.scenario, trials, execution)
    raise _nothing_valid(trials, "the best setting was not VALID in the longer run that confirms it")


def _expected(scenario: str, trials: Trials, execution: Execution) -> Setting:
    """The execution, and for streams the latency that lets LoadGen prepare enough queries.

    Offline gets no target: LoadGen's samples must last as long as the run, and what the harness measures while warming
    up still fits a machine that got faster meanwhile.
    """
    if scenario not in STREAMS:
        return Setting(execution)
    seen = (trial.measurement for trial in trials.done if trial.measurement)
    least = min(
        (each.mean_ms for each in seen if each.execution == execution and each.mean_ms), default=math.nan
    )
    return Setting(execution, target_latency_ms=_three_digits(STREAM_MARGIN * least))


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _stays(trials: Trials) -> str:
    tried = len({trial.measurement.execution for trial in trials.done if trial.measurement})
    return f"the untuned default was the best of {tried} settings tried"


def _nothing_valid(trials: Trials, problem: str) -> RunFailed:
    last = trials.done[-1]
    reasons = last.measurement.reasons if last.measurement else (last.failure,)
    correction = " ".join(last.measurement.correction) if last.measurement else ""
    return RunFailed(
        problem,
        found=f"{', '.join(reasons)} in run {last.number}",
        remedy="a longer --duration, or more --runs, where nothing else runs"
        + (f"; mlperf-bake run --untuned with {correction} may be VALID" if correction else ""),
    )
