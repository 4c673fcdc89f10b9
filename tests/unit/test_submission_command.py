"""`collect` on the command line: what it prints for people and machines, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
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


def test_who_does_not_say_so_is_the_trees_only_submitter(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    assert command(tmp_path, "results", "--out", "tree").returncode == 0
    assert (tmp_path / "tree" / "open" / "unnamed").is_dir()
    assert command(tmp_path, "results", "--out", "mine", "--submitter", "Me").returncode == 0
    write_pair(tmp_path / "more", RunSpec(scenario="SingleStream"))
    assert "submitter Me;" in command(tmp_path, "more", "--out", "mine").stdout
    assert [path.name for path in (tmp_path / "mine" / "open").iterdir()] == ["Me"]
    command(tmp_path, "more", "--out", "mine", "--submitter", "You")
    refused = command(tmp_path, "more", "--out", "mine")
    assert refused.returncode != 0
    assert "several submitters" in refused.stderr and "--submitter Me" in refused.stderr


def test_what_was_filled_in_describes_the_system_without_its_runs(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    told = command(tmp_path, "results", "--out", "tree", "--submitter", "Me").stderr
    line = next(line for line in told.splitlines() if "fill in" in line)
    [file] = tmp_path.glob("tree.*.yaml")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("\nstatus:", "\nstatus: preview"), encoding="utf-8")
    (tmp_path / "results").rename(tmp_path / "elsewhere")
    words = line.partition("then: mlperf-bake collect ")[2].split()
    assert line.partition("then: ")[2] in text, "the file says the same command"
    done = command(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    [system] = (tmp_path / "tree" / "open" / "Me" / "systems").glob("*.json")
    assert json.loads(system.read_text(encoding="utf-8"))["status"] == "preview"
    assert "status" not in done.stderr
    assert len(list((tmp_path / "tree").rglob("accuracy.txt"))) == 1


def test_nothing_to_collect_and_nothing_to_describe_is_refused(tmp_path: Path) -> None:
    done = command(tmp_path, "--out", "tree")
    assert done.returncode != 0
    assert "RESULT is missing" in done.stderr


def test_results_of_others_are_told_one_by_one_and_remarks_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for scenario in ("Offline", "Server"):
        write_pair(tmp_path / "runs", RunSpec(scenario=scenario, model="resnet50"))
    theirs = ["collect", str(tmp_path / "runs"), "--out", str(tmp_path / "theirs"), "--submitter", "Them"]
    assert execute([*theirs, "--system", "box"]) == 0
    for manifest in (tmp_path / "theirs").rglob("manifest.json"):
        manifest.unlink()
    capsys.readouterr()
    convert = ["collect", str(tmp_path / "theirs"), "--out", str(tmp_path / "old"), "--round", "v5.1"]
    assert execute(convert) == 0
    told = capsys.readouterr()
    assert "open/Them/box/resnet50/Offline\n  from " in told.out
    assert f"submitter Them; next: mlperf-bake check {tmp_path}/old --round v5.1" in told.out
    assert told.err.count("measured with the seeds of v6.1: kept as it is, and no valid result of v5.1") == 1
    assert "resnet50/Offline and 1 more" in told.err
    assert "--submitter Them --system box" in told.err and "--round v5.1" in told.err
    assert execute([*convert, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [one["scenario"] for one in data["foreign"]] == ["Offline", "Server"]
    assert data["foreign"][0]["place"] == f"{tmp_path}/theirs/open/Them/results/box/resnet50/Offline"
    assert (data["results"], data["asked"], data["inferred"]) == ([], [], [])


def test_bare_logs_are_asked_about_and_the_command_to_go_on_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in write_pair(tmp_path / "raw", RunSpec()):
        (run / "manifest.json").unlink()
        (run / "accuracy.txt").write_text("accuracy=90.0%, good=18, total=20\n", encoding="utf-8")
    words = ["collect", str(tmp_path / "raw"), "--out", str(tmp_path / "tree")]
    assert execute(words) == 3
    file = tmp_path / "tree.runs.yaml"
    assert f"--runs-file {file}" in capsys.readouterr().err
    said = ["--model", "resnet", "--system", "box", "--division", "open", "--infer"]
    assert execute([*words, *said, "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["foreign"]
    assert (one["model"], one["system"], one["division"]) == ("resnet", "box", "open")


def test_what_to_type_next_keeps_what_was_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run, _) = write_pair(tmp_path / "raw", RunSpec())
    (run / "manifest.json").unlink()
    words = [
        "collect",
        str(run),
        "--out",
        str(tmp_path / "tree"),
        "--submitter",
        "Me",
        "--round",
        "v5.1",
        "--infer",
    ]
    assert execute(words) == 3
    file = tmp_path / "tree.runs.yaml"
    line = f"mlperf-bake {' '.join(words[:4])} --runs-file {file} --submitter Me --infer --round v5.1"
    assert line in capsys.readouterr().err and line in file.read_text(encoding="utf-8")


def test_infer_copies_and_benchmark_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "system.yaml").write_text("system_type: edge\n", encoding="utf-8")
    write_pair(tmp_path / "runs", RunSpec(scenario="SingleStream", model="resnet50"))
    edge = ["--system", "box", "--system-file", str(tmp_path / "system.yaml"), "--json"]
    words = ["collect", str(tmp_path / "runs"), "--out", str(tmp_path / "tree"), *edge]
    assert execute([*words, "--infer"]) == 0
    assert {one["done"] for one in json.loads(capsys.readouterr().out)["inferred"]} == {True}
    for run in (tmp_path / "runs").iterdir():
        (run / "manifest.json").unlink()
        (run / "accuracy.txt").write_text("accuracy=90.0%, good=18, total=20\n", encoding="utf-8")
    bare = ["collect", str(tmp_path / "runs"), "--out", str(tmp_path / "other"), *edge, "--division", "open"]
    assert execute([*bare, "--model", "swift-net", "--benchmark", "resnet"]) == 0
    assert json.loads(capsys.readouterr().out)["foreign"][0]["model"] == "swift-net"


def test_a_tree_is_not_collected_into_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pair(tmp_path / "runs", RunSpec())
    tree = str(tmp_path / "tree")
    assert execute(["collect", str(tmp_path / "runs"), "--out", tree]) == 0
    before = sorted(path.name for path in (tmp_path / "tree").rglob("*"))
    assert execute(["collect", tree, "--out", f"{tree}/", "--round", "v5.1"]) == 2
    assert "into itself" in capsys.readouterr().err
    assert execute(["collect", tree, "--out", f"{tree}/closed/../within"]) == 2
    assert "into itself" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "tree").rglob("*")) == before
