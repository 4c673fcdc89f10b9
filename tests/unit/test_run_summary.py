"""A run's outcome as people read it: the official metric, the limit it stands against, where the result lies."""

from pathlib import Path

import pytest

from mlperf_bake.run.service import RunOutcome
from mlperf_bake.run.summary import figure_lines, outcome_lines


def performance(scenario: str, metric: str, value: float, limit: float | None = None) -> dict[str, object]:
    return {
        "scenario": scenario,
        "settings": {"target_latency_ms": limit},
        "result": {
            "validity": "VALID",
            "metric": metric,
            "value": value,
            "latency_ns": {"p90": 7_040_000, "p99": 11_200_000},
        },
        "accuracy": None,
    }


@pytest.mark.parametrize(
    ("manifest", "lines"),
    [
        (performance("Offline", "samples_per_second", 318.449), [("throughput", "318.4 samples/s")]),
        (
            performance("Server", "completed_samples_per_second", 49.87, 15),
            [("completed", "49.87 samples/s"), ("p99 latency", "11.20 ms, limit 15 ms")],
        ),
        (
            performance("SingleStream", "early_stopping_p90_latency_ns", 7_411_390),
            [("early-stopping p90 latency", "7.411 ms")],
        ),
        (
            performance("SingleStream", "early_stopping_p90_latency_ns", 24_790),
            [("early-stopping p90 latency", "24.79 us")],
        ),
        (
            {"result": None, "accuracy": {"metric": "top1", "correct": 18, "total": 20}},
            [("top-1", "18 of 20 (95 % interval 70-97 %)")],
        ),
        ({"result": None, "accuracy": None}, []),
    ],
)
def test_a_run_is_quoted_with_its_official_metric(
    manifest: dict[str, object], lines: list[tuple[str, str]]
) -> None:
    assert figure_lines(manifest) == lines


def test_where_a_result_lies_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def place(results: str) -> str:
        return dict(outcome_lines(RunOutcome("r1", "net", results, True, {}, "sha256:aa")))["result"]

    assert place(str(tmp_path / "results")) == "results/r1"
    assert place("/elsewhere") == "/elsewhere/r1"
    assert place("mine") == "in the volume mine; mlperf-bake collect volume:mine reads it"
