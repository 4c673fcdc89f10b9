"""The runs of one tuning, counted: never more than was stated, each told to whoever looks on."""

from collections.abc import Callable, Iterable
from typing import Protocol

from mlperf_bake.errors import RunFailed
from mlperf_bake.tune.setting import Measurement, Purpose, Setting, Trial

Measure = Callable[[Setting, float], Measurement]
"""Runs the harness with a setting for at least so many seconds. Errors: RunFailed where this setting cannot be run."""

FOUND_ANEW: tuple[Purpose, ...] = ("default", "search", "rate")
"""What an interrupted tuning need not repeat; confirmation and pairs belong to one session."""


class Watch(Protocol):
    """Whoever looks on."""

    def started(self, trial: Trial, limit: int) -> None: ...
    def ended(self, trial: Trial) -> None: ...


class Trials:
    """Runs settings and keeps what they measured.

    Args:
        measure: runs one.
        limit: most runs, those of ``known`` included.
        watch: told of each.
        known: what an interrupted tuning measured, in its order; used as long as the same things are asked for.
    """

    def __init__(self, measure: Measure, limit: int, watch: Watch, known: Iterable[Trial] = ()) -> None:
        self._measure = measure
        self._watch = watch
        self._known = list(known)
        self.limit = limit
        self.done: list[Trial] = []

    @property
    def left(self) -> int:
        """Runs that may still be made."""
        return self.limit - len(self.done)

    def run(self, setting: Setting, duration_s: float, purpose: Purpose) -> Trial:
        """One more run; a setting that cannot be run is a failed trial.

        Raises:
            ValueError: no run is left; the search asks before.
            BakeError: anything but RunFailed ends the tuning.
        """
        if not self.left:
            raise ValueError("more runs than the stated limit")
        trial = self._again(setting, duration_s, purpose) or self._anew(setting, duration_s, purpose)
        self.done.append(trial)
        self._watch.ended(trial)
        return trial

    def _again(self, setting: Setting, duration_s: float, purpose: Purpose) -> Trial | None:
        if not self._known:
            return None
        known = self._known.pop(0)
        if purpose in FOUND_ANEW and (known.setting, known.duration_s, known.purpose) == (
            setting,
            duration_s,
            purpose,
        ):
            return known
        self._known.clear()
        return None

    def _anew(self, setting: Setting, duration_s: float, purpose: Purpose) -> Trial:
        trial = Trial(len(self.done) + 1, purpose, setting, duration_s)
        self._watch.started(trial, self.limit)
        try:
            measured = self._measure(setting, duration_s)
        except RunFailed as error:
            return Trial(trial.number, purpose, setting, duration_s, None, _sentence(error))
        return Trial(trial.number, purpose, setting, duration_s, measured)


def _sentence(error: RunFailed) -> str:
    return f"{error.problem}: {error.found}" if error.found else error.problem
