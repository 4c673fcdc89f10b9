"""Logs of compliance runs for tests: accuracy logs of given answers, and detail logs by the audit of a test."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlperf_bake.compliance.accuracies import Measure
from mlperf_bake.compliance.audits import audit
from mlperf_bake.compliance.deviations import LOGGED
from mlperf_bake.compliance.evidence import Evidence
from mlperf_bake.rounds import load_round
from tests.support.synthetic_runs import log_line

Answer = tuple[int, bytes] | tuple[int, bytes, Mapping[str, Any]]
"""Sample and bytes, and what else the entry holds."""


def accuracy_log(answers: Sequence[Answer]) -> str:
    """An accuracy log as LoadGen writes it."""
    entries = [
        json.dumps({"seq_id": number, "qsl_idx": sample, "data": data.hex().upper(), **dict(*more)})
        for number, (sample, data, *more) in enumerate(answers)
    ]
    return "[\n" + ",\n".join(entries) + "\n]\n"


def detail_log(entries: Mapping[str, object]) -> str:
    """A detail log with these keys, ended as LoadGen ends it."""
    return "".join(log_line(key, value) for key, value in {**entries, "num_errors": 0}.items())


def write(directory: Path, entries: Mapping[str, object], answers: Sequence[Answer] = ()) -> Path:
    """A run's directory with both logs."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "mlperf_log_detail.txt").write_text(detail_log(entries), encoding="utf-8")
    (directory / "mlperf_log_accuracy.json").write_text(accuracy_log(answers), encoding="utf-8")
    return directory


def performance(scenario: str = "Offline", score: float = 100.0, **changes: object) -> dict[str, object]:
    """The detail log of a valid performance run with this score."""
    rules = load_round("v6.1")
    return {
        "effective_scenario": scenario,
        "effective_test_mode": "PerformanceOnly",
        "effective_target_latency_ns": 15_000_000,
        "result_validity": "VALID",
        rules.result_fields[scenario]: score,
        **changes,
    }


def audited(
    test: str, benchmark: str, scenario: str = "Offline", round_name: str = "v6.1"
) -> dict[str, object]:
    """What LoadGen logs of the test's settings."""
    one = audit(test, load_round(round_name), benchmark)
    values = {key: one.setting(key, scenario) for key in LOGGED}
    flags = ("performance_issue_unique", "performance_issue_same", "sample_concatenate_permutation")
    return {
        LOGGED[key]: bool(value) if key in flags else value
        for key, value in values.items()
        if value is not None
    }


def evidence(
    root: Path,
    test: str,
    benchmark: str,
    *,
    scenario: str = "Offline",
    round_name: str = "v6.1",
    run: Mapping[str, object] | None = None,
    logged: Sequence[Answer] = (),
    reference: Mapping[str, object] | None = None,
    answers: Sequence[Answer] = (),
    measure: Measure | None = None,
) -> Evidence:
    """The runs of a test below ``root``: its own, the performance and the accuracy run."""
    rules = load_round(round_name)
    seeds = {f"effective_{name}": seed for name, seed in rules.seeds.items()}
    own = {**performance(scenario), **seeds, **audited(test, benchmark, scenario, round_name), **(run or {})}
    return Evidence(
        audit(test, rules, benchmark),
        rules,
        rules.models[benchmark],
        scenario,
        run=write(root / "run", own, logged),
        performance=write(root / "performance", reference or performance(scenario)),
        accuracy=write(root / "accuracy", {"effective_test_mode": "AccuracyOnly"}, answers),
        measure=measure,
    )
