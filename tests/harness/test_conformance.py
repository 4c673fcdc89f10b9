"""Every backend held to the same tests with a real network: harness/tests/conformance, compiled from the parts of a cell.

ONNX Runtime and OpenVINO run always, under the address and undefined-behaviour sanitizers; the others, whose wheels are
hundreds of megabytes, with MLPERF_BAKE_HEAVY_TESTS=1.
"""

import os
import subprocess
from pathlib import Path

import pytest

from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.project import Project
from tests.harness.conftest import BUILD, ROOT
from tests.support.cell_parts import cell_parts
from tests.support.heavy import HEAVY
from tests.support.tensor_cells import logged_responses, span_cell

JOBS = str(len(os.sched_getaffinity(0)))
CORRECT = "18"
"""Of the 20 photos, by EfficientNet-Lite0."""
BY_HAND = ("openvino", "tensorflow")
"""Frameworks for which a network of several inputs and outputs is written by hand; ONNX Runtime's is in test_tensors.py."""


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize(
    ("framework", "sanitize"),
    [
        pytest.param("onnxruntime", "address+undefined", id="onnxruntime, sanitized"),
        pytest.param("openvino", "address+undefined", id="openvino, sanitized"),
        pytest.param("pytorch", "", id="pytorch", marks=HEAVY),
        pytest.param("pytorch", "address+undefined", id="pytorch, sanitized", marks=HEAVY),
        pytest.param("tensorflow", "", id="tensorflow", marks=HEAVY),
        pytest.param("tensorflow", "address+undefined", id="tensorflow, sanitized", marks=HEAVY),
    ],
)
def test_the_backend_does_what_every_backend_must(
    framework: str, sanitize: str, project: Project, tmp_path: Path
) -> None:
    parts = cell_parts(
        project, f"efficientnet-lite0-cpp-{framework}-cpu-debian12", BUILD / framework / "parts"
    )
    cell = parts.root / "cell.conf"
    cell.write_text(parts.cell_conf)
    build = BUILD / framework / (sanitize or "release")
    configure = [
        *("cmake", f"-S{ROOT / 'harness'}", f"-B{build}", "-DMLPERF_BAKE_BUILD_TESTS=ON", *parts.cmake),
        f"-DMLPERF_BAKE_BACKENDS=null;{project.matrix.frameworks[framework].backend}",
        f"-DMLPERF_BAKE_SANITIZE={sanitize}",
    ]
    targets = ("backend-conformance", "mlperf-harness")
    compile_ = ["cmake", "--build", str(build), "--parallel", JOBS, "--target", *targets]
    for command in (configure, compile_):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    tested = subprocess.run(
        [build / "tests" / "backend-conformance"],
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(parts.lib),
            "CONFORMANCE_CELL": str(cell),
            "CONFORMANCE_DATA": str(prepare("imagenet-20", "imagenet-lite-224").path),
            "CONFORMANCE_CORRECT": CORRECT,
            "TBB_ENABLE_SANITIZERS": "1",  # otherwise TBB loads its parts in a way that sanitizers refuse
        },
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-3000:]
    if framework in BY_HAND:
        cell_of_several = span_cell(tmp_path, framework)
        (tmp_path / "results").mkdir()
        asked = subprocess.run(
            [
                *(build / "mlperf-harness", "--cell", cell_of_several.conf, "--data", cell_of_several.data),
                *("--scenario", "Offline", "--mode", "accuracy", "--batch", "3", "--run-id", "r"),
                *("--results", tmp_path / "results", "--workers", "2", "--threads", "1"),
            ],
            env={**os.environ, "LD_LIBRARY_PATH": str(parts.lib), "TBB_ENABLE_SANITIZERS": "1"},
            capture_output=True,
            text=True,
        )
        assert asked.returncode == 0, asked.stderr[-3000:]
        assert logged_responses(tmp_path / "results" / "r") == cell_of_several.responses
