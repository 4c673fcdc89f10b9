"""The commands that complete runs to a result name the real cell, scenario, data and place."""

from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import read_runs
from mlperf_bake.submission.completing import completing_commands
from tests.support.synthetic_runs import OTHER_FINGERPRINT, RunSpec, write_run

CELL = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"
SYNTHETIC: dict[str, Any] = {"dataset": {"synthetic": True, "name": "synthetic"}}


def commands(tmp_path: Path, *specs: RunSpec) -> list[str]:
    for number, spec in enumerate(specs):
        write_run(tmp_path / "results", RunSpec(**{**vars(spec), "run_id": f"r{number}"}))
    (tmp_path / "scratch").mkdir()
    runs = read_runs([DirectoryPlace(tmp_path / "results")], tmp_path / "scratch")
    assert not runs.left_out
    return [
        command.removeprefix(f"mlperf-bake run {CELL} ") for command in completing_commands(runs.complete)
    ]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_performance_run_alone_lacks_its_accuracy_run(tmp_path: Path) -> None:
    assert commands(tmp_path, RunSpec(scenario="Server")) == [
        "--scenario Server --mode accuracy --data imagenet-20 --results ./results"
    ]


def test_generated_samples_make_no_result_so_both_runs_are_named(tmp_path: Path) -> None:
    assert commands(tmp_path, RunSpec(manifest=SYNTHETIC)) == [
        "--scenario Offline --mode performance --data sample --results ./results",
        "--scenario Offline --mode accuracy --data sample --results ./results",
    ]


def test_a_run_that_is_invalid_or_of_another_image_counts_as_none(tmp_path: Path) -> None:
    said = commands(
        tmp_path,
        RunSpec(validity="INVALID"),
        RunSpec(mode="performance", fingerprint=OTHER_FINGERPRINT),
        RunSpec(mode="accuracy", started_at="2026-11-22T09:15:05.000Z"),
    )
    assert said == ["--scenario Offline --mode performance --data imagenet-20 --results ./results"]


def test_a_run_that_would_be_invalid_again_is_not_asked_for_before_one_that_is_not(tmp_path: Path) -> None:
    said = commands(
        tmp_path,
        RunSpec(manifest=SYNTHETIC),
        RunSpec(scenario="Server", validity="INVALID", started_at="2026-11-22T09:20:00.000Z"),
    )
    assert [words.split()[:4] for words in said] == [
        ["--scenario", "Offline", "--mode", "performance"],
        ["--scenario", "Offline", "--mode", "accuracy"],
    ]


def test_the_run_that_lacks_least_is_completed_before_a_newer_one(tmp_path: Path) -> None:
    said = commands(
        tmp_path,
        RunSpec(),
        RunSpec(scenario="Server", validity="INVALID", started_at="2026-11-22T09:20:00.000Z"),
    )
    assert said == ["--scenario Offline --mode accuracy --data imagenet-20 --results ./results"]


def test_with_no_runs_the_commands_are_for_any_target() -> None:
    assert completing_commands(()) == (
        "mlperf-bake run TARGET --scenario Offline --mode performance --data sample",
        "mlperf-bake run TARGET --scenario Offline --mode accuracy --data sample",
    )
