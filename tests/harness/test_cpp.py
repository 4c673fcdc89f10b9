"""The harness's own tests, compiled with warnings as errors: as released, under address and undefined-behaviour
sanitizers, and under the thread sanitizer."""

import os
import subprocess

import pytest

from tests.harness.conftest import BUILD, ROOT
from tests.support.cell_parts import CellParts

WITHOUT_ASLR = ("setarch", "--addr-no-randomize")
"""The thread sanitizer's shadow memory does not fit every address layout that newer kernels draw."""
JOBS = str(len(os.sched_getaffinity(0)))


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize(
    ("name", "sanitize", "backends"),
    [
        ("release", "", "null;onnxruntime"),
        ("address", "address+undefined", "null;onnxruntime"),
        ("thread", "thread", "null"),
    ],
)
def test_every_cpp_test_passes(name: str, sanitize: str, backends: str, parts: CellParts) -> None:
    build = BUILD / name
    configured = subprocess.run(
        [
            "cmake",
            f"-S{ROOT / 'harness'}",
            f"-B{build}",
            "-DMLPERF_BAKE_BUILD_TESTS=ON",
            f"-DMLPERF_BAKE_SANITIZE={sanitize}",
            f"-DMLPERF_BAKE_BACKENDS={backends}",
            f"-DLOADGEN_DIR={parts.loadgen}",
            f"-DONNXRUNTIME_INCLUDE_DIR={parts.include / 'onnxruntime'}",
            f"-DONNXRUNTIME_LIBRARY={parts.lib / 'libonnxruntime.so.1'}",
        ],
        capture_output=True,
        text=True,
    )
    assert configured.returncode == 0, configured.stdout[-3000:] + configured.stderr[-3000:]
    built = subprocess.run(["cmake", "--build", build, "--parallel", JOBS], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-6000:]
    tested = subprocess.run(
        [*WITHOUT_ASLR, "ctest", "--output-on-failure", "--no-tests=error"],
        cwd=build,
        env={**os.environ, "LD_LIBRARY_PATH": str(parts.lib)},
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-2000:]
    assert "100% tests passed" in tested.stdout
