"""Frameworks besides the first: the image is built, loads the weights in the framework's own form, and predicts as well."""

from pathlib import Path

import pytest

from tests.engine.journey import bake, bake_json
from tests.support.heavy import HEAVY

RIGHT = 18
"""Of the 20 photos, by EfficientNet-Lite0."""


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("framework", "conversion"),
    [
        ("openvino", "openvino_ir"),
        pytest.param("pytorch", "torchscript", marks=HEAVY),
        pytest.param("tensorflow", "tensorflow_graph", marks=HEAVY),
    ],
)
def test_the_image_of_a_framework_gets_the_known_accuracy(
    framework: str, conversion: str, tmp_path: Path
) -> None:
    target = f"efficientnet-lite0-{framework}-cpu-debian12"
    bake("build", target, timeout_s=1800)
    data = bake("data", "prepare", "imagenet-20", "--for", "efficientnet-lite0").stdout.strip()
    for scenario in ("SingleStream", "Offline"):
        outcome = bake_json(
            *("run", "-t", target, "-s", scenario, "-m", "accuracy"),
            *("--data", data, "--results", f"{tmp_path}/results"),
        )
        manifest = outcome["manifest"]
        assert manifest["accuracy"]["correct"] == RIGHT
        assert manifest["weights"]["conversion"]["name"] == conversion
