"""What each compliance test tells LoadGen and what it compares with: data/audits.yaml in, frozen values out.

``audit("TEST04", round, "stable-diffusion-xl")`` is one test of one benchmark in one round, with the exceptions that
hold there worked in. Which tests a benchmark must make stands in the round itself.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import Round
from mlperf_bake.rounds.record import Record

FILE: Final = Path(__file__).parent / "data" / "audits.yaml"
SETTINGS: Final = (
    "accuracy_log_rng_seed",
    "accuracy_log_sampling_target",
    "performance_issue_unique",
    "performance_issue_same",
    "performance_issue_same_index",
    "sample_concatenate_permutation",
    "min_duration",
    "min_query_count",
)
"""What LoadGen takes from an audit; its seeds it takes from the program."""


class Audit(NamedTuple):
    """One test of one benchmark in one round.

    Attributes:
        test: ``TEST01``, ...
        settings: LoadGen's key, or SCENARIO.KEY, to its value; ``min_duration`` in milliseconds.
        limits: what the verification compares with, by name (data/audits.yaml).
    """

    test: str
    settings: Mapping[str, int]
    limits: Mapping[str, float]

    def setting(self, key: str, scenario: str) -> int | None:
        """The value of a key in a scenario."""
        return self.settings.get(f"{scenario}.{key}", self.settings.get(key))


class _Exception(NamedTuple):
    benchmarks: tuple[str, ...]
    since: tuple[int, ...]
    settings: Mapping[str, int]
    limits: Mapping[str, float]

    def holds(self, rules: Round, benchmark: str) -> bool:
        return benchmark in self.benchmarks and self.since <= _number(rules.name)


class _Test(NamedTuple):
    settings: Mapping[str, int]
    limits: Mapping[str, float]
    seeds: bool
    exceptions: tuple[_Exception, ...]


def audit(test: str, rules: Round, benchmark: str) -> Audit:
    """One test as a benchmark must make it in a round.

    Raises:
        UsageError: the benchmark has no such test in the round; says which it has.
    """
    tests = tests_of(rules, benchmark)
    if test not in tests:
        raise UsageError(
            f'"{test[:40]}" is no compliance test of {benchmark} in round {rules.name}',
            expected="one of " + ", ".join(tests) if tests else "none: it has no compliance tests there",
            remedy="mlperf-bake run TARGET --mode compliance/" + tests[0] if tests else None,
        )
    known = _tests()[test]
    settings, limits = dict(known.settings), dict(known.limits)
    for exception in known.exceptions:
        if exception.holds(rules, benchmark):
            settings |= exception.settings
            limits |= exception.limits
    if known.seeds:
        settings |= dict(rules.seeds_of(test).items())
    return Audit(test, MappingProxyType(settings), MappingProxyType(limits))


def tests_of(rules: Round, benchmark: str) -> tuple[str, ...]:
    """The tests that a benchmark must make in a round (closed division); none for what is no benchmark of it."""
    model = rules.models.get(benchmark)
    return model.compliance_tests if model else ()


def audits_of(rules: Round, benchmark: str) -> tuple[Audit, ...]:
    """All tests of a benchmark in a round."""
    return tuple(audit(test, rules, benchmark) for test in tests_of(rules, benchmark))


@cache
def _tests() -> Mapping[str, _Test]:
    from mlperf_bake.rounds.plain import plain_data

    record = Record(plain_data(FILE)[1], (), _refuse)
    return MappingProxyType({name: _test(record.record(name)) for name in record.names()})


def _test(record: Record) -> _Test:
    test = _Test(
        settings=_settings(record),
        limits=_limits(record),
        seeds=record.has("seeds") and record.boolean("seeds"),
        exceptions=tuple(
            _exception(Record(item, (*record.path, "exceptions"), _refuse))
            for item in record.items("exceptions")
        )
        if record.has("exceptions")
        else (),
    )
    record.close()
    return test


def _exception(record: Record) -> _Exception:
    since = _number(record.text("since")) if record.has("since") else ()
    exception = _Exception(record.texts("benchmarks"), since, _settings(record), _limits(record))
    record.close()
    return exception


def _settings(record: Record) -> Mapping[str, int]:
    values = {}
    inner = record.record("settings")
    for name in inner.names():
        if name.rpartition(".")[2] not in SETTINGS:
            inner.fail(name, f"the setting {name!r}", "one of " + ", ".join(SETTINGS))
        values[name] = inner.integer(name)
    return values


def _limits(record: Record) -> Mapping[str, float]:
    if not record.has("limits"):
        return {}
    inner = record.record("limits")
    return {name: inner.number(name) for name in inner.names()}


def _number(round_name: str) -> tuple[int, ...]:
    """``v6.1`` as numbers that can be compared; a round of one's own counts as the newest."""
    parts = round_name.removeprefix("v").split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else (10**9,)


def _refuse(keys: tuple[str, ...], found: str, expected: str) -> NoReturn:
    raise UsageError(f"wrong value of {'.'.join(keys)}", where=str(FILE), found=found, expected=expected)
