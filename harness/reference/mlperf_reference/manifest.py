"""manifest.json of a run (docs/contracts.md, "Result"): what cell.conf, the options and LoadGen's logs say, no more."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

from mlperf_reference import host
from mlperf_reference.cell import Cell
from mlperf_reference.loadgen_log import result

CHUNK = 1 << 20
DISTRIBUTIONS = {"onnxruntime": "onnxruntime", "pytorch": "torch", "vllm": "vllm"}


def manifest(
    cell: Cell,
    options: argparse.Namespace,
    words: list[str],
    values: dict[str, Any],
    times: tuple[str, str],
    accuracy: dict[str, Any] | None,
) -> dict[str, Any]:
    """The manifest.

    Args:
        words: the options as they were given.
        values: what LoadGen logged.
        times: start and end, as in 2026-11-22T09:15:00.123Z.
        accuracy: what the reference implementation itself says of it.
    """
    found = result(values, options.scenario, options.mode)
    framework = cell["framework"]
    return {
        "schema": "mlperf-bake/manifest/1",
        "run_id": options.run_id,
        "status": "finished",
        "demonstration": [f"minimum duration {options.duration:g} s was asked for"]
        if options.duration
        else [],
        "cell": {
            **{"id" if key == "cell" else key: cell[key] for key in ("cell", "model", "implementation")},
            **{
                key: cell[key]
                for key in ("framework", "hardware", "os", "division", "round", "benchmark", "precision")
            },
        },
        "fingerprint": os.environ.get("MLPERF_BAKE_FINGERPRINT") or None,
        "image_digest": os.environ.get("MLPERF_BAKE_IMAGE_DIGEST") or None,
        "argv": words,
        "scenario": options.scenario,
        "mode": options.mode,
        "settings": {
            **dict.fromkeys(("workers", "threads", "batch", "batch_timeout_us", "pin", "warmup")),
            "duration_ms": values.get("effective_min_duration_ms"),
            "min_query_count": values.get("effective_min_query_count"),
            "target_qps": options.target_qps,
            "target_qps_source": "user" if options.target_qps else None,
            "target_latency_ms": options.target_latency_ms,
            "target_latency_source": "user" if options.target_latency_ms else None,
            "samples_per_query": values.get("effective_samples_per_query"),
        },
        "loadgen": {
            "version": str(values.get("loadgen_version", "")).partition(" ")[0],
            "revision": None,
            **{seed: int(values.get(f"effective_{seed}", cell[seed])) for seed in SEEDS},
        },
        "backend": {
            "name": f"reference-{framework}",
            "version": _version(DISTRIBUTIONS.get(framework, framework)),
            "provider": None,
            "precision": cell["precision"],
            "options": {"commit": cell["reference_commit"], "program": cell["reference_program"]},
            "files": {},
        },
        "weights": _weights(cell),
        "dataset": {
            "name": options.data.name or "data",
            "synthetic": False,
            "count": int(values.get("qsl_reported_total_count", 0)),
            "shape": [],
            **dict.fromkeys(("dtype", "preprocessing", "samples_sha256", "labels_sha256")),
            "verified": False,
            "official_count": 0,
        },
        "counts": {
            "total_sample_count": int(values.get("qsl_reported_total_count", 0)),
            "performance_sample_count": int(values.get("qsl_reported_performance_count", 0)),
            "samples": values.get("result_sample_count"),
            "queries": values.get("result_query_count"),
            "cpu_seconds": _cpu_seconds(),
        },
        "host": host.facts(),
        "started_at": times[0],
        "ended_at": times[1],
        "result": found,
        "accuracy": accuracy,
    }


SEEDS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")


def accuracy_of(cell: Cell, directory: Path) -> dict[str, Any] | None:
    """What the program of image classification writes beside LoadGen's logs; None of another task, and without the file."""
    if cell["task"] != "image-classification":
        return None
    try:
        found = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    for entry in found.values():
        if isinstance(entry, dict) and "accuracy" in entry and entry.get("total_items"):
            correct, total = int(entry["good_items"]), int(entry["total_items"])
            return {"metric": "top1", "correct": correct, "total": total, "value": correct / total}
    return None


def sha256_of(path: Path) -> str:
    """64 hex digits over a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(CHUNK):
            digest.update(data)
    return digest.hexdigest()


def _weights(cell: Cell) -> dict[str, Any]:
    path = cell.weights
    return {"file": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size, "conversion": None}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _cpu_seconds() -> float:
    """Of the program, which is the only child."""
    times = os.times()
    return round(times.children_user + times.children_system, 3)
