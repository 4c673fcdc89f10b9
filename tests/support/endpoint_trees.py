"""Submission trees of results measured through an endpoint, as mlcommons/endpoints writes them, and what breaks them.

No published tree has one yet: the shape is what the official checker reads (parsers/endpoints_parser.py at b66003e1).
"""

import json
from collections.abc import Mapping
from pathlib import Path

from mlperf_bake.rounds import Round
from tests.support.submission_trees import GIVEN

SYSTEM = {
    **GIVEN,
    "system_name": "box",
    "number_of_nodes": "1",
    "accelerators_per_node": "8",
    "host_processors_per_node": "2",
}
MEASUREMENTS = {
    "input_data_types": "fp16",
    "retraining": "no",
    "starting_weights_filename": "weights",
    "weight_data_types": "fp4",
    "weight_transformations": "quantized",
}
KINDS = {"llama3.1-8b-edge": "edge", "qwen3.6-27b": "edge"}
"""Benchmarks that datacenter systems do not submit."""
FIGURES = {"qwen3-vl-235b-a22b": {"f1": 0.79}, "wan-2.2-t2v-a14b": 70.1}
TYPES = {"Offline": "offline", "Server": "online", "Interactive": "online", "SingleStream": "online"}


def write_endpoint_tree(root: Path, rules: Round, model: str, *, division: str = "closed") -> Path:
    """A valid tree with every scenario that the benchmark has on one kind of system; gives the model's directory."""
    benchmark = rules.models[model]
    kind = KINDS.get(model, "datacenter")
    owner = root / division / "Me"
    system = dict.fromkeys(rules.tree.system_keys, "N/A") | SYSTEM
    system |= {"division": division, "submitter": "Me", "system_type": kind}
    _write(owner / "systems" / "box.json", system)
    (owner / "src").mkdir()
    (owner / "src" / "README.md").write_text("Sources.\n", encoding="utf-8")
    (owner / "documentation").mkdir()
    (owner / "documentation" / "calibration.md").write_text("None.\n", encoding="utf-8")
    if division == "open":
        _write(owner / "model_mapping.json", {})
    scenarios = benchmark.scenarios[kind]
    for scenario in (*scenarios.required, *scenarios.optional):
        write_result(owner / "results" / "box" / model / scenario, rules, model, scenario)
    return owner / "results" / "box" / model


def write_result(place: Path, rules: Round, model: str, scenario: str) -> None:
    """One result that keeps every limit."""
    benchmark = rules.models[model]
    runtime = {
        "min_duration_ms": 600000,
        "dataloader_random_seed": rules.seeds.sample_index_rng_seed,
        "scheduler_random_seed": rules.seeds.schedule_rng_seed,
    }
    config = {
        "type": TYPES[scenario],
        "version": "0.1",
        "model_params": {"streaming": "on"},
        "settings": {"runtime": runtime, "load_pattern": {"type": "poisson", "target_qps": 10.0}},
    }
    (place / "performance").mkdir(parents=True)
    (place / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    percentiles = {
        "early_stopping_percentiles": {"50": 1e6, "90": 1.8e6, "99": 2e6, "99.9": 3e6},
        "avg": 1.5e6,
    }
    summary = {
        "n_samples_issued": 12000,
        "n_samples_completed": 12000,
        "n_samples_failed": 0,
        "duration_ns": 600_000_000_000,
        "qps": 20.0,
        "tps": 25000.0,
        "latency": percentiles,
        "ttft": percentiles,
        "tpot": percentiles,
        "output_sequence_lengths": {"avg": 1250.0, "min": 1, "max": 4096},
    }
    _write(place / "performance" / "result_summary.json", summary)
    samples = benchmark.accuracy_sample_count(scenario)
    entry = {
        "dataset_type": "accuracy",
        "total_samples": samples,
        "score": FIGURES.get(model, {"rouge1": 40.0}),
    }
    _write(place / "accuracy" / "accuracy_results.json", {"accuracy_scores": [entry], "n_samples_failed": 0})
    _write(place / "measurements.json", MEASUREMENTS)
    (place / "README.md").write_text("How it was run.\n", encoding="utf-8")
    for kind, names in benchmark.accuracy_files.items():
        for name in names:
            _write(place / "accuracy" / kind / f"{name}.mp4", {})
    if "TEST04" in benchmark.compliance_tests:
        _write(
            place / "audit" / "audit_output_caching_test.json",
            {"test": "output_caching_test", "passed": True},
        )


def _write(path: Path, data: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
