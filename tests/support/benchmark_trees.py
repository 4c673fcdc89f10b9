"""A tree with every benchmark of a round in every scenario it is submitted in, each figure at its limit or one step beyond."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.rounds import ModelRules, Round
from tests.support.compliance_logs import audited
from tests.support.submission_trees import GIVEN
from tests.support.synthetic_runs import log_line

ACCURACY_LINES: Final = {
    "acc": "accuracy={}%",
    "mAP": "mAP={}",
    "F1": '{{"exact_match": 80.0, "f1": {}}}',
    "F1_HIERARCHICAL": '{{"f1": {}}}',
    "ACCURACY": "Word Error Rate: 3.0%, accuracy={}%",
    "DICE": "Accuracy: mean = {}",
    "AUC": "AUC={}",
    "E2E_ACCURACY": "Accuracy: {}",
    "DLRM_NE": "metric/lifetime_ne/rating: {}",
    "DLRM_ACC": "metric/lifetime_accuracy/rating: {}",
    "DLRM_AUC": "metric/lifetime_gauc/rating: {}",
    "ROUGE1": "'rouge1': {}",
    "ROUGE2": "'rouge2': {}",
    "ROUGEL": "'rougeL': {}",
    "ROUGELSUM": "'rougeLsum': {}",
    "GEN_LEN": "'gen_len': {}",
    "TOKENS_PER_SAMPLE": "'tokens_per_sample': {}",
    "CLIP_SCORE": "'CLIP_SCORE': {}",
    "FID_SCORE": "'FID_SCORE': {}",
    "gsm8k_accuracy": "'gsm8k': {}",
    "mbxp_accuracy": "'mbxp': {}",
    "exact_match": "'exact_match': {}",
    "vbench_score": "'vbench_score': {}",
}
"""Metric to its line, as the reference scripts print it; a metric that the round gains is missed by name."""
STEP: Final = 1e-6
MEASUREMENTS: Final = (
    "input_data_types",
    "retraining",
    "starting_weights_filename",
    "weight_data_types",
    "weight_transformations",
)


@dataclass(frozen=True)
class Case:
    """One result of the tree.

    Attributes:
        beyond: every figure is one step beyond its limit.
    """

    rules: Round
    benchmark: ModelRules
    kind: str
    scenario: str
    beyond: bool

    @property
    def result(self) -> str:
        return f"closed/Me/results/{self.kind}/{self.benchmark.name}/{self.scenario}"

    @property
    def logged(self) -> str:
        """Interactive runs are logged as Server."""
        return "Server" if self.scenario == "Interactive" else self.scenario

    def place(self, template: str) -> str:
        return template.format(
            division="closed",
            submitter="Me",
            system=self.kind,
            model=self.benchmark.name,
            scenario=self.scenario,
        )


def cases(rules: Round, *, beyond: bool = False, models: Collection[str] = ()) -> Iterator[Case]:
    """Every benchmark, or some, in every scenario; those that the official checker cannot judge in Offline are left out."""
    for benchmark in (rules.models[name] for name in models or rules.models):
        for kind, scenarios in benchmark.scenarios.items():
            if "Offline" in scenarios.required and benchmark.offline_min_samples_per_query is None:
                continue
            for scenario in (*scenarios.required, *scenarios.optional):
                yield Case(rules, benchmark, kind, scenario, beyond)


def accuracy_text(case: Case) -> str:
    """accuracy.txt with each metric at its target; those without one at their upper limit."""
    targets, limits = case.benchmark.targets(case.scenario), case.benchmark.accuracy_upper_limit
    factor = 1 - STEP if case.beyond else 1
    figures = {**limits, **{name: value * factor for name, value in targets.items()}}
    lines = [ACCURACY_LINES[name].format(f"{value:.12g}") for name, value in figures.items()]
    if case.beyond:
        lines += [ACCURACY_LINES[name].format(f"{limits[name] * (1 + STEP):.12g}") for name in limits]
    return "\n".join(lines) + f"\nhash={'a' * 64}\n"


def _performance(case: Case) -> dict[str, object]:
    step, benchmark, rules = int(case.beyond), case.benchmark, case.rules
    offline = case.logged == "Offline"
    tokens = benchmark.token_latency_limit_ns.get(case.scenario)
    limits = benchmark.latency_limit_ns
    return {
        "effective_samples_per_query": (benchmark.offline_min_samples_per_query or 0) - step
        if offline
        else 1,
        "effective_target_latency_ns": limits.get(case.logged, 0) + step,
        "effective_min_duration_ms": rules.minimum_duration_ms(benchmark) - step,
        "effective_min_query_count": 1,
        "requested_use_token_latencies": True,
        "generated_query_count": 1,
        "generated_samples_per_query": 1,
        "result_validity": "VALID",
        "early_stopping_met": not case.beyond,
        "early_stopping_result": "",
        "result_first_token_99.00_percentile_latency_ns": tokens.ttft_ns - 1 + step if tokens else 0,
        "result_time_per_output_token_99.00_percentile_ns": tokens.tpot_ns - 1 + step if tokens else 0,
        "result_99.00_percentile_latency_ns": limits.get(case.scenario, 0) + step,
        **dict.fromkeys((*rules.result_fields.values(), rules.result_field(benchmark, case.logged)), 100.5),
    }


def detail_text(case: Case, mode: str, audit: Mapping[str, object] | None = None) -> str:
    """The detail log of a run of the case."""
    benchmark, step = case.benchmark, int(case.beyond)
    samples = (benchmark.accuracy_sample_count(case.scenario) or 1) - step
    loaded = benchmark.performance_sample_count - step
    entries: dict[str, object] = {
        "loadgen_version": f"{case.rules.loadgen.last if case.rules.loadgen else ''} @ d6147c7eb7",
        "qsl_reported_total_count": samples if mode == "AccuracyOnly" else loaded,
        "effective_scenario": case.logged,
        "effective_test_mode": mode,
        "effective_performance_sample_count": loaded,
        **{f"effective_{name}": value for name, value in case.rules.seeds.items()},
    }
    if mode == "AccuracyOnly":
        entries |= {"generated_query_count": samples, "generated_samples_per_query": 1}
    else:
        entries |= _performance(case)
    lines = (log_line(key, value) for key, value in {**entries, **(audit or {}), "num_errors": 0}.items())
    return "".join(lines)


def summary_text(case: Case, mode: str) -> str:
    """The summary log of a run of the case."""
    ending = "\nNo warnings encountered during test.\n\nNo errors encountered during test.\n"
    result = f"MLPerf Results Summary\nScenario : {case.logged}\nMode     : {mode}\nResult is : VALID\n"
    return ending if mode == "AccuracyOnly" else result + ending


def _tests(case: Case, write: Callable[[str, str], None]) -> None:
    place = case.place(case.rules.layout.compliance)
    for test in case.benchmark.compliance_tests:
        for kind, lines in case.rules.tree.compliance[test].items():
            passed = [line.partition("|")[0] for line in lines]
            write(f"{place}/{test}/verify_{kind}.txt", "\n".join(passed) + "\n")
        if "performance" in case.rules.tree.compliance[test]:
            run = f"{place}/{test}/performance/run_1"
            audit = audited(test, case.benchmark.name, case.logged, case.rules.name)
            write(f"{run}/mlperf_log_detail.txt", detail_text(case, "PerformanceOnly", audit))
            write(f"{run}/mlperf_log_summary.txt", summary_text(case, "PerformanceOnly"))


def write_benchmark_tree(
    root: Path, rules: Round, *, beyond: bool = False, models: Collection[str] = ()
) -> tuple[Case, ...]:
    """Writes the tree; gives its results."""

    def write(path: str, text: str) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")

    every = tuple(cases(rules, beyond=beyond, models=models))
    counts = {"number_of_nodes": "1", "accelerators_per_node": "8", "host_processors_per_node": "2"}
    for kind in {case.kind for case in every}:
        system = dict.fromkeys(rules.tree.system_keys, "N/A") | GIVEN | counts
        system |= {"division": "closed", "submitter": "Me", "system_type": kind.replace("-", ",")}
        write(f"closed/Me/systems/{kind}.json", json.dumps(system))
    write(rules.layout.src.format(division="closed", submitter="Me") + "/README.md", "Sources.\n")
    for case in every:
        for directory, mode in (("performance/run_1", "PerformanceOnly"), ("accuracy", "AccuracyOnly")):
            write(f"{case.result}/{directory}/mlperf_log_detail.txt", detail_text(case, mode))
            write(f"{case.result}/{directory}/mlperf_log_summary.txt", summary_text(case, mode))
        write(f"{case.result}/accuracy/mlperf_log_accuracy.json", "[\n...\n]\n")
        write(f"{case.result}/accuracy/accuracy.txt", accuracy_text(case))
        for kind, names in case.benchmark.accuracy_files.items():
            for name in names:
                write(f"{case.result}/accuracy/{kind}/{name}.png", "x")
        place = case.place(rules.layout.measurements)
        write(
            f"{place}/{case.place(rules.layout.measurements_json[0])}",
            json.dumps(dict.fromkeys(MEASUREMENTS, "x")),
        )
        write(f"{place}/user.conf", "*.*.target_qps = 1\n")
        write(f"{place}/README.md", "How it was run.\n")
        _tests(case, write)
    return every
