"""The whole way with real weights, real images and real LoadGen: from the matrix to a verdict, and what users do there."""

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlperf_bake.engine.emulation import enable_emulation
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.secrets import host_secrets, secret_environment
from tests.engine.journey import CELL, HARDENED, ROOT, bake, bake_json, docker
from tests.support.resnet50_stand_in import resnet50_stand_in

IMAGE = f"mlperf-bake/{CELL}:latest"
PHOTOS, RIGHT = 20, 18
TRAINED_WEIGHTS = "b240da96b7f0eb8abc5d69fa73a96ee437cff0aafb6498ee05c8315e41a6ff45"
TRAINED_RIGHT = 8816


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journey")


@pytest.fixture(scope="module")
def tree(engine: Engine, place: Path) -> Path:
    """The submission tree that a quickstart makes."""
    bake("quickstart", "--duration", "3", "--out", f"{place}/tree", "--results", f"{place}/results")
    return place / "tree"


def test_the_image_holds_nothing_that_should_not_be_there(tree: Path) -> None:
    found = bake_json("scan", IMAGE, "--inherited")["findings"]
    assert {one["rule"] for one in found if one["inherited"]} == {"setuid"}, "the base's su, mount, passwd"
    assert [one for one in found if not one["inherited"]] == []


@pytest.fixture
def volume() -> Iterator[str]:
    name = f"mlperf-bake-test-{uuid.uuid4().hex[:8]}"
    yield name
    docker("volume", "rm", "--force", name)


def manifests(place: Path) -> list[dict[str, object]]:
    return [json.loads(file.read_text()) for file in sorted(place.glob("results/*/manifest.json"))]


def test_quickstart_leaves_four_finished_runs_with_the_known_accuracy(tree: Path, place: Path) -> None:
    runs = manifests(place)
    assert {(run["scenario"], run["mode"]) for run in runs} == {
        (scenario, mode) for scenario in ("SingleStream", "Offline") for mode in ("accuracy", "performance")
    }
    assert {run["status"] for run in runs} == {"finished"}
    assert all(run["demonstration"] for run in runs)
    for run in runs:
        if run["mode"] == "accuracy":
            assert run["accuracy"] == {
                "metric": "top1",
                "correct": RIGHT,
                "total": PHOTOS,
                "value": RIGHT / PHOTOS,
            }
        else:
            assert run["accuracy"] is None
            assert run["result"]["value"] > 0  # type: ignore[index]
    assert not list(place.glob("results/.partial-*"))


def test_the_tree_is_a_demonstration_and_says_why(tree: Path) -> None:
    verdict = bake_json("check", str(tree))
    assert verdict["verdict"] == "demonstration"
    rules = {finding["rule"] for finding in verdict["findings"]}
    assert {"accuracy.dataset", "performance.duration", "performance.sample_count"} <= rules
    accuracy = next(tree.glob("open/*/results/*/*/Offline/accuracy/accuracy.txt")).read_text()
    assert accuracy.startswith("accuracy=90.000%, good=18, total=20")
    assert "hash=" in accuracy


def test_a_damaged_tree_is_invalid(tree: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "tree"
    shutil.copytree(tree, damaged)
    log = next(damaged.glob("open/*/results/*/*/Offline/performance/run_1/mlperf_log_detail.txt"))
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    bake("check", str(damaged), status=9)


def test_a_second_build_finds_it_up_to_date(tree: Path) -> None:
    [image] = bake_json("plan", CELL)["images"]
    assert (image["state"], image["why"]) == ("up to date", "an image with this fingerprint is there")
    report = bake_json("build", CELL)
    assert [row["how"] for row in report["done"]] == ["up to date"]


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_every_scenario_gets_the_known_accuracy(scenario: str, tree: Path, tmp_path: Path) -> None:
    data = bake("data", "prepare", "imagenet-20", "--for", "efficientnet-lite0").stdout.strip()
    outcome = bake_json(
        *(
            "run",
            "-t",
            CELL,
            "-s",
            scenario,
            "-m",
            "accuracy",
            "--data",
            data,
            "--results",
            f"{tmp_path}/results",
        )
    )
    assert outcome["manifest"]["scenario"] == scenario
    assert outcome["manifest"]["accuracy"]["correct"] == RIGHT
    measured = bake_json("accuracy", f"{tmp_path}/results/{outcome['manifest']['run_id']}", "--truth", data)
    assert (measured["benchmark"], measured["scenario"]) == ("resnet", scenario)
    assert measured["line"] == f"accuracy=90.000%, good={RIGHT}, total={PHOTOS}"


def test_debian13_gets_the_known_accuracy_too(engine: Engine, tmp_path: Path) -> None:
    bake("build", "efficientnet-lite0-cpu-debian13", timeout_s=1800)
    data = bake("data", "prepare", "imagenet-20", "--for", "efficientnet-lite0").stdout.strip()
    outcome = bake_json(
        *("run", "-t", "efficientnet-lite0-cpu-debian13", "-s", "Offline", "-m", "accuracy"),
        *("--data", data, "--results", f"{tmp_path}/results"),
    )
    assert outcome["manifest"]["host"]["os"].startswith("Debian GNU/Linux 13")
    assert outcome["manifest"]["accuracy"]["correct"] == RIGHT


def test_the_image_teaches_when_run_without_arguments(tree: Path) -> None:
    done = docker("run", "--rm", *HARDENED, IMAGE)
    assert done.returncode == 0, done.stderr
    assert "--data synthetic" in done.stdout
    assert "-v results:/results" in done.stdout


def test_the_image_alone_gives_a_first_figure_in_a_hardened_container(tree: Path, volume: str) -> None:
    done = docker(
        *("run", "--rm", *HARDENED, "-v", f"{volume}:/results", IMAGE),
        *("--scenario", "Offline", "--mode", "performance", "--data", "synthetic", "--duration", "2"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    read = docker(
        "run",
        "--rm",
        "-v",
        f"{volume}:/results",
        "--entrypoint",
        "/bin/sh",
        IMAGE,
        "-c",
        "cat /results/*/manifest.json",
    )
    manifest = json.loads(read.stdout)
    assert manifest["dataset"]["synthetic"] is True
    assert manifest["accuracy"] is None
    assert manifest["result"]["value"] > 0
    assert manifest["fingerprint"].startswith("sha256:")


def test_the_image_holds_no_compiler_no_python_and_runs_as_nobody_special(tree: Path) -> None:
    inspected = json.loads(docker("image", "inspect", IMAGE).stdout)[0]
    assert inspected["Config"]["User"] == "65532:65532"
    labels = inspected["Config"]["Labels"]
    assert labels["org.mlperf-bake.cell"] == CELL
    assert labels["org.mlperf-bake.round"] == "v6.1"
    looked = docker(
        *("run", "--rm", "--entrypoint", "/bin/sh", IMAGE, "-c"),
        "for tool in g++ cc cmake python3 pip; do command -v $tool; done; id -u; ls /run/secrets 2>/dev/null; true",
    )
    assert looked.stdout.split() == ["65532"]


def test_sigterm_ends_a_run_as_interrupted_and_it_is_never_collected(tree: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    os.chown(results, 65532, 65532)
    name = f"mlperf-bake-test-{uuid.uuid4().hex[:8]}"
    process = subprocess.Popen(
        [
            *("docker", "run", "--rm", "--name", name, *HARDENED, "-v", f"{results}:/results", IMAGE),
            *(
                "--scenario",
                "SingleStream",
                "--mode",
                "performance",
                "--data",
                "synthetic",
                "--duration",
                "60",
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if line.strip() == "run":
            break
    time.sleep(1)
    docker("kill", "--signal", "TERM", name)
    assert process.wait(timeout=60) == 12
    [manifest] = results.glob("*/manifest.json")
    assert json.loads(manifest.read_text())["status"] == "interrupted"
    bake("collect", str(results), "--out", str(tmp_path / "tree"), status=3)


def test_two_runs_with_one_id_do_not_overwrite_each_other(tree: Path, volume: str) -> None:
    command = (
        *("run", "--rm", *HARDENED, "-v", f"{volume}:/results", IMAGE, "--run-id", "same"),
        *("--scenario", "Offline", "--mode", "performance", "--data", "synthetic", "--duration", "1"),
    )
    assert docker(*command).returncode == 0
    second = docker(*command)
    assert second.returncode == 7
    assert "same" in second.stderr


def test_interrupting_quickstart_loses_nothing_and_it_goes_on(tree: Path, tmp_path: Path) -> None:
    arguments = [
        "quickstart",
        "--duration",
        "2",
        "--out",
        f"{tmp_path}/tree",
        "--results",
        f"{tmp_path}/results",
    ]
    process = subprocess.Popen(
        ["python3", "-c", "from mlperf_bake.cli.app import main; main()", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "SingleStream performance" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "tree").exists()
    bake(*arguments)
    assert bake_json("check", f"{tmp_path}/tree")["verdict"] == "demonstration"


def test_other_weights_than_the_official_ones_are_refused_with_both_sums(
    engine: Engine, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "resnet50_v1.onnx").write_bytes(resnet50_stand_in())
    done = bake("build", "resnet50-cpu", "--context", f"weights={weights}", status=5)
    told = done.stdout + done.stderr
    assert "checksum" in told
    assert "f6a4da60cd5f084d97efc2c1ddb10beb" in told


def test_a_plain_docker_build_of_the_committed_file_works(tree: Path) -> None:
    base = "docker-image://mlperf-bake/base:debian12-amd64"
    if docker("image", "inspect", "mlperf-bake/base:debian12-amd64").returncode:
        base = ""  # this machine reaches a hub: the file's own FROM does
    contexts = [f"--build-context={name}={base}" for name in ("base", "build-base")] if base else []
    secrets = host_secrets()
    done = subprocess.run(
        [
            *("docker", "buildx", "build", "--load", "--tag", "mlperf-bake/engine-test-plain:latest"),
            *(*contexts, *(f"--secret={secret.argument}" for secret in secrets)),
            *("-f", f"images/cpu/{CELL}/Dockerfile", "."),
        ],
        cwd=ROOT,
        env={**os.environ, **secret_environment(secrets)},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (
        "mlperf-harness" in docker("run", "--rm", "mlperf-bake/engine-test-plain:latest", "--version").stdout
    )


def test_fashion_net_gets_the_accuracy_it_was_trained_to(engine: Engine, tmp_path: Path) -> None:
    bake("build", "fashion-net-cpu-debian12", timeout_s=1800)
    data = bake("data", "prepare", "fashion-mnist", "--for", "fashion-net").stdout.strip()
    outcome = bake_json(
        *("run", "-t", "fashion-net-cpu-debian12", "-s", "Offline", "-m", "accuracy"),
        *("--data", data, "--results", f"{tmp_path}/results"),
    )
    accuracy = outcome["manifest"]["accuracy"]
    assert accuracy["total"] == 10_000
    if outcome["manifest"]["weights"]["sha256"] == TRAINED_WEIGHTS:
        assert accuracy["correct"] == TRAINED_RIGHT
    else:  # another kind of processor rounds differently while training; the recipe's own floor still holds
        assert accuracy["correct"] >= 8700


def test_an_arm64_image_is_cross_compiled_and_answers_under_emulation(engine: Engine, tmp_path: Path) -> None:
    enable_emulation("linux/arm64", engine, print)
    bake("build", "efficientnet-lite0-arm-debian12", timeout_s=1800)
    reference = "mlperf-bake/efficientnet-lite0-cpp-onnxruntime-arm-debian12:latest"
    assert json.loads(docker("image", "inspect", reference).stdout)[0]["Architecture"] == "arm64"
    told = docker("run", "--rm", "--init", "--platform", "linux/arm64", reference, "--version")
    assert "loadgen 6.0.17" in told.stdout, told.stderr
    data = bake("data", "prepare", "imagenet-20", "--for", "efficientnet-lite0").stdout.strip()
    outcome = bake_json(
        *("run", "-t", "efficientnet-lite0-arm-debian12", "-s", "Offline", "-m", "accuracy"),
        *("--data", data, "--results", f"{tmp_path}/results"),
        timeout_s=600,
    )
    assert outcome["manifest"]["host"]["architecture"] == "aarch64"
    assert outcome["manifest"]["accuracy"]["correct"] == RIGHT
