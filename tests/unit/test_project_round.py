"""A round chosen in place of the matrix's: other LoadGen, seeds, labels, tags and files, and what no round can have."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.project import Project, open_project
from mlperf_bake.rounds import load_round, loadgen_releases
from mlperf_bake.run.workload import require_sense
from tests.support.second_matrix import CHECKOUT, TEXT, make_project

CELL = "mobilenet-cpp-onnxruntime-cpu-debian12"
PROGRAM = [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # bert's benchmark is one that only some rounds have.
    text = TEXT.replace("benchmark: resnet\n", "benchmark: retinanet\n", 3)
    text = text.replace("benchmark: retinanet\n", "benchmark: resnet\n", 2)
    assert text.index("benchmark: retinanet") > text.index("  bert:")
    return make_project(tmp_path_factory.mktemp("rounds"), text).root


def mlperf_bake(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", loadgen_releases())
def test_an_image_is_of_the_chosen_round(root: Path, name: str) -> None:
    project = open_project(root, name)
    [image] = project.plan(project.cells([CELL]))
    rules = load_round(name)
    assert rules.loadgen is not None
    assert f"round = {name}\n" in image.dockerfile
    assert f'org.mlperf-bake.round="{name}"' in image.dockerfile
    assert f'org.mlperf-bake.loadgen="{rules.loadgen.version}"' in image.dockerfile
    assert (
        f"mlcommons-loadgen=={rules.loadgen.version} {project.lock.loadgen[name].sha256}" in image.dockerfile
    )
    seeds = [str(value) for _, value in rules.seeds.items()]
    assert f'"-DLOADGEN_SEEDS={";".join(seeds)}"' in image.dockerfile
    assert f"qsl_rng_seed = {rules.seeds.qsl_rng_seed}\n" in image.dockerfile


def test_no_two_rounds_share_a_fingerprint_tag_or_file(root: Path) -> None:
    images: list[PlannedImage] = []
    for name in loadgen_releases():
        project = open_project(root, name)
        images += project.plan(project.cells([CELL]))
    assert len({image.fingerprint for image in images}) == len(images)
    assert len({tag for image in images for tag in image.tags}) == 2 * len(images)
    assert len({image.dockerfile_path for image in images}) == len(images)
    own, other = images[0], images[1]
    assert own.tags[-1] == f"mlperf-bake/{CELL}:latest"
    assert own.dockerfile_path == f"images/cpu/{CELL}/Dockerfile"
    assert other.tags[-1] == f"mlperf-bake/{CELL}:v6.0"
    assert other.dockerfile_path == f"images-v6.0/cpu/{CELL}/Dockerfile"
    assert f"docker build -f {other.dockerfile_path} ." in other.dockerfile


def test_naming_the_matrixs_own_round_changes_nothing(root: Path) -> None:
    plain, named = (Project(root, name) for name in ("", "v6.1"))
    assert plain.plan(plain.cells()) == named.plan(named.cells())
    assert plain.tuning_state == named.tuning_state != Project(root, "v5.1").tuning_state


def test_only_what_depends_on_the_round_differs(root: Path) -> None:
    texts = []
    for name in ("v6.1", "v5.1"):
        project = open_project(root, name)
        texts.append(project.plan(project.cells([CELL]))[0].dockerfile.splitlines())
    assert len(texts[0]) - len(texts[1]) in range(-10, 10)
    differing = [line for line in texts[0] if line not in texts[1]]
    assert differing
    assert all(
        any(
            word in line
            for word in ("v6.1", "6.0.17", "LOADGEN_SEEDS", "_rng_seed", "compliance.", "fetch-pypi")
        )
        or CELL in line
        for line in differing
    ), differing


def test_a_round_without_a_release_is_refused_with_the_reason(root: Path) -> None:
    project = open_project(root, "v4.0")
    with pytest.raises(UsageError, match=r"no image can be built for round v4\.0") as raised:
        project.plan(project.cells([CELL]))
    assert raised.value.found == load_round("v4.0").loadgen_absent
    assert raised.value.expected == "one of v6.1, v6.0, v5.1, v5.0, v4.1"


def test_cells_whose_benchmark_the_round_lacks_are_left_out_unless_named(root: Path) -> None:
    project = open_project(root, "v6.1")
    assert {cell.model for cell in project.declared_cells()} - {cell.model for cell in project.cells()} == {
        "bert"
    }
    assert {cell.model for cell in open_project(root, "v6.0").cells()} >= {"bert", "mobilenet"}
    for targets in (["bert"], ["mobilenet", "bert"], ["bert-*"]):
        with pytest.raises(UsageError) as raised:
            project.cells(targets)
        assert raised.value.problem == 'round v6.1 has no benchmark "retinanet"'
        assert raised.value.remedy == "--round v6.0"
        assert str(raised.value.where).startswith("matrix.yaml:")


def test_an_unknown_round_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'unknown round "v9\.9"'):
        open_project(tmp_path, "v9.9")


def test_older_rounds_have_no_interactive_scenario() -> None:
    require_sense("Server", "performance", (), load_round("v4.1"), "resnet")
    with pytest.raises(UsageError, match=r"round v4\.1 has no scenario Interactive"):
        require_sense(
            "Interactive", "performance", ("--target-latency-ms", "5"), load_round("v4.1"), "resnet"
        )


def test_list_says_which_cells_are_not_in_the_round(root: Path) -> None:
    done = mlperf_bake(root, "list", "--only", "model=bert,mobilenet", "--json")
    rows = json.loads(done.stdout)
    assert rows["round"] == "v6.1"
    assert {row["model"]: row["in_round"] for row in rows["cells"]} == {"bert": False, "mobilenet": True}
    done = mlperf_bake(root, "list", "--round", "v4.0", "--only", "model=mobilenet")
    assert "round v4.0" in done.stderr
    assert "No image can be built for round v4.0" in " ".join(done.stderr.split())


def test_plan_and_render_follow_the_round(root: Path) -> None:
    done = mlperf_bake(root, "plan", CELL, "--no-engine", "--json", "--round", "v5.1")
    answer = json.loads(done.stdout)
    assert answer["round"] == "v5.1"
    assert answer["images"][0]["dockerfile"].startswith("images-v5.1/")
    done = mlperf_bake(root, "render", "--round", "v5.1", "--check")
    assert done.returncode == 4
    assert "mlperf-bake render --round v5.1, then commit images-v5.1/" in done.stderr
    assert mlperf_bake(root, "render", "--round", "v5.1").returncode == 0
    assert (root / "images-v5.1" / "cpu" / CELL / "Dockerfile").is_file()
    assert not (root / "images").exists()
    assert mlperf_bake(root, "render", "--round", "v5.1", "--check").returncode == 0


def test_explain_names_the_rounds_loadgen_and_passes_the_round_on(root: Path) -> None:
    done = mlperf_bake(root, "explain", "mobilenet", "--round", "v5.1")
    assert "round v5.1, LoadGen 5.1.2" in done.stdout
    assert done.stdout.splitlines()[2] == "next: mlperf-bake build --target mobilenet --round v5.1"
    done = mlperf_bake(root, "explain", "bert")
    assert "round v6.1 does not have this benchmark, only v6.0, v5.1" in " ".join(done.stdout.split())
