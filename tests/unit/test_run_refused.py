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
        ("no space left on device", "the engine refused to run the container", "mlperf-bake doctor"),
    ],
)
def test_a_refusal_says_what_is_missing_and_what_to_do(explanation: str, problem: str, remedy: str) -> None:
    error = start_refused(explanation, "resnet50-cpp-onnxruntime-cuda-ubuntu24.04")
    assert (error.problem, error.found) == (problem, explanation)
    assert remedy in (error.remedy or "")
