"""Writes runs as the harness leaves them, for tests: small, complete, and wrong only where a test asks for
it.

The detail log has the keys and the order of a real one (LoadGen 6.0.17). Figures are the test's own.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlperf_bake.compliance.audits import audit
from mlperf_bake.compliance.deviations import LOGGED
from mlperf_bake.rounds import load_round

ROUND = load_round("v6.1")
FINGERPRINT = "sha256:" + "ab" * 32
OTHER_FINGERPRINT = "sha256:" + "cd" * 32
LABELS = tuple(range(0, 1000, 50))
"""True classes of the twenty samples of the demonstration set."""


@dataclass(frozen=True)
class RunSpec:
    """What to write; the defaults are a demonstration run on twenty samples."""

    scenario: str = "Offline"
    mode: str = "performance"
    run_id: str = ""
    model: str = "efficientnet-lite0"
    division: str = "open"
    fingerprint: str | None = FINGERPRINT
    started_at: str = "2026-11-22T09:15:00.000Z"
    ended_at: str = "2026-11-22T09:15:11.500Z"
    status: str = "finished"
    validity: str = "VALID"
    samples: int = 20
    performance_samples: int = 20
    duration_ms: int = 10_000
    samples_per_query: int = 3_184
    correct: int = 18
    cpu_model: str = "Example CPU 3000"
    version: str = "6.0.17"
    manifest: dict[str, Any] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)
    error_lines: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        mode = self.mode.lower().replace("/", "-")
        return self.run_id or f"20261122T091500Z-{self.scenario.lower()}-{mode}-3f2a1b"

    @property
    def demonstration(self) -> list[str]:
        reasons = []
        if self.samples != 50_000:
            reasons.append(f"data set imagenet-20 is a sample of {self.samples}")
        if self.duration_ms < 600_000:
            reasons.append(f"minimum duration {self.duration_ms // 1000} s instead of 600 s")
        return reasons


def official(spec: RunSpec) -> RunSpec:
    """The same run on the whole data set for as long as the round demands."""
    return replace(
        spec,
        samples=50_000,
        performance_samples=1_024,
        duration_ms=600_000,
        samples_per_query=210_012,
        correct=38_228,
    )


def manifest_of(spec: RunSpec) -> dict[str, Any]:
    """The content of manifest.json, with the spec's changes merged in."""
    performance = spec.mode != "accuracy"
    data: dict[str, Any] = {
        "schema": "mlperf-bake/manifest/1",
        "run_id": spec.name,
        "status": spec.status,
        "demonstration": spec.demonstration,
        "cell": {
            "id": f"{spec.model}-cpp-onnxruntime-cpu-debian12",
            "model": spec.model,
            "implementation": "cpp",
            "framework": "onnxruntime",
            "hardware": "cpu",
            "os": "debian12",
            "division": spec.division,
            "round": "v6.1",
            "benchmark": "resnet",
            "precision": "fp32",
        },
        "fingerprint": spec.fingerprint,
        "image_digest": None,
        "argv": ["--scenario", spec.scenario, "--mode", spec.mode],
        "scenario": spec.scenario,
        "mode": spec.mode,
        "settings": {
            "workers": 2,
            "threads": 1,
            "batch": 1,
            "batch_timeout_us": 0,
            "pin": "none",
            "warmup": 8,
            "duration_ms": spec.duration_ms,
            "min_query_count": 1,
            "target_qps": 318.2,
            "target_qps_source": "warm-up",
            "target_latency_ms": None,
            "samples_per_query": spec.samples_per_query,
        },
        "loadgen": {"version": spec.version, "revision": "d6147c7eb7", **dict(ROUND.seeds.items())},
        "backend": {"name": "onnxruntime", "version": "1.31.1", "provider": "CPUExecutionProvider"},
        "weights": {"file": f"{spec.model}.onnx", "sha256": "12" * 32, "bytes": 18_600_000},
        "dataset": {
            "name": "imagenet-20",
            "synthetic": False,
            "count": spec.samples,
            "shape": [3, 224, 224],
            "dtype": "float32",
            "preprocessing": "imagenet-lite-224",
            "samples_sha256": "34" * 32,
            "labels_sha256": "56" * 32,
            "official_count": 50_000,
        },
        "counts": {
            "total_sample_count": spec.samples,
            "performance_sample_count": spec.performance_samples,
            "samples": spec.samples_per_query if performance else spec.samples,
            "queries": 1,
        },
        "host": {
            "cpu_model": spec.cpu_model,
            "cpu_vendor": "Example",
            "logical_cpus": 4,
            "usable_cpus": 2,
            "sockets": 1,
            "memory_bytes": 25_769_803_776,
            "memory_limit_bytes": None,
            "kernel": "6.1.0",
            "os": "Debian GNU/Linux 12 (bookworm)",
            "architecture": "x86_64",
            "accelerators": [],
        },
        "started_at": spec.started_at,
        "ended_at": spec.ended_at,
        "result": {
            "validity": spec.validity,
            "metric": "samples_per_second",
            "value": 318.4,
            "reasons": [] if spec.validity == "VALID" else ["Min duration satisfied : NO"],
            "latency_ns": {"mean": 1, "p50": 1, "p90": 1, "p99": 1, "max": 1},
        }
        if performance
        else None,
        "accuracy": None
        if performance
        else {
            "metric": "top1",
            "correct": spec.correct,
            "total": spec.samples,
            "value": spec.correct / spec.samples,
        },
    }
    return merged(data, spec.manifest)


def merged(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Data with nested changes; a value of ``...`` removes the key."""
    result = dict(data)
    for key, value in changes.items():
        if value is ...:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def log_line(key: str, value: object, *, error: bool = False, warning: bool = False) -> str:
    """One line of a detail log."""
    data = {
        "key": key,
        "value": value,
        "time_ms": 0.01,
        "namespace": "mlperf::logging",
        "event_type": "POINT_IN_TIME",
        "metadata": {
            "is_error": error,
            "is_warning": warning,
            "file": "loadgen.cc",
            "line_no": 1,
            "pid": 1,
            "tid": 1,
        },
    }
    return ":::MLLOG " + json.dumps(data) + "\n"


def detail_of(spec: RunSpec) -> dict[str, object]:
    """Keys and values of the detail log, with the spec's changes merged in."""
    logged = "Server" if spec.scenario == "Interactive" else spec.scenario
    performance = spec.mode != "accuracy"
    offline = logged == "Offline"
    per_query = spec.samples_per_query if offline else 8 if logged == "MultiStream" else 1
    entries: dict[str, object] = {
        "loadgen_version": f"{spec.version} @ d6147c7eb7",
        "test_datetime": spec.started_at,
        "sut_name": "mlperf-bake",
        "qsl_name": "imagenet-20",
        "qsl_reported_total_count": spec.samples,
        "qsl_reported_performance_count": spec.performance_samples,
        "requested_scenario": logged,
        "requested_test_mode": "PerformanceOnly" if performance else "AccuracyOnly",
        "requested_min_duration_ms": spec.duration_ms,
        "effective_scenario": logged,
        "effective_test_mode": "PerformanceOnly" if performance else "AccuracyOnly",
        "effective_samples_per_query": per_query,
        "effective_target_latency_ns": 15_000_000 if logged == "Server" else 0,
        "effective_min_duration_ms": spec.duration_ms,
        "effective_min_query_count": 1 if offline else 100,
        **{f"effective_{name}": value for name, value in ROUND.seeds.items()},
        "effective_performance_sample_count": spec.performance_samples,
        "effective_sample_concatenate_permutation": False,
        "generated_query_count": 1 if performance and offline else spec.samples,
        "generated_samples_per_query": per_query if performance else 1,
    }
    if performance:
        entries |= {
            "result_validity": spec.validity,
            "result_min_duration_met": spec.validity == "VALID",
            "result_min_queries_met": True,
            "early_stopping_met": True,
            "early_stopping_result": "",
            "result_query_count": 1 if offline else 4_000,
            "result_samples_per_second": 318.4,
            "result_completed_samples_per_sec": 301.5,
            "result_qps_without_loadgen_overhead": 319.0,
            "early_stopping_latency_ss": 3_300_000,
            "early_stopping_latency_ms": 26_000_000,
            "result_mean_latency_ns": 3_100_000,
            "result_50.00_percentile_latency_ns": 3_100_000,
            "result_90.00_percentile_latency_ns": 3_250_000,
            "result_99.00_percentile_latency_ns": 3_900_000,
            "num_errors": len(spec.error_lines),
        }
    if spec.mode.startswith("compliance/"):
        rules = audit(spec.mode.partition("/")[2], ROUND, "resnet")
        for key in LOGGED:
            value = rules.setting(key, spec.scenario)
            if value is not None:
                entries[LOGGED[key]] = bool(value) if value in (0, 1) else value
    return merged(entries, spec.detail)


def detail_text(spec: RunSpec) -> str:
    """The whole detail log; error lines stand before the result."""
    lines = [log_line(key, value) for key, value in detail_of(spec).items()]
    errors = [log_line("error_runtime", text, error=True) for text in spec.error_lines]
    return "".join(lines[:-1] + errors + lines[-1:])


def summary_text(spec: RunSpec) -> str:
    """The summary log."""
    ending = "\nNo warnings encountered during test.\n"
    ending += (
        "\n1 ERROR encountered. See detailed log.\n"
        if spec.error_lines
        else "\nNo errors encountered during test.\n"
    )
    if spec.mode == "accuracy":
        return ending
    rule = "================================================\n"
    return (
        f"{rule}MLPerf Results Summary\n{rule}SUT name : mlperf-bake\nScenario : {spec.scenario}\n"
        f"Mode     : PerformanceOnly\nSamples per second: 318.4\nResult is : {spec.validity}\n{ending}"
    )


def responses_text(classes: list[int]) -> str:
    """An accuracy log that answers sample i with class ``classes[i]``, as 64-bit integers."""
    data = [value.to_bytes(8, "little").hex().upper() for value in classes]
    entries = [
        f'{{ "seq_id" : {index}, "qsl_idx" : {index}, "data" : "{text}" }}' for index, text in enumerate(data)
    ]
    return "[\n" + ",\n".join(entries) + "\n]\n"


def classes_of(spec: RunSpec) -> list[int]:
    """The first ``correct`` answers are right, the others off by one."""
    truth = [LABELS[index % len(LABELS)] for index in range(spec.samples)]
    return [label if index < spec.correct else label + 1 for index, label in enumerate(truth)]


def write_run(root: Path, spec: RunSpec) -> Path:
    """Writes the run below ``root`` and gives its directory."""
    directory = root / spec.name
    directory.mkdir(parents=True)
    (directory / "manifest.json").write_text(json.dumps(manifest_of(spec), indent=2) + "\n", encoding="utf-8")
    (directory / "mlperf_log_detail.txt").write_text(detail_text(spec), encoding="utf-8")
    (directory / "mlperf_log_summary.txt").write_text(summary_text(spec), encoding="utf-8")
    accuracy = responses_text(classes_of(spec)) if spec.mode not in ("performance", "find-peak") else "[\n]\n"
    (directory / "mlperf_log_accuracy.json").write_text(accuracy, encoding="utf-8")
    (directory / "user.conf").write_text(f"*.{spec.scenario}.target_qps = 318.2\n", encoding="utf-8")
    return directory


def write_pair(root: Path, spec: RunSpec) -> tuple[Path, Path]:
    """The performance and the accuracy run of one scenario."""
    performance = write_run(root, replace(spec, mode="performance"))
    accuracy = write_run(root, replace(spec, mode="accuracy", manifest={}, detail={}, error_lines=()))
    return performance, accuracy
