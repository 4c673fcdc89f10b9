"""Reads an experiment file into the runs it stands for. Pure but for reading the file.

    results: ./results/batch      # where the runs go and are found again; relative to the file
    data: sample                  # as `run --data` takes it; default synthetic
    targets: [efficientnet-lite0]
    scenarios: [Offline]
    settings:                     # name to options of the harness; default one without any
      as it is: {}
      batch 8: {batch: 8}
    repeats: 6                    # default 1; fewer than 6 can show no difference

Every target runs in every scenario with every setting, and then all of them again the other way round: drift of the machine
meets all alike.
A run's id holds a hash of what it is a run of, so that a changed file never takes an older run for its own.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.plain_yaml import plain_yaml
from mlperf_bake.rounds import DEFAULT_ROUND
from mlperf_bake.rounds.record import Record
from mlperf_bake.run.harness_options import HARNESS_OPTIONS, as_typed, of_accuracy
from mlperf_bake.run.workload import scenario_from
from mlperf_bake.submission.completing import SAMPLE, round_option
from mlperf_bake.unreadable import unreadable

_MOST_REPEATS = 1000
_TO_BEGIN = "mlperf-bake experiment --example  prints a file to begin with"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run.

    Attributes:
        run_id: name of its directory.
        setting: its setting's name.
        repeat: which repeat of target, scenario and setting it is, from 1.
        command: the words after ``mlperf-bake``.
        accuracy: the words after ``mlperf-bake`` of the accuracy run that goes with it.
    """

    run_id: str
    target: str
    scenario: str
    setting: str
    repeat: int
    command: tuple[str, ...]
    accuracy: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a file says: where the runs go, and the runs in the order they are made."""

    results: Path
    runs: tuple[PlannedRun, ...]


def example() -> str:
    """A file to begin with: it runs after `quickstart`."""
    return (Path(__file__).parent / "example.yaml").read_text(encoding="utf-8")


def read_experiment(path: Path, round_name: str = DEFAULT_ROUND) -> Experiment:
    """The experiment in a file.

    Args:
        round_name: in which the runs are made.

    Raises:
        UsageError: not readable, not YAML, or a key or value that is none; says which.
    """

    def refuse(keys: tuple[str, ...], found: str, expected: str) -> NoReturn:
        what = ".".join(keys) or "the whole file"
        raise UsageError(
            f"not an experiment: {what}", where=str(path), found=found, expected=expected, remedy=_TO_BEGIN
        )

    record = Record(_yaml(path), (), refuse)
    results = path.parent / record.text("results")
    data = record.text("data") if record.has("data") else "synthetic"
    repeats = record.integer("repeats", minimum=1) if record.has("repeats") else 1
    if repeats > _MOST_REPEATS:
        record.fail("repeats", str(repeats), f"at most {_MOST_REPEATS}")
    targets, scenarios = record.texts("targets"), tuple(map(scenario_from, record.texts("scenarios")))
    for key, values in (("targets", targets), ("scenarios", scenarios)):
        if not values or len(set(values)) != len(values):
            record.fail(key, ", ".join(values) or "none", "at least one, each once")
    settings = _settings(record.record("settings")) if record.has("settings") else {"as it is": ()}
    record.close()
    by_slug: dict[str, str] = {}
    for name in settings:
        if by_slug.setdefault(_slug(name), name) != name:
            record.fail(
                "settings", f"{by_slug[_slug(name)]!r} and {name!r}", "names that differ in letters or digits"
            )
    once = [
        (target, scenario, name, options)
        for target in targets
        for scenario in scenarios
        for name, options in settings.items()
    ]
    runs = [
        _planned(*what, data, results, repeat, round_name)
        for repeat in range(1, repeats + 1)
        for what in (once if repeat % 2 else reversed(once))
    ]
    return Experiment(results, tuple(runs))


def _yaml(path: Path) -> object:
    import yaml

    try:
        return plain_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(
            "the experiment cannot be read",
            path,
            error,
            expected="a YAML file, as `mlperf-bake experiment --example` prints one",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(
            "not valid YAML", where=where, found=str(getattr(error, "problem", error)), remedy=_TO_BEGIN
        ) from error


def _settings(record: Record) -> Mapping[str, tuple[str, ...]]:
    """Name of a setting to the words of its options."""
    settings = {name: _options(record.record(name)) for name in record.names()}
    if not settings:
        record.fail("", "no setting", "at least one, such as  as it is: {}")
    return settings


def _options(record: Record) -> tuple[str, ...]:
    words: list[str] = []
    for name in record.names():
        if name not in HARNESS_OPTIONS:
            record.fail(name, f"the option {name!r}", "one of " + ", ".join(HARNESS_OPTIONS))
        words += [f"--{name}", *((_word(record, name),) if HARNESS_OPTIONS[name] else ())]
    return tuple(words)


def _word(record: Record, name: str) -> str:
    value = record.value(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        record.fail(name, repr(value), "text or a number")
    return str(value)


def _planned(
    target: str,
    scenario: str,
    setting: str,
    options: tuple[str, ...],
    data: str,
    results: Path,
    repeat: int,
    round_name: str,
) -> PlannedRun:
    of_round = round_option(round_name)
    what = json.dumps([target, scenario, options, data, *of_round])
    mark = hashlib.sha256(what.encode()).hexdigest()[:8]
    run_id = f"{_slug(target)}.{scenario.lower()}.{_slug(setting)}.{mark}.{repeat}"
    begin, into = ("run", target, "--scenario", scenario), ("--results", f"{results.absolute()}/")
    performance = ("--mode", "performance", "--data", data, *into, "--run-id", run_id, "--untuned")
    accuracy = ("--mode", "accuracy", "--data", SAMPLE if data == "synthetic" else data, *into, "--untuned")
    return PlannedRun(
        run_id,
        target,
        scenario,
        setting,
        repeat,
        (*begin, *performance, *of_round, *as_typed(options)),
        (*begin, *accuracy, *of_round, *as_typed(of_accuracy(options))),
    )


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:40] or "x"
