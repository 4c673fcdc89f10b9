"""The matrix of this repository: every axis value of the mission is declared, and what people type leads to the cell they
mean."""

from pathlib import Path

import pytest

from mlperf_bake.matrix.targets import resolve
from mlperf_bake.matrix.values import Axis
from mlperf_bake.project import open_project

PROJECT = open_project(Path(__file__).resolve().parents[2])
MATRIX = PROJECT.matrix
CLASSIFIERS = ("efficientnet-lite1", "efficientnet-lite2", "efficientnet-lite3", "efficientnet-lite4")
MOBILENETS = ("mobilenet-v1", "mobilenet-v2", "mobilenet-v3")
BOTH_PRECISIONS = ("efficientnet-lite0", *CLASSIFIERS, *MOBILENETS, "resnet50")
OFFICIAL = (
    *("retinanet", "3d-unet-99", "3d-unet-99.9", "rnnt", "bert-99", "bert-99.9", "gpt-j"),
    *("llama2-70b", "llama3.1-8b", "sdxl", "dlrm-v2", "whisper", "yolo"),
)


@pytest.mark.parametrize(
    ("axis", "names"),
    [
        ("model", (*BOTH_PRECISIONS, *(f"{name}-int8" for name in BOTH_PRECISIONS), *OFFICIAL)),
        ("implementation", ("cpp", "nvidia", "intel", "tflite", "reference")),
        (
            "framework",
            (
                *("onnxruntime", "pytorch", "tensorflow", "tflite", "tvm", "tensorrt", "deepsparse", "ncnn"),
                *("openvino", "triton", "vllm"),
            ),
        ),
        ("hardware", ("cpu", "arm", "cuda", "l4t", "rocm", "coral")),
        (
            "os",
            ("debian12", "debian13", "ubuntu22.04", "ubuntu24.04", "rhel9", "sles15", "amazonlinux2023"),
        ),
    ],
)
def test_every_value_is_declared(axis: Axis, names: tuple[str, ...]) -> None:
    assert not set(names) - set(MATRIX.names(axis))


@pytest.mark.parametrize(
    ("target", "cell"),
    [
        ("resnet50-nvidia", "resnet50-nvidia-tensorrt-cuda-ubuntu24.04"),
        ("efficientnet-lite0", "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"),
        ("resnet50-arm", "resnet50-cpp-onnxruntime-arm-debian12"),
        ("resnet50-l4t", "resnet50-cpp-onnxruntime-l4t-ubuntu22.04"),
        ("resnet50-rocm", "resnet50-cpp-onnxruntime-rocm-ubuntu24.04"),
        ("resnet50-cuda-rhel9", "resnet50-cpp-onnxruntime-cuda-rhel9"),
        ("resnet50-int8", "resnet50-int8-tflite-tflite-coral-debian12"),
        ("efficientnet-lite0-intel", "efficientnet-lite0-intel-openvino-cpu-debian12"),
        ("llama2-70b", "llama2-70b-reference-vllm-cuda-ubuntu24.04"),
    ],
)
def test_what_is_left_out_of_a_target_takes_the_preferred_value(target: str, cell: str) -> None:
    assert resolve(MATRIX, target).cell.id == cell


def test_every_model_names_its_licence_and_source() -> None:
    assert not [model.name for model in MATRIX.models.values() if not (model.license and model.source)]
