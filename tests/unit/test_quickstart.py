"""What a quickstart prints at its end, for people and for programs."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mlperf_bake.build.service import DoneImage
from mlperf_bake.check.engine import check
from mlperf_bake.cli.app import execute
from mlperf_bake.project import Project, open_project
from mlperf_bake.quickstart import Journey, Say, Wishes, next_commands, summary
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.run.service import RunOutcome
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, write_pair

CHECKOUT = Path(__file__).resolve().parents[2]
CELL = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"


def outcome(run: Path) -> RunOutcome:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return RunOutcome(run.name, CELL, str(run.parent), True, manifest, "sha256:" + "d" * 64)


@pytest.fixture
def journey(tmp_path: Path) -> Journey:
    """A quickstart at its end: its runs are invented, collected and checked like any."""
    project = open_project(CHECKOUT)
    runs = write_pair(tmp_path / "results", RunSpec())
    tree = tmp_path / "tree"
    wishes = Wishes(CELL, 10, tree, tmp_path / "results", "Me")
    return Journey(
        replace(project, root=tmp_path),
        wishes,
        Console(file=io.StringIO()),
        print,
        built=DoneImage(CELL, "sha256:" + "1" * 64, f"mlperf-bake/{CELL}:111111111111", 1.5, "built"),
        data=tmp_path / "data",
        outcomes=tuple(outcome(run) for run in runs),
        collected=collect([DirectoryPlace(tmp_path / "results")], tree, CollectOptions("Me")),
        verdict=check(tree, project.round),
        seconds=(("build", 1.5), ("run", 20.0)),
    )


@pytest.fixture
def travelled(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> Journey:
    """The command `quickstart` does not travel, it arrives."""

    def go(project: Project, wishes: Wishes, console: Console, say: Say) -> Journey:
        say("[1/7] container engine")
        return journey

    monkeypatch.setattr("mlperf_bake.quickstart.quickstart", go)
    monkeypatch.chdir(CHECKOUT)
    return journey


def test_json_is_all_that_is_on_stdout(travelled: Journey, capsys: pytest.CaptureFixture[str]) -> None:
    assert travelled.verdict is not None and travelled.collected is not None
    assert execute(["quickstart", "--json"]) == travelled.verdict.exit_code
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert printed.err == "[1/7] container engine\n"
    assert told["cell"] == CELL
    assert told["image"] == {
        "cell": CELL,
        "image": "sha256:" + "1" * 64,
        "tag": f"mlperf-bake/{CELL}:111111111111",
        "seconds": 1.5,
        "how": "built",
    }
    assert [run["run_id"] for run in told["runs"]] == [run.run_id for run in travelled.outcomes]
    assert told["collected"]["tree"] == told["verdict"]["tree"] == str(travelled.collected.tree)
    assert told["verdict"]["verdict"] == travelled.verdict.state.value
    assert told["seconds"] == {"build": 1.5, "run": 20.0}


def test_people_get_the_figures_first_then_the_verdict_and_what_to_type_next(
    travelled: Journey, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(["quickstart"])
    said = capsys.readouterr().out
    landmarks = (
        "[1/7] container engine\n",
        "Offline throughput",
        "took ",
        "demonstration: ",
        "verdict ",
        "Go on with:",
    )
    places = [said.index(landmark) for landmark in landmarks]
    assert places == sorted(places)
    assert said.count("fix ") == 0, "what a demonstration cannot keep is not told at length"
    assert "build 2 s, run 20 s" in said


def test_every_figure_of_the_summary_is_the_manifests(journey: Journey) -> None:
    lines = dict(summary(journey))
    performance = next(run.manifest for run in journey.outcomes if not run.manifest["accuracy"])
    accuracy = next(run.manifest for run in journey.outcomes if run.manifest["accuracy"])
    assert f"{performance['result']['value']:,.1f} samples/s, VALID" in lines["Offline throughput"]  # type: ignore[index]
    counted = accuracy["accuracy"]
    assert lines["Offline top-1"].startswith(f"{counted['correct']} of {counted['total']} (95 %")  # type: ignore[index]


def test_what_to_do_next_can_be_pasted(
    journey: Journey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [command for _, command in next_commands(journey)]
    assert commands == [
        f"mlperf-bake run {CELL} --data sample --results ./results --scenario MultiStream --duration 10",
        f"mlperf-bake run {CELL} --data sample --results ./results --scenario Offline --duration 60",
        "mlperf-bake check tree",
        f"docker run --rm mlperf-bake/{CELL}:111111111111",
    ]
