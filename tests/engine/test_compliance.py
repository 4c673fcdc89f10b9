"""Compliance tests with a real image and a real LoadGen: made, judged, collected. How fast this machine is does not matter."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.engine.find import Engine
from tests.engine.journey import CELL, ROOT, bake, docker

IMAGE = f"mlperf-bake/{CELL}:latest"
PASSED, FAILED = 0, 9
MODES = ["accuracy", "compliance/TEST01", "compliance/TEST04", "performance"]


@pytest.fixture(scope="module")
def results(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of a campaign in SingleStream."""
    bake("build", CELL)
    place = tmp_path_factory.mktemp("compliance") / "results"
    told = compliance(place)
    assert [(test["test"], bool(test["demonstration"])) for test in told["tests"]] == [
        ("TEST01", True),
        ("TEST04", True),
    ]
    return place


def compliance(place: Path) -> Any:
    """What the command tells. A score that a busy machine shook fails a test; what was answered never does."""
    words = [
        "compliance",
        CELL,
        "--scenario",
        "SingleStream",
        "--duration",
        "1",
        "--results",
        str(place),
        "--json",
    ]
    code = "from mlperf_bake.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode in (PASSED, FAILED), done.stderr[-4000:]
    told = json.loads(done.stdout)
    assert (done.returncode == FAILED) is any(test["verdict"] != "passed" for test in told["tests"])
    for test in told["tests"]:
        assert all("score" in reason or "faster" in reason for reason in test["reasons"])
    return told


def manifests(place: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(place.glob("*/manifest.json"))]


def test_each_run_was_made_by_its_own_settings(results: Path) -> None:
    runs = {run["mode"]: run for run in manifests(results)}
    assert sorted(runs) == MODES
    for mode, run in runs.items():
        directory = results / str(run["run_id"])
        detail = (directory / "mlperf_log_detail.txt").read_text(encoding="utf-8")
        audited = mode.startswith("compliance/")
        assert ("Found Audit Config file" in detail) is audited
        assert (directory / "audit.config").is_file() is audited
        sampling = '"effective_accuracy_log_sampling_target", "value": 4096'
        assert (sampling in detail) is (mode == "compliance/TEST01")
        same = '"effective_performance_issue_same", "value": true'
        assert (same in detail) is (mode == "compliance/TEST04")


def test_a_second_campaign_makes_no_run_again(results: Path) -> None:
    before = manifests(results)
    compliance(results)
    assert manifests(results) == before


def test_collect_puts_the_tests_beside_their_result(results: Path, tmp_path: Path) -> None:
    done = bake("collect", str(results), "--out", str(tmp_path / "tree"), "--submitter", "Me")
    [directory] = (tmp_path / "tree").glob("open/Me/results/*/efficientnet-lite0/SingleStream")
    text = (directory / "TEST01" / "verify_accuracy.txt").read_text(encoding="utf-8")
    assert text.endswith("TEST PASS\n")
    assert "num_perf_log_data_mismatch = 0" in text
    assert (directory / "TEST01" / "accuracy" / "mlperf_log_accuracy.json").stat().st_size > 10
    assert (directory / "TEST04" / "verify_performance.txt").is_file()
    assert "TEST01" in done.stderr + done.stdout


def test_a_bare_docker_run_refuses_a_test_that_is_not_the_benchmarks(results: Path) -> None:
    words = ["--scenario", "Offline", "--mode", "compliance/TEST06", "--data", "synthetic"]
    done = docker("run", "--rm", IMAGE, *words)
    assert done.returncode == 2
    said = "TEST06 is no compliance test of resnet in round v6.1; expected one of TEST01, TEST04."
    assert said in done.stderr
