"""What a user is told where the engine does not start a container; the texts are Docker Engine 26.1's and the toolkit's own."""

import pytest

from mlperf_bake.run.refused import start_refused


@pytest.mark.parametrize(
    ("explanation", "problem", "remedy"),
    [
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            "the engine can give containers no NVIDIA accelerator",
            "nvidia-container-toolkit",
        ),
        (
            "failed to create task for container: nvidia-container-cli: initialization error: nvml error: driver not loaded",
            "the engine can give containers no NVIDIA accelerator",
            "nvidia-container-toolkit",
        ),
        (
            'error gathering device information while adding custom device "/dev/kfd": no such file or directory',
            "this machine has no /dev/kfd, on which the cell computes",
            "run it where the device is",
        ),
        (
            "Requested CPUs are not available - requested 999, available: 0-1",
            "--cpuset names no CPUs that the engine has",
            "leave --cpuset out",
        ),
        (
            "Invalid value zz for cpuset cpus: invalid format: zz",
            "--cpuset names no CPUs that the engine has",
            "leave --cpuset out",
        ),
        (
            "Minimum memory limit allowed is 6MB",
            "the engine takes no such memory limit",
            "leave --memory out",
        ),
        (
            "json: cannot unmarshal number 10485759999998951424 into field HostConfig.Resources.Memory of type int64",
            "the engine takes no such memory limit",
            "leave --memory out",
        ),
        ("no space left on device", "the engine refused to run the container", "mlperf-bake doctor"),
    ],
)
def test_a_refusal_says_what_is_missing_and_what_to_do(explanation: str, problem: str, remedy: str) -> None:
    error = start_refused(explanation, "resnet50-cpp-onnxruntime-cuda-ubuntu24.04")
    assert (error.problem, error.found) == (problem, explanation)
    assert remedy in (error.remedy or "")


def test_a_wrong_option_is_a_wrong_option_and_no_failed_run() -> None:
    assert start_refused("Invalid value zz for cpuset cpus: invalid format: zz", "cell").exit_code == 2
    assert start_refused("no space left on device", "cell").exit_code == 6
