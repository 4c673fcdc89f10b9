"""`collect` on the command line: what it prints for people and machines, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.synthetic_runs import RunSpec, write_pair, write_run

PROGRAM = "import sys, typer; from mlperf_bake.cli.collect import collect; typer.run(collect)"


def command(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)


def test_people_see_what_went_in_what_did_not_and_what_is_missing(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    write_run(tmp_path / "results", RunSpec(scenario="Server", status="interrupted"))
    done = command(tmp_path, "results", "--out", "tree", "--submitter", "Me")
    assert done.returncode == 0, done.stderr
    assert "efficientnet-lite0/Offline" in done.stdout
    assert "next: mlperf-bake check tree" in done.stdout
    assert "left out: 20261122T091500Z-server-performance-3f2a1b: the run was interrupted" in done.stderr
    assert "nobody has said status" in done.stderr
    assert (tmp_path / "tree" / "open" / "Me").is_dir()


def test_machines_get_one_json_document(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    (tmp_path / "system.yaml").write_text("status: preview\n", encoding="utf-8")
    done = command(
        tmp_path, "results", "--out", "tree", "--json", "--system", "box", "--system-file", "system.yaml"
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["tree"] == "tree"
    assert [result["scenario"] for result in data["results"]] == ["Offline"]
    assert data["results"][0]["correct"] == 18
    assert data["unknown"][0]["system"] == "box"
    assert "status" not in data["unknown"][0]["keys"]
