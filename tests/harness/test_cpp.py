"""The harness's own tests, compiled with warnings as errors: as released, under address and undefined-behaviour
sanitizers, and under the thread sanitizer."""

import os
import subprocess

import pytest

from tests.harness.conftest import BUILD, VARIANTS, build_harness
from tests.support.cell_parts import CellParts

WITHOUT_ASLR = ("setarch", "--addr-no-randomize")
"""The thread sanitizer's shadow memory does not fit every address layout that newer kernels draw."""


@pytest.mark.usefixtures("toolchain")
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_cpp_test_passes(variant: str, parts: CellParts) -> None:
    build_harness(variant, parts)
    tested = subprocess.run(
        [*WITHOUT_ASLR, "ctest", "--output-on-failure", "--no-tests=error"],
        cwd=BUILD / variant,
        env={**os.environ, "LD_LIBRARY_PATH": str(parts.lib)},
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout[-6000:] + tested.stderr[-2000:]
    assert "100% tests passed" in tested.stdout
