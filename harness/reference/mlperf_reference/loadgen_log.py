"""What LoadGen wrote: the values of mlperf_log_detail.txt, and what they say of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MARK = ":::MLLOG "
METRICS = {
    "Offline": ("samples_per_second", "result_samples_per_second"),
    "Server": ("completed_samples_per_second", "result_completed_samples_per_sec"),
    "SingleStream": ("early_stopping_p90_latency_ns", "early_stopping_latency_ss"),
    "MultiStream": ("early_stopping_p99_latency_ns", "early_stopping_latency_ms"),
}
"""By scenario: the manifest's name of the metric, and LoadGen's."""


def read_detail(path: Path) -> dict[str, Any]:
    """Each key with the last value that was logged for it; lines that are no log entries are left alone."""
    values: dict[str, Any] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.startswith(MARK):
                continue
            try:
                entry = json.loads(line[len(MARK) :])
                values[entry["key"]] = entry["value"]
            except (ValueError, KeyError, TypeError):
                continue
    return values


def result(values: dict[str, Any], scenario: str, mode: str) -> dict[str, Any] | None:
    """The manifest's ``result``; None where LoadGen did not come to an end. It gives accuracy runs no verdict."""
    accuracy = mode == "accuracy"
    if ("loadgen_version" if accuracy else "result_validity") not in values:
        return None
    metric, key = METRICS[scenario]
    reasons = values.get("result_invalid_reason")
    return {
        "validity": "VALID" if accuracy else str(values["result_validity"]),
        "metric": None if accuracy else metric,
        "value": None if accuracy else values.get(key),
        "reasons": [str(reasons)] if reasons else [],
        "latency_ns": None if accuracy else latencies(values),
        "correction": None,
    }


def latencies(values: dict[str, Any]) -> dict[str, Any] | None:
    """Mean and percentiles in nanoseconds, where LoadGen logged them."""
    keys = {
        "mean": "result_mean_latency_ns",
        "p50": "result_50.00_percentile_latency_ns",
        "p90": "result_90.00_percentile_latency_ns",
        "p99": "result_99.00_percentile_latency_ns",
        "max": "result_max_latency_ns",
    }
    found = {name: values.get(key) for name, key in keys.items()}
    return found if None not in found.values() else None
