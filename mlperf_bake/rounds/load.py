"""Reads the rounds in data/: YAML in, one frozen ``Round`` out; errors carry file, line and column.

``load_round("v6.1")`` is cached; ``round_names()`` lists what there is, newest first. A round of one's own is
a file of the same shape given by its path.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, TypeVar

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds.model import (
    Endpoints,
    LoadGenRelease,
    ModelRules,
    Round,
    Scenarios,
    Seeds,
    TokenLimits,
    TreeLayout,
    TreeRules,
)
from mlperf_bake.rounds.plain import plain_data
from mlperf_bake.rounds.record import Record

DATA = Path(__file__).parent / "data"
LAYOUT_FILE = DATA / "layout.yaml"
SYSTEM_KINDS = ("datacenter", "edge", "datacenter-edge")
DEFAULT_ROUND = "v6.1"

K = TypeVar("K")
V = TypeVar("V")


@cache
def round_names() -> tuple[str, ...]:
    """The rounds that come with the product, newest first."""
    names = (path.stem for path in DATA.glob("v*.yaml"))
    return tuple(sorted(names, key=lambda name: [int(part) for part in name[1:].split(".")], reverse=True))


def require_round(name: str) -> None:
    """Does nothing where the product has a round of this name. Errors: UsageError with those there are."""
    if name not in round_names():
        raise UsageError(
            f'unknown round "{name}"',
            expected="one of " + ", ".join(round_names()),
            remedy="--round " + round_names()[0],
        )


def load_round(name: str = DEFAULT_ROUND) -> Round:
    """The rules of a round by name (``v6.1``) or by the path of a YAML file.

    Raises:
        UsageError: no such round, or a file that is not one.
    """
    if name in round_names():
        return _load(DATA / f"{name}.yaml")
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return _load(path)
    raise UsageError(
        f'unknown round "{name}"',
        expected="one of " + ", ".join(round_names()) + ", or the path of a YAML file",
        remedy=f"--round {round_names()[0]}",
    )


def loadgen_of(path: Path) -> LoadGenRelease | str:
    """The LoadGen release that a round's file names, or in words why there is none; the models are not read."""
    return _record(_loadgen)(_open(path, until="\nmodels:"), "loadgen")


def _position(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Line and column (from 1) of the value at a path, or of the deepest part of the path that exists."""
    import yaml

    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    line, column = 1, 1
    for key in path:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == key), None)
        if found is None:
            break
        line, column = found[0].start_mark.line + 1, found[0].start_mark.column + 1
        node = found[1]
    return line, column


def _refusal(path: Path, text: str) -> Callable[[tuple[str, ...], str, str], NoReturn]:
    def refuse(keys: tuple[str, ...], found: str, expected: str) -> NoReturn:
        line, column = _position(text, keys)
        raise UsageError(
            f"wrong value of {'.'.join(keys) or 'the file'}",
            where=f"{path}:{line}:{column}",
            found=found,
            expected=expected,
        )

    return refuse


def _open(path: Path, until: str | None = None) -> Record:
    text, data = plain_data(path, until)
    return Record(data, (), _refusal(path, text))


def _frozen(values: dict[K, V]) -> Mapping[K, V]:
    return MappingProxyType(values)


def _each(record: Record, key: str, read: Callable[[Record, str], V]) -> Mapping[str, V]:
    """A mapping of the file with each value read by ``read``; empty where the key is left out."""
    if not record.has(key):
        return _frozen({})
    inner = record.record(key)
    return _frozen({name: read(inner, name) for name in inner.names()})


def _record(read: Callable[[Record], V]) -> Callable[[Record, str], V]:
    def reader(outer: Record, key: str) -> V:
        record = outer.record(key)
        value = read(record)
        record.close()
        return value

    return reader


def _numbers(outer: Record, key: str) -> Mapping[str, float]:
    return _each(outer, key, Record.number)


def _scenarios(record: Record) -> Scenarios:
    return Scenarios(record.texts("required"), record.texts("optional"))


def _token_limits(record: Record) -> TokenLimits:
    return TokenLimits(record.integer("ttft"), record.integer("tpot"))


def _accuracy_samples(record: Record, scenarios: tuple[str, ...]) -> Mapping[str, int]:
    """One count for all scenarios, or one each."""
    if not record.has("accuracy_sample_count") or record.is_mapping("accuracy_sample_count"):
        return _each(record, "accuracy_sample_count", Record.integer)
    return _frozen(dict.fromkeys(scenarios, record.integer("accuracy_sample_count")))


def _model(name: str, record: Record, tree: TreeRules) -> ModelRules:
    rules = ModelRules(
        name=name,
        scenarios=_each(record, "scenarios", _record(_scenarios)),
        accuracy_target=_numbers(record, "accuracy_target"),
        accuracy_target_by_scenario=_each(record, "accuracy_target_by_scenario", _numbers),
        accuracy_upper_limit=_numbers(record, "accuracy_upper_limit"),
        accuracy_delta_percent=_numbers(record, "accuracy_delta_percent"),
        performance_sample_count=record.integer("performance_sample_count", minimum=1),
        dataset_size=record.integer("dataset_size", minimum=1) if record.given("dataset_size") else None,
        accuracy_samples=_accuracy_samples(record, tree.scenarios),
        accuracy_files=_each(record, "accuracy_files", Record.texts),
        offline_min_samples_per_query=(
            record.integer("offline_min_samples_per_query")
            if record.has("offline_min_samples_per_query")
            else None
        ),
        latency_limit_ns=_each(record, "latency_limit_ns", Record.integer),
        token_latency_limit_ns=_each(record, "token_latency_limit_ns", _record(_token_limits)),
        min_queries=_each(record, "min_queries", Record.integer),
        min_duration_ms=record.integer("min_duration_ms") if record.has("min_duration_ms") else None,
        result_field=_each(record, "result_field", Record.text),
        compliance_tests=record.texts("compliance_tests"),
    )
    if not rules.scenarios:
        record.fail("scenarios", "nothing", "the scenarios of at least one kind of system")
    for kind, scenarios in rules.scenarios.items():
        if kind not in SYSTEM_KINDS:
            record.fail("scenarios", f"the kind of system {kind!r}", "one of " + ", ".join(SYSTEM_KINDS))
        for scenario in (*scenarios.required, *scenarios.optional):
            if scenario not in tree.scenarios:
                record.fail("scenarios", f"the scenario {scenario!r}", "one of " + ", ".join(tree.scenarios))
    for targets in (
        rules.accuracy_target,
        rules.accuracy_upper_limit,
        *rules.accuracy_target_by_scenario.values(),
    ):
        for metric in targets:
            if metric not in tree.accuracy_lines:
                record.fail(
                    "accuracy_target", f"the metric {metric!r}", "one of " + ", ".join(tree.accuracy_lines)
                )
    return rules


def _pattern(record: Record, key: str) -> re.Pattern[str]:
    try:
        return re.compile(record.text(key))
    except re.error as error:
        record.fail(key, str(error), "a regular expression")


def _pair(record: Record, key: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in record.items(key):
        if not (isinstance(item, list) and len(item) == 2 and all(isinstance(name, str) for name in item)):
            record.fail(key, str(item), "pairs of scenarios")
        pairs.append((item[0], item[1]))
    return tuple(pairs)


@cache
def _shared() -> tuple[Mapping[str, TreeLayout], TreeRules]:
    """The tree's layouts and rules, which all rounds share."""
    record = _open(LAYOUT_FILE)

    def layout(inner: Record) -> TreeLayout:
        return TreeLayout(
            inner.text("src"),
            inner.text("measurements"),
            inner.texts("measurements_json"),
            inner.text("compliance"),
        )

    layouts = _each(record, "layouts", _record(layout))
    rules = TreeRules(
        divisions=record.texts("divisions"),
        availabilities=record.texts("availabilities"),
        system_types=record.texts("system_types"),
        scenarios=record.texts("scenarios"),
        early_stopping_scenarios=record.texts("early_stopping_scenarios"),
        inferable=_pair(record, "inferable"),
        performance_files=record.texts("performance_files"),
        accuracy_files=record.texts("accuracy_files"),
        measurement_files=record.texts("measurement_files"),
        measurement_keys=record.texts("measurement_keys"),
        system_keys=record.texts("system_keys"),
        system_nonempty_keys=record.texts("system_nonempty_keys"),
        system_network_keys=record.texts("system_network_keys"),
        network_sut_name=record.text("network_sut_name"),
        compliance=_each(record, "compliance", lambda outer, key: _each(outer, key, Record.texts)),
        accuracy_lines=_each(record, "accuracy_lines", _pattern),
    )
    record.close()
    return layouts, rules


def _seeds(record: Record) -> Seeds:
    return Seeds(
        record.integer("qsl_rng_seed"),
        record.integer("sample_index_rng_seed"),
        record.integer("schedule_rng_seed"),
    )


def _loadgen(record: Record) -> LoadGenRelease | str:
    """The release, or in words why there is none."""
    if record.has("absent"):
        return " ".join(record.text("absent").split())
    span = record.texts("seeds_in")
    if len(span) != 2:
        record.fail("seeds_in", f"a list of {len(span)}", "the first and the last release with the seeds")
    return LoadGenRelease(record.text("version"), record.text("revision"), *span)


def _endpoints(record: Record) -> Endpoints:
    return Endpoints(
        models=record.texts("models"),
        judged_scores=record.texts("judged_scores"),
        result_field=_each(record, "result_field", Record.text),
        audits=_each(record, "audits", Record.text),
        required_audits=record.texts("required_audits"),
    )


def _tree_of(record: Record, tree: TreeRules, scenarios: tuple[str, ...]) -> TreeRules:
    """The tree's rules as they are in one round: what it names differently, the rest as all rounds share it."""
    changed = tree._replace(scenarios=scenarios)
    if record.has("measurement_files"):
        changed = changed._replace(measurement_files=record.texts("measurement_files"))
    if record.has("system_keys_not_yet"):
        later = record.texts("system_keys_not_yet")
        changed = changed._replace(system_keys=tuple(key for key in tree.system_keys if key not in later))
    if record.has("system_nonempty_keys"):
        changed = changed._replace(system_nonempty_keys=record.texts("system_nonempty_keys"))
    return changed


@cache
def _load(path: Path) -> Round:
    layouts, shared = _shared()
    record = _open(path)
    models = record.record("models")
    fields = _each(record, "result_field", Record.text)
    for scenario in fields:
        if scenario not in shared.scenarios:
            record.fail("result_field", f"the scenario {scenario!r}", "one of " + ", ".join(shared.scenarios))
    tree = _tree_of(record, shared, tuple(scenario for scenario in shared.scenarios if scenario in fields))

    def model(outer: Record, key: str) -> ModelRules:
        inner = outer.record(key)
        rules = _model(key, inner, tree)
        inner.close()
        return rules

    layout = record.text("layout", among=tuple(layouts))
    loadgen = _record(_loadgen)(record, "loadgen")
    loaded = Round(
        name=record.text("round"),
        source=str(path.name),
        loadgen=loadgen if isinstance(loadgen, LoadGenRelease) else None,
        loadgen_absent=loadgen if isinstance(loadgen, str) else "",
        seeds=_record(_seeds)(record, "seeds"),
        test05_seeds=_record(_seeds)(record, "test05_seeds") if record.has("test05_seeds") else None,
        min_duration_ms=record.integer("min_duration_ms"),
        max_accuracy_log_bytes=record.integer("max_accuracy_log_bytes"),
        result_fields=fields,
        model_aliases=_each(record, "model_aliases", Record.text),
        model_guesses=_each(record, "model_guesses", Record.text),
        models=_frozen({name: model(models, name) for name in models.names()}),
        layout=layouts[layout],
        tree=tree,
        endpoints=_record(_endpoints)(record, "endpoints") if record.has("endpoints") else None,
    )
    record.close()
    return loaded
