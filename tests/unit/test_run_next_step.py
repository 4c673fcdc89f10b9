"""After a run: the one that it still lacks to be a result, else `collect`; always a line to paste."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import read_runs
from mlperf_bake.run.next_step import next_command
from mlperf_bake.run.request import OwnClass, RunRequest, Volume
from mlperf_bake.run.service import RunOutcome
from mlperf_bake.submission.completing import completing_commands
from tests.support.synthetic_runs import OTHER_FINGERPRINT, RunSpec, write_run

CELL = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"
RUN = f"mlperf-bake run {CELL} --scenario Offline --mode"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def after(
    tmp_path: Path,
    spec: RunSpec,
    results: Path | Volume | None = None,
    image: str = "",
    options: tuple[str, ...] = (),
    own_class: OwnClass | None = None,
    round_name: str = "",
) -> str:
    run = write_run(tmp_path / "results", replace(spec, run_id="this"))
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    place = results or tmp_path / "results"
    request = RunRequest(
        image or "net",
        CELL,
        spec.scenario,
        spec.mode,
        "synthetic",
        place,
        "linux/amd64",
        "this",
        own_class=own_class,
    )
    shown = place.name if isinstance(place, Volume) else str(place)
    outcome = RunOutcome("this", CELL, shown, True, manifest, "sha256:aa")
    return next_command(outcome, request, "imagenet-20", image, options, round_name)


def test_a_lone_performance_run_wants_its_accuracy_run(tmp_path: Path) -> None:
    assert after(tmp_path, RunSpec()) == f"{RUN} accuracy --data imagenet-20 --results ./results"
    assert after(tmp_path / "b", RunSpec(mode="accuracy")).startswith(f"{RUN} performance --data imagenet-20")


def test_a_run_of_another_image_or_scenario_is_not_the_other_half(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(mode="accuracy", run_id="a", fingerprint=OTHER_FINGERPRINT))
    write_run(tmp_path / "results", RunSpec(mode="accuracy", run_id="b", scenario="Server"))
    assert after(tmp_path, RunSpec()).startswith(f"{RUN} accuracy")


def test_with_both_halves_there_it_is_collected(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(mode="accuracy"))
    (tmp_path / "results" / "odd").mkdir()
    (tmp_path / "results" / "odd" / "manifest.json").write_text("{", encoding="utf-8")
    assert after(tmp_path, RunSpec()) == "mlperf-bake collect ./results"


def test_generated_samples_become_the_models_own_first(tmp_path: Path) -> None:
    spec = RunSpec(manifest={"dataset": {"synthetic": True}})
    assert after(tmp_path, spec) == f"{RUN} performance --data sample --results ./results"


def test_of_a_volume_only_this_run_is_known(tmp_path: Path) -> None:
    volume = Volume("mine")
    assert after(tmp_path, RunSpec(), volume) == f"{RUN} accuracy --data imagenet-20 --results mine"
    assert after(tmp_path / "b", RunSpec(mode="accuracy"), volume) == "mlperf-bake collect volume:mine"


def test_an_image_of_the_users_is_named_again(tmp_path: Path) -> None:
    assert after(tmp_path, RunSpec(), image="mine:1").endswith("--results ./results --image mine:1")


def test_what_was_given_is_given_again_where_it_means_something(tmp_path: Path) -> None:
    given = ("--duration", "10", "--samples", "5", "--precision", "int8")
    end = "--results ./results --samples 5 -- --precision int8"
    assert after(tmp_path, RunSpec(), options=given) == f"{RUN} accuracy --data imagenet-20 {end}"
    again = after(tmp_path / "b", RunSpec(mode="accuracy"), options=given)
    assert again.endswith("--duration 10 --samples 5 -- --precision int8")


def test_a_round_is_named_where_it_was_typed_and_not_where_the_cell_follows_it_by_itself(
    tmp_path: Path,
) -> None:
    former = RunSpec(manifest={"cell": {"round": "v6.0"}})
    assert "--round" not in after(tmp_path / "a", former), "another run of the cell follows it, too"
    assert " --mode accuracy --round v6.0 " in after(tmp_path / "b", former, round_name="v6.0")
    both = tmp_path / "c"
    write_run(
        both / "results", RunSpec(mode="accuracy", run_id="other", manifest={"cell": {"round": "v6.0"}})
    )
    assert after(both, former).endswith("--round v6.0"), "what is collected is a tree of that round"


MINE = {
    "backend": {
        "name": "python",
        "version": "3.11.2",
        "provider": "mine.py:Mine",
        "options": {"class": "/class/mine.py:Mine"},
        "files": {"mine.py": "7b" * 32},
    }
}


def test_a_class_of_the_users_runs_the_other_half_too(tmp_path: Path) -> None:
    given = OwnClass(tmp_path / "classes/mine.py", "Mine")
    said = after(tmp_path, RunSpec(manifest=MINE), own_class=given)
    assert said == f"{RUN} accuracy --data imagenet-20 --results ./results --class classes/mine.py:Mine"


def test_a_run_of_the_images_own_class_is_not_the_other_half(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(mode="accuracy", run_id="a"))
    assert " --mode accuracy " in after(tmp_path, RunSpec(manifest=MINE))
    shutil.rmtree(tmp_path / "results/this")
    write_run(tmp_path / "results", RunSpec(mode="accuracy", run_id="b", manifest=MINE))
    assert after(tmp_path, RunSpec(manifest=MINE)) == "mlperf-bake collect ./results"


def test_collect_names_the_class_that_made_the_half_that_is_there(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(manifest=MINE))
    runs = read_runs([DirectoryPlace(tmp_path / "results")], tmp_path / "scratch").complete
    (command,) = completing_commands(runs)
    assert command.endswith("--mode accuracy --data imagenet-20 --results ./results --class mine.py:Mine")
