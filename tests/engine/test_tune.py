"""Tuning with the real image: a setting is found by real runs, `run` takes it, and an INVALID run says what to change."""

import json
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.engine.find import Engine
from tests.engine.journey import CELL, ROOT, bake, docker

OWN = ("--pin", "none")
"""The default, spelt out: settings for it lie in a file of their own, so that a user's are left alone."""


@pytest.fixture(scope="module")
def results(engine: Engine) -> Iterator[str]:
    bake("build", CELL, timeout_s=1800)
    name = f"mlperf-bake-test-{uuid.uuid4().hex[:8]}"
    yield name
    docker("volume", "rm", "--force", name)


@pytest.fixture(scope="module")
def tuned(results: str) -> Iterator[dict[str, Any]]:
    """What `tune --json` says about eight short runs in Offline."""
    given = ("--duration", "0.5", "--runs", "8", "--results", results, "--json", "--", *OWN)
    said = bake("tune", "-t", CELL, "-s", "Offline", *given)
    value = json.loads(said.stdout)
    yield value
    Path(value["path"]).unlink()


def run(results: str, *arguments: str, status: int = 0) -> tuple[list[str], str]:
    """Arguments that the harness got, and what people were told."""
    done = bake("run", "-t", CELL, "--results", results, "--json", *arguments, status=status)
    return json.loads(done.stdout)["manifest"]["argv"], done.stderr


def test_a_tuning_keeps_to_its_runs_and_returns_what_was_valid(tuned: dict[str, Any]) -> None:
    assert len(tuned["trials"]) <= 8
    assert tuned["confirmation"]["verdict"] == "VALID"
    assert tuned["confirmation"]["purpose"] == "confirm"
    assert (tuned["gain"] is None) != (tuned["why_no_gain"] is None)
    assert tuned["options"][::2] == ["--workers", "--threads", "--batch"]
    assert not Path(tuned["path"]).with_suffix(".unfinished").exists()


def test_run_takes_the_tuned_setting_unless_it_is_told_not_to(tuned: dict[str, Any], results: str) -> None:
    given = ("--", "--duration", "0.5", *OWN)
    taken, said = run(results, *given)
    assert tuned["options"] == taken[-len(given) + 1 - len(tuned["options"]) : -len(given) + 1]
    assert f"settings: {shlex.join(tuned['options'])}" in said
    assert tuned["path"] in said
    untuned, said = run(results, "--untuned", *given)
    assert "--workers" not in untuned
    assert "settings:" not in said


def test_an_invalid_run_offers_the_command_that_corrects_it(results: str) -> None:
    given = ("-s", "Offline", "--untuned", "--", "--duration", "2", "--target-qps", "0.5")
    _, said = run(results, *given, status=6)
    assert "more of them must be expected" in said
    [remedy] = [line.partition("remedy:")[2] for line in said.splitlines() if "remedy:" in line]
    words = shlex.split(remedy)
    assert words[1:4] == ["run", "--target", CELL]
    assert "--untuned" in words
    assert words[words.index("--duration") + 1] == "2"
    assert float(words[words.index("--target-qps") + 1]) > 0.5
    pasted = subprocess.run(
        [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", *words[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert pasted.returncode in {0, 6}, pasted.stderr  # 6 where the machine has got much faster meanwhile
