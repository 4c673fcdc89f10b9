"""The files that a result of bare logs consists of: the logs, and what lies beside them.

Looked at are the runs' own directories, and the two above a performance run as the rules lay them out
(``Offline/performance/run_1``): there lie measurements.json, user.conf, README.md, TESTnn/, and power/ and ranging/ of a
power measurement.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.run import ACCURACY, DETAIL, RANGING, SUMMARY, USER_CONF, ForeignLogs
from mlperf_bake.rounds import ModelRules
from mlperf_bake.submission.copied import Source, directories_in, files_below, files_in
from mlperf_bake.submission.describing import known_values
from mlperf_bake.submission.foreign import Area, Part
from mlperf_bake.submission.loadgen_conf import NAME as CONF

AccuracyText = Callable[[ForeignLogs, ModelRules], Path]
"""Gives the accuracy.txt of an accuracy run; raises ``UsageError`` where nobody has judged the run."""

TEST: Final = re.compile(r"TEST\d\d")
MEASUREMENTS: Final = "measurements.json"
README: Final = "README.md"
POWER: Final = "power"
_LOGS: Final = (SUMMARY, DETAIL, ACCURACY, "mlperf_log_trace.json", "spl.txt")
_ABOVE: Final = 2


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Files of a result, and the content of its measurements' JSON; empty where there is none."""

    parts: tuple[Part, ...]
    measurements: Mapping[str, object]

    def with_readme(self, readme: Path) -> tuple[Part, ...]:
        """The files, this README.md among them if they have none."""
        if any(part.source.name == README for part in self.parts):
            return self.parts
        return (*self.parts, Part(Area.MEASUREMENTS, Source(README, readme)))


def result_files(
    fast: ForeignLogs, right: ForeignLogs, scenario: str | None, model: ModelRules, accuracy_text: Path
) -> ResultFiles:
    """The files of a performance and an accuracy run that make a result.

    Args:
        scenario: of the performance run's log.
        model: the benchmark.
        accuracy_text: the accuracy.txt of the accuracy run; it may lie elsewhere.

    Raises:
        UsageError: a file of the accuracy run is missing, or a link or a special file is among them.
    """
    beside = (fast.directory, *_above(fast), right.directory)
    described = _first(beside, MEASUREMENTS)
    single = {name: _first(beside, name) for name in (USER_CONF, CONF)} | {README: _readme(fast, described)}
    parts = [
        *_performance(fast),
        *_accuracy(right, model, accuracy_text),
        *_compliance(fast, scenario),
        *(Part(Area.MEASUREMENTS, Source(name, path)) for name, path in single.items() if path),
    ]
    return ResultFiles(tuple(parts), known_values(described) if described else {})


def _above(logs: ForeignLogs) -> tuple[Path, ...]:
    """The directories above a run that may belong to its result; the searched one is the last."""
    return tuple(path for path in list(logs.directory.parents)[:_ABOVE] if path.is_relative_to(logs.root))


def _first(directories: tuple[Path, ...], name: str) -> Path | None:
    return next((path / name for path in directories if (path / name).is_file()), None)


def _readme(fast: ForeignLogs, described: Path | None) -> Path | None:
    """The README of the run, or the one beside its measurements; any other may be about something else."""
    homes = (fast.directory, *((described.parent,) if described else ()))
    return _first(homes, README)


def _performance(logs: ForeignLogs) -> Iterator[Part]:
    for source in files_in(logs.directory, logs.root):
        if source.name in _LOGS:
            yield Part(Area.RESULTS, Source(f"performance/run_1/{source.name}", source.path))
    for name in (POWER, RANGING) if logs.directory != logs.root else ():
        for source in files_below(logs.directory.parent / name, logs.root):
            yield Part(Area.RESULTS, Source(f"performance/{name}/{source.name}", source.path))


def _accuracy(logs: ForeignLogs, model: ModelRules, accuracy_text: Path) -> Iterator[Part]:
    for name in (SUMMARY, DETAIL, ACCURACY):
        if not (logs.directory / name).is_file():
            raise UsageError(f"{name} is missing in the accuracy run")
    for source in files_in(logs.directory, logs.root):
        if source.name in _LOGS:
            yield Part(Area.RESULTS, Source(f"accuracy/{source.name}", source.path))
    yield Part(Area.RESULTS, Source("accuracy/accuracy.txt", accuracy_text))
    for directory in model.accuracy_files:
        for source in files_below(logs.directory / directory, logs.root):
            yield Part(Area.RESULTS, Source(f"accuracy/{directory}/{source.name}", source.path))


def _compliance(logs: ForeignLogs, scenario: str | None) -> Iterator[Part]:
    """The compliance tests beside a performance run; runs of another scenario belong to another result."""
    for home in _above(logs):
        for test in (path for path in directories_in(home) if TEST.fullmatch(path.name)):
            log = test / "performance" / "run_1" / DETAIL
            if not log.is_file() or read_detail(log).scenario == scenario:
                for source in files_below(test, logs.root):
                    yield Part(Area.COMPLIANCE, Source(f"{test.name}/{source.name}", source.path))
