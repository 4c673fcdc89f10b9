"""What it means that the engine did not start a container, and what to do about it."""

import re

from mlperf_bake.engine.accelerators import TOOLKIT
from mlperf_bake.errors import BakeError, RunFailed, UsageError

NO_DRIVER = re.compile(r"could not select device driver|nvidia-container-cli|nvidia-container-runtime")
NO_DEVICE = re.compile(r'device "(/[^"]+)": no such file or directory')
NO_CPUS = re.compile(r"cpuset cpus|Requested CPUs are not available")
NO_MEMORY = re.compile(r"memory limit|HostConfig\.Resources\.Memory", re.IGNORECASE)


def start_refused(explanation: str, cell_id: str) -> BakeError:
    """The error for the engine's explanation, in the words of the one who runs."""
    elsewhere = "on a machine without one take a cell of cpu: mlperf-bake list --only hardware=cpu"
    if missing := NO_DEVICE.search(explanation):
        return RunFailed(
            f"this machine has no {missing[1]}, on which the cell computes",
            where=cell_id,
            found=explanation,
            remedy=f"run it where the device is, or load its driver; {elsewhere}",
        )
    if NO_DRIVER.search(explanation):
        return RunFailed(
            "the engine can give containers no NVIDIA accelerator",
            where=cell_id,
            found=explanation,
            expected="NVIDIA's driver, and its container toolkit known to the engine",
            remedy=f"{TOOLKIT}; {elsewhere}",
        )
    if NO_CPUS.search(explanation):
        return UsageError(
            "--cpuset names no CPUs that the engine has",
            where=cell_id,
            found=explanation,
            expected="numbers and ranges of its CPUs, such as 0-3,8",
            remedy="leave --cpuset out, and the run takes them all",
        )
    if NO_MEMORY.search(explanation):
        return UsageError(
            "the engine takes no such memory limit",
            where=cell_id,
            found=explanation,
            expected="--memory MIB, at least 6 and at most what the machine has",
            remedy="leave --memory out, and the run may take nine tenths of the engine's memory",
        )
    return RunFailed(
        "the engine refused to run the container",
        where=cell_id,
        found=explanation,
        remedy="mlperf-bake doctor",
    )
