"""What an unfinished tuning measured, so that the same command goes on from there.

One JSON object a line: first what was asked for, then a trial each, on disk before the next one starts. It is used again
for an hour, because machines change, and removed when the tuning ends.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from mlperf_bake.tune.setting import Trial, trial_from

FRESH_S = 3600.0


class Diary:
    """Keeps one tuning's trials.

    Args:
        path: its file.
        question: what was asked for; trials answer only an equal question.
    """

    def __init__(self, path: Path, question: Mapping[str, object]) -> None:
        self._path = path
        self._question = json.dumps(question, sort_keys=True)

    def known(self, now: float | None = None) -> tuple[Trial, ...]:
        """The trials of an unfinished tuning that asked the same within the last hour; a cut last line is passed over.

        Where a clock was set back, trials from the future are of no age that is known.
        """
        try:
            age = (time.time() if now is None else now) - self._path.stat().st_mtime
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ()
        if abs(age) > FRESH_S or not lines or lines[0] != self._question:
            return ()
        trials = []
        for line in lines[1:]:
            try:
                trials.append(trial_from(json.loads(line)))
            except (ValueError, TypeError, KeyError):
                break
        return tuple(trials)

    def begin(self) -> None:
        """An empty diary for this question."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._question + "\n", encoding="utf-8")

    def write(self, trial: Trial) -> None:
        """One more trial."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(trial.as_json()) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def end(self) -> None:
        """The tuning is finished."""
        self._path.unlink(missing_ok=True)
