"""The entry program of reference images: options, the reference's program in a copy of its directory, the result contract.

The programs here stand in for mlcommons/inference's: they write what LoadGen writes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_bake.results.manifest import read_manifest
from tests.support.second_matrix import CHECKOUT

PACKAGE = CHECKOUT / "harness" / "reference"
DETAIL = {
    "loadgen_version": "6.0.17 @ NA",
    "effective_min_duration_ms": 2000,
    "effective_min_query_count": 1,
    "qsl_reported_total_count": 20,
    "qsl_reported_performance_count": 20,
    "result_validity": "VALID",
    "result_samples_per_second": 12.5,
    "result_sample_count": 24,
    "result_query_count": 1,
}
PROGRAM = """
import json, pathlib, sys
words = sys.argv[1:]
out = pathlib.Path(words[words.index("--output") + 1])
out.mkdir(parents=True, exist_ok=True)
pathlib.Path("seen.json").write_text(json.dumps(words))
conf = pathlib.Path(words[words.index("--user_conf") + 1]).read_text()
detail = json.loads('DETAIL')
detail["conf"] = conf
if pathlib.Path("audit.config").is_file():
    for line in pathlib.Path("audit.config").read_text().splitlines():
        key, _, value = line.partition(" = ")
        name = key.rpartition(".")[2]
        detail["effective_" + name] = bool(int(value)) if name == "performance_issue_same" else int(value)
if "--accuracy" in words:
    del detail["result_validity"]
(out / "mlperf_log_detail.txt").write_text("noise\\n" + "".join(
    ":::MLLOG " + json.dumps({"key": key, "value": value}) + "\\n" for key, value in detail.items()))
(out / "mlperf_log_summary.txt").write_text("Result is : VALID\\n")
if "--accuracy" in words:
    (out / "mlperf_log_accuracy.json").write_text("[]")
    (out / "results.json").write_text(json.dumps({"Offline": {"accuracy": 90.0, "good_items": 18, "total_items": 20}}))
assert pathlib.Path("build/labels.txt").read_text() == "0 1 2"
"""


def change(image: Path, file: str, old: str, new: str) -> None:
    """Puts other text into a file of the image."""
    path = image / "opt" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What an image has below /opt/mlperf-bake, the data and the results beside it."""
    root = tmp_path / "opt"
    (root / "reference/vision").mkdir(parents=True)
    (root / "weights").mkdir()
    (root / "weights/net.onnx").write_bytes(b"weights")
    (root / "reference/vision/main.py").write_text(PROGRAM.replace("DETAIL", json.dumps(DETAIL)))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/labels.txt").write_text("0 1 2")
    (tmp_path / "results").mkdir()
    lines = {
        "cell": "resnet50-reference-onnxruntime-cpu-debian12",
        "model": "resnet50",
        "implementation": "reference",
        "framework": "onnxruntime",
        "hardware": "cpu",
        "os": "debian12",
        "division": "closed",
        "benchmark": "resnet",
        "loadgen_model": "resnet50",
        "round": "v6.1",
        "precision": "fp32",
        "task": "image-classification",
        "weights": "weights/net.onnx",
        "weights_sha256": "9e0b4b2e45f95d5b2c5bd1ab4c1a2a0e2d5d5bb1e5a2c5e5b8c8b3f0a2d3c4e5",
        "reference_commit": "b6" * 20,
        "reference_program": "vision/main.py",
        "reference_arguments": "--model {weights}/net.onnx --scenario {scenario} --output {out} --user_conf {user_conf}",
        "reference_accuracy": "--accuracy",
        "reference_links": "build/labels.txt={data}/labels.txt",
        "qsl_rng_seed": "1",
        "sample_index_rng_seed": "2",
        "schedule_rng_seed": "3",
        "compliance.TEST01.accuracy_log_sampling_target": "4096",
        "compliance.TEST04.performance_issue_same": "1",
        "compliance.TEST04.performance_issue_same_index": "3",
        "compliance.TEST04.Server.performance_issue_same_index": "5",
        "compliance.TEST06.min_duration": "0",
    }
    lines["weights_sha256"] = "unlocked"
    (root / "cell.conf").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    return tmp_path


def run(image: Path, *words: str, mode: str = "performance") -> subprocess.CompletedProcess[str]:
    """One call, as the image's entry point makes it."""
    command = [
        *(sys.executable, "-m", "mlperf_reference", "--cell", f"{image}/opt/cell.conf", "--run-id", "r1"),
        *(
            "--scenario",
            "Offline",
            "--mode",
            mode,
            "--data",
            f"{image}/data",
            "--results",
            f"{image}/results",
            *words,
        ),
    ]
    return subprocess.run(
        command, env={"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_run_leaves_the_result_that_the_contract_has(image: Path) -> None:
    done = run(image, "--duration", "2", "--target-qps", "7.5", "--progress", "json")
    assert done.returncode == 0, done.stderr
    result = image / "results/r1"
    assert sorted(path.name for path in result.iterdir()) == [
        *(
            "manifest.json",
            "mlperf_log_accuracy.json",
            "mlperf_log_detail.txt",
            "mlperf_log_summary.txt",
            "user.conf",
        )
    ]
    assert (result / "user.conf").read_text() == (
        "*.Offline.min_duration = 2000\n*.Offline.min_query_count = 1\n*.Offline.target_qps = 7.5\n"
    )
    manifest = read_manifest(result / "manifest.json")
    assert (manifest.run_id, manifest.accuracy) == ("r1", None)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "event": "done",
        "run": "r1",
        "status": "finished",
        "validity": "VALID",
    }


def test_accuracy_is_what_the_reference_itself_counted(image: Path) -> None:
    assert run(image, mode="accuracy").returncode == 0
    manifest = json.loads((image / "results/r1/manifest.json").read_text())
    assert manifest["accuracy"] == {"metric": "top1", "correct": 18, "total": 20, "value": 0.9}


def test_no_other_task_is_given_a_top_1(image: Path) -> None:
    change(image, "cell.conf", "task = image-classification", "task = recommendation")
    assert run(image, mode="accuracy").returncode == 0
    assert json.loads((image / "results/r1/manifest.json").read_text())["accuracy"] is None


def test_an_accuracy_run_outlives_a_program_that_then_fails_to_compute_its_figure(image: Path) -> None:
    change(
        image,
        "reference/vision/main.py",
        "assert pathlib",
        'assert "--accuracy" not in words; assert pathlib',
    )
    done = run(image, mode="accuracy")
    assert (done.returncode, "mlperf-bake accuracy RUN measures it" in done.stderr) == (0, True), done.stderr
    assert json.loads((image / "results/r1/manifest.json").read_text())["accuracy"] is None
    assert (image / "results/r1/mlperf_log_accuracy.json").read_text() == "[]"


@pytest.mark.parametrize("mode", ["accuracy", "performance"])
def test_a_program_that_ends_well_without_loadgen_gives_no_result(image: Path, mode: str) -> None:
    change(image, "reference/vision/main.py", 'write_text("[]")', 'write_text("[")')
    change(image, "reference/vision/main.py", '"result_validity"', '"result_validated"')
    done = run(image, mode=mode)
    assert (done.returncode, "the program ended and LoadGen did not" in done.stderr) == (6, True), done.stderr
    assert not list((image / "results").iterdir())


def test_words_of_performance_runs_and_variables_reach_the_program(image: Path) -> None:
    with (image / "opt/cell.conf").open("a") as conf:
        conf.write(
            "reference_performance = --PerformanceOnly\nreference_environment = CORES={cpus} NODES=1\n"
        )
    keep = 'import os; print("CORES", os.environ["CORES"], os.environ["NODES"], words.count("--PerformanceOnly"))\nout ='
    change(image, "reference/vision/main.py", "out =", keep)
    cores = len(os.sched_getaffinity(0))
    assert f"CORES {cores} 1 1\n" in run(image).stderr
    assert f"CORES {cores} 1 0\n" in run(image, "--run-id", "r2", mode="accuracy").stderr


@pytest.mark.parametrize(("scenario", "index"), [("Offline", 3), ("Server", 5)])
@pytest.mark.parametrize("name", ["audit.config", "audit.conf"])
def test_a_compliance_run_is_made_by_the_audit_that_cell_conf_holds(
    image: Path, scenario: str, index: int, name: str
) -> None:
    change(image, "reference/vision/main.py", "audit.config", name)
    done = run(image, "--scenario", scenario, mode="compliance/TEST04")
    assert done.returncode == 0, done.stderr
    result = image / "results/r1"
    assert not (result / "audit.conf").exists()
    assert (result / "audit.config").read_text() == (
        f"*.{scenario}.mode = 2\n*.{scenario}.performance_issue_same = 1\n"
        f"*.{scenario}.performance_issue_same_index = {index}\n"
    )
    assert json.loads((result / "manifest.json").read_text())["mode"] == "compliance/TEST04"


@pytest.mark.parametrize(
    ("test", "words", "code", "said"),
    [
        (
            "TEST09",
            (),
            2,
            "TEST09 is no compliance test of resnet in round v6.1; expected one of TEST01, TEST04, TEST06.",
        ),
        ("TEST6", (), 2, "expected performance, accuracy or compliance/TESTnn"),
        (
            "TEST06",
            ("--duration", "3"),
            2,
            "TEST06 fixes what --duration would set at 0; leave --duration out.",
        ),
        ("TEST06", (), 8, "effective_min_duration_ms is 2000 instead of 0"),
    ],
)
def test_a_compliance_run_that_proves_nothing_is_not_recorded(
    image: Path, test: str, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run(image, *words, mode=f"compliance/{test}")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not list((image / "results").iterdir())


@pytest.mark.parametrize(
    ("break_it", "words", "code", "said"),
    [
        (lambda image: (image / "opt/weights/net.onnx").unlink(), (), 5, "net.onnx is missing; mount its directory"),
        (lambda image: (image / "data/labels.txt").unlink(), (), 6, "vision/main.py ended with 1"),
        (lambda image: (image / "opt/reference/vision/main.py").write_text(""), (), 6, "LoadGen did not"),
        (lambda image: (image / "opt/reference/vision/main.py").unlink(), (), 3, "--context reference=DIR"),
        (lambda image: (image / "opt/cell.conf").write_text("nonsense"), (), 3, "cell.conf:1"),
        (lambda image: (image / "results/r1").mkdir(), (), 7, "exists already"),
        (lambda image: None, ("--scenario", "Sever"), 2, "invalid choice"),
        (lambda image: None, ("--duration", "-1"), 2, "--duration"),
        (lambda image: None, ("--data", "/nowhere"), 4, "no directory"),
    ],
)  # fmt: skip
def test_what_goes_wrong_has_its_exit_code_and_leaves_no_result(
    image: Path, break_it: object, words: tuple[str, ...], code: int, said: str
) -> None:
    assert callable(break_it)
    break_it(image)
    done = run(image, *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr.replace("Traceback (most recent call last)", "", 1)
    assert not (image / "results/r1/manifest.json").exists()


def test_weights_that_are_not_the_locked_ones_are_refused(image: Path) -> None:
    conf = image / "opt/cell.conf"
    conf.write_text(conf.read_text().replace("= unlocked", f"= {'0' * 64}"))
    done = run(image)
    assert done.returncode == 5 and f"expected {'0' * 64}" in done.stderr


def test_weights_to_supply_are_told_with_the_command(image: Path) -> None:
    (image / "opt/weights/net.onnx").unlink()
    (image / "opt/weights/SUPPLY").write_text("git clone https://example.org/net\n")
    assert "git clone https://example.org/net" in run(image).stderr


def test_without_options_it_says_what_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlperf_reference"],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        check=True,
    )
    assert b"--scenario Offline" in done.stdout
