"""What the C++ tests need: a compiler, CMake and doctest from the distribution, and the parts of a cell."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlperf_bake.project import Project, open_project
from tests.support.cell_parts import CellParts, cell_parts

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".cache" / "harness"
TARGET = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"
PACKAGES = ("cmake", "g++", "make", "doctest-dev")


def missing_packages() -> list[str]:
    """The distribution packages that a C++ build here lacks."""
    tools = {"cmake": "cmake", "g++": "g++", "make": "make"}
    missing = [package for package, tool in tools.items() if not shutil.which(tool)]
    if not Path("/usr/include/doctest/doctest.h").exists():
        missing.append("doctest-dev")
    return missing


@pytest.fixture(scope="session")
def toolchain() -> None:
    """A C++ toolchain; installed where this is a Debian or Ubuntu machine and we are root."""
    missing = missing_packages()
    if not missing:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.fail(f"the C++ tests need {' '.join(missing)}; install them and run `make harness` again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], check=True, env=environment
    )


@pytest.fixture(scope="session")
def project() -> Project:
    """This checkout."""
    return open_project(ROOT)


@pytest.fixture(scope="session")
def parts(project: Project) -> CellParts:
    """LoadGen, ONNX Runtime and the weights of the first cell, as its image has them."""
    return cell_parts(project, TARGET, BUILD / "parts")
