"""What the C++ tests need: a compiler, CMake and doctest from the distribution, and the parts of a cell."""

import os
import subprocess
from pathlib import Path

import pytest

from mlperf_bake.project import Project, open_project
from tests.support.cell_parts import CellParts, cell_parts
from tests.support.cpp_toolchain import ensure_toolchain

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".cache" / "harness"
PACKAGES = Path("/usr/lib/python3/dist-packages")
"""Where Debian and Ubuntu install NumPy."""
TARGET = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"


@pytest.fixture(scope="session")
def toolchain() -> None:
    """A C++ toolchain; installed where this is a Debian or Ubuntu machine and we are root."""
    try:
        ensure_toolchain(print)
    except RuntimeError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def project() -> Project:
    """This checkout."""
    return open_project(ROOT)


@pytest.fixture(scope="session")
def parts(project: Project) -> CellParts:
    """LoadGen, ONNX Runtime and the weights of the first cell, as its image has them."""
    return cell_parts(project, TARGET, BUILD / "parts")


VARIANTS = {
    "release": ("", "null;onnxruntime;python"),
    "address": ("address+undefined", "null;onnxruntime;python"),
    "thread": ("thread", "null"),
}
"""How the harness is built for tests: sanitizers and backends."""


def build_harness(variant: str, parts: CellParts) -> None:
    """Compile the harness and its tests with warnings as errors, into the variant's directory; fails with what was said."""
    sanitize, backends = VARIANTS[variant]
    configure = [
        "cmake",
        f"-S{ROOT / 'harness'}",
        f"-B{BUILD / variant}",
        "-DMLPERF_BAKE_BUILD_TESTS=ON",
        f"-DMLPERF_BAKE_SANITIZE={sanitize}",
        f"-DMLPERF_BAKE_BACKENDS={backends}",
        *parts.cmake,
        "-DPython3_EXECUTABLE=/usr/bin/python3",
    ]
    jobs = str(len(os.sched_getaffinity(0)))
    for command in (configure, ["cmake", "--build", str(BUILD / variant), "--parallel", jobs]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.fail(done.stdout[-3000:] + done.stderr[-6000:])
