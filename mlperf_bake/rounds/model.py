"""The rules of an MLPerf Inference round as frozen values. Data, not code: each round is one file in data/.

Durations end in ``_ms`` or ``_ns``; counts are samples or queries; an accuracy is in the unit of its metric
(``acc`` in per cent). Scenario names are written as LoadGen writes them: ``SingleStream``, ``Offline``, ...
Named tuples, since a dataclass takes ten times as long to define, and most commands import these.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from mlperf_bake.errors import UsageError


class Seeds(NamedTuple):
    """The three seeds every run of the round must use."""

    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int

    def items(self) -> tuple[tuple[str, int], ...]:
        """Name (as in LoadGen's settings) and value of each seed."""
        return (
            ("qsl_rng_seed", self.qsl_rng_seed),
            ("sample_index_rng_seed", self.sample_index_rng_seed),
            ("schedule_rng_seed", self.schedule_rng_seed),
        )


class LoadGenRelease(NamedTuple):
    """The release of mlcommons-loadgen that images of a round are built with.

    Attributes:
        version: as the package index names it.
        revision: of mlcommons/inference, as LoadGen logs it.
        first, last: the first and the last release whose source distribution was seen to carry the round's seeds.
    """

    version: str
    revision: str
    first: str
    last: str

    def may_be(self, version: str) -> bool:
        """Whether a release may have made a run of the round: it lies between the two that carry its seeds."""
        numbers = _numbers(version)
        return numbers is not None and (_numbers(self.first) or ()) <= numbers <= (_numbers(self.last) or ())


def _numbers(version: str) -> tuple[int, ...] | None:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() and part.isascii() for part in parts) else None


class Scenarios(NamedTuple):
    """Which scenarios one kind of system must and may submit for a benchmark (closed division)."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def one_of(self) -> tuple[str, ...]:
        """Server and Interactive where both are optional: then one of the two must be there."""
        pair = ("Server", "Interactive")
        return pair if all(scenario in self.optional for scenario in pair) else ()


class TokenLimits(NamedTuple):
    """99th-percentile limits of a token benchmark: time to first token, and time per output token."""

    ttft_ns: int
    tpot_ns: int


class ModelRules(NamedTuple):
    """What a round demands of one benchmark.

    Attributes:
        name: the official name (``resnet``).
        scenarios: by kind of system: ``datacenter``, ``edge``, ``datacenter-edge``; a kind left out may not
            submit it.
        accuracy_target: metric to least value, for scenarios without a target of their own (closed division).
        accuracy_target_by_scenario: the same by scenario, for benchmarks whose targets differ.
        accuracy_upper_limit: metric to greatest value.
        accuracy_delta_percent: metric to the allowed gap between the accuracy run and a TEST01 run.
        performance_sample_count: samples that must fit into memory at once.
        dataset_size: samples of the official data set; None where the round's checker has no figure of it.
        accuracy_samples: samples an accuracy run must cover, by scenario where they differ.
        accuracy_files: further files beside the accuracy log: directory to names without ending.
        offline_min_samples_per_query: least Offline query (closed division); None: no rule.
        latency_limit_ns: scenario to target latency.
        token_latency_limit_ns: scenario to token limits.
        min_queries: scenario to least query count; the official checker judges only Offline by it.
        min_duration_ms: where it differs from the round's.
        result_field: scenario to the LoadGen key that is the result, where it differs from the round's.
        compliance_tests: ``TEST01``, ... (closed division).
    """

    name: str
    scenarios: Mapping[str, Scenarios]
    accuracy_target: Mapping[str, float]
    accuracy_target_by_scenario: Mapping[str, Mapping[str, float]]
    accuracy_upper_limit: Mapping[str, float]
    accuracy_delta_percent: Mapping[str, float]
    performance_sample_count: int
    dataset_size: int | None
    accuracy_samples: Mapping[str, int]
    accuracy_files: Mapping[str, tuple[str, ...]]
    offline_min_samples_per_query: int | None
    latency_limit_ns: Mapping[str, int]
    token_latency_limit_ns: Mapping[str, TokenLimits]
    min_queries: Mapping[str, int]
    min_duration_ms: int | None
    result_field: Mapping[str, str]
    compliance_tests: tuple[str, ...]

    def targets(self, scenario: str) -> Mapping[str, float]:
        """Metric to least value in a scenario (closed division)."""
        by_scenario = self.accuracy_target_by_scenario
        if not by_scenario:
            return self.accuracy_target
        return by_scenario.get(scenario) or by_scenario["Offline"]

    def accuracy_sample_count(self, scenario: str) -> int | None:
        """How many samples an accuracy run of the scenario must cover; None where the round does not say."""
        return self.accuracy_samples.get(scenario, self.dataset_size)

    def allowed_delta_percent(self, metric: str) -> float:
        """How far a TEST01 run's accuracy may lie from the accuracy run's, in per cent."""
        default = 0.1 if "99.9" in self.name else 1.0
        return self.accuracy_delta_percent.get(metric, default)


class TreeLayout(NamedTuple):
    """Where things lie in the submission tree; ``{division}``, ``{submitter}``, ... are filled in by name."""

    src: str
    measurements: str
    measurements_json: tuple[str, ...]
    compliance: str


class TreeRules(NamedTuple):
    """What the rounds share about the submission tree.

    Attributes:
        inferable: (scenario of the log, scenario of the directory) that an edge system may combine.
        compliance: test to kind of verification file (``accuracy``, ``performance``, ``output_len``) to the
            lines it must hold; ``|`` separates lines of which one is enough.
        accuracy_lines: metric to the pattern of its line in accuracy.txt.
    """

    divisions: tuple[str, ...]
    availabilities: tuple[str, ...]
    system_types: tuple[str, ...]
    scenarios: tuple[str, ...]
    early_stopping_scenarios: tuple[str, ...]
    inferable: tuple[tuple[str, str], ...]
    performance_files: tuple[str, ...]
    accuracy_files: tuple[str, ...]
    measurement_files: tuple[str, ...]
    measurement_keys: tuple[str, ...]
    system_keys: tuple[str, ...]
    system_nonempty_keys: tuple[str, ...]
    system_network_keys: tuple[str, ...]
    network_sut_name: str
    compliance: Mapping[str, Mapping[str, tuple[str, ...]]]
    accuracy_lines: Mapping[str, re.Pattern[str]]


class Endpoints(NamedTuple):
    """What a round demands of results measured through an endpoint, which have no log of LoadGen.

    Attributes:
        models: the benchmarks that may be measured so.
        judged_scores: those whose score is compared with the target.
        result_field: scenario to the key that is the result, where the benchmark has none of its own.
        audits: compliance test to the audit that stands for it.
        required_audits: the compliance tests whose audit must be there; the others are judged where it is.
    """

    models: tuple[str, ...]
    judged_scores: tuple[str, ...]
    result_field: Mapping[str, str]
    audits: Mapping[str, str]
    required_audits: tuple[str, ...]


class Round(NamedTuple):
    """One MLPerf Inference round: ``v6.1``.

    Attributes:
        loadgen: None where no release has the round's seeds; ``loadgen_absent`` says why.
        test05_seeds: those of TEST05's runs, where the round has that test.
        layout, tree: what the tree looks like in this round.
        endpoints: None where the round has no results measured through an endpoint.
    """

    name: str
    source: str
    loadgen: LoadGenRelease | None
    loadgen_absent: str
    seeds: Seeds
    test05_seeds: Seeds | None
    min_duration_ms: int
    max_accuracy_log_bytes: int
    result_fields: Mapping[str, str]
    model_aliases: Mapping[str, str]
    model_guesses: Mapping[str, str]
    models: Mapping[str, ModelRules]
    layout: TreeLayout
    tree: TreeRules
    endpoints: Endpoints | None

    def benchmark_of(self, model: str, mapping: Mapping[str, str] | None = None) -> ModelRules | None:
        """The benchmark that a model directory's name stands for, or None.

        In the official checker's order: the official name, the round's alias, the submitter's
        model_mapping.json, a part of the name (``efficientnet-lite0`` holds ``efficientnet``).
        """
        if model in self.models:
            return self.models[model]
        for names in (self.model_aliases, mapping or {}):
            if model in names:
                return self.models.get(names[model])
        for part, benchmark in self.model_guesses.items():
            if part in model:
                return self.models.get(benchmark)
        return None

    def seeds_of(self, test: str) -> Seeds:
        """The seeds of the runs of a compliance test; of any other run where ``test`` is empty."""
        return self.test05_seeds if test == "TEST05" and self.test05_seeds else self.seeds

    def result_field(self, rules: ModelRules, scenario: str) -> str:
        """The LoadGen key whose value is the result of a scenario. Errors: UsageError where the round has no such scenario."""
        field = rules.result_field.get(scenario) or self.result_fields.get(scenario)
        if field is None:
            raise UsageError(
                f"round {self.name} has no scenario {scenario}",
                expected="one of " + ", ".join(self.result_fields),
            )
        return field

    def minimum_duration_ms(self, rules: ModelRules) -> int:
        """How long a performance run must last at least."""
        return self.min_duration_ms if rules.min_duration_ms is None else rules.min_duration_ms
