"""``python -m mlperf_bake``, for machines whose PATH the program is not on."""

import subprocess
import sys


def test_the_package_can_be_run_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mlperf_bake", "--version"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("mlperf-bake ")
