"""What the C++ tests need: a compiler, CMake and doctest from the distribution, and the parts of a cell."""

from pathlib import Path

import pytest

from mlperf_bake.project import Project, open_project
from tests.support.cell_parts import CellParts, cell_parts
from tests.support.cpp_toolchain import ensure_toolchain

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".cache" / "harness"
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
