"""What the matrix declares of weights counts for exactly these weights."""

from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.project import open_project
from mlperf_bake.results.manifest import Manifest, parse_manifest
from mlperf_bake.submission.declared import declared_measurements
from mlperf_bake.submission.system import describe_measurements
from tests.support.synthetic_runs import ROUND, RunSpec, manifest_of

PROJECT = open_project(Path(__file__).resolve().parents[2])


def run_of(model: str, sha256: str | None, framework: str = "onnxruntime") -> Manifest:
    data: dict[str, Any] = manifest_of(
        RunSpec(manifest={"weights": {"file": "w.onnx", "sha256": sha256, "bytes": 1}})
    )
    data["cell"] |= {"model": model, "framework": framework}
    return parse_manifest(data, "m")


def test_locked_weights_are_described_as_declared() -> None:
    declared = declared_measurements(
        PROJECT, run_of("efficientnet-lite0", PROJECT.lock.weights["efficientnet-lite0"])
    )
    assert declared["retraining"] == "no"
    assert "ONNX" in declared["weight_transformations"]


def test_weights_that_were_held_against_an_md5_are_described_as_declared() -> None:
    assert declared_measurements(PROJECT, run_of("resnet50", "1" * 64)) == {
        "retraining": "no",
        "weight_transformations": "no",
    }


@pytest.mark.parametrize(
    ("model", "sha256", "framework"),
    [
        ("efficientnet-lite0", "1" * 64, "onnxruntime"),
        ("efficientnet-lite0", None, "onnxruntime"),
        ("fashion-net", "1" * 64, "onnxruntime"),
        ("efficientnet-lite0", PROJECT.lock.weights["efficientnet-lite0"], "another"),
        ("another", "1" * 64, "onnxruntime"),
    ],
)
def test_of_other_weights_nothing_is_declared(model: str, sha256: str | None, framework: str) -> None:
    assert declared_measurements(PROJECT, run_of(model, sha256, framework)) == {}


def test_what_the_user_gives_comes_first_and_what_was_said_earlier_last() -> None:
    manifest = run_of("resnet50", "1" * 64)
    declared = {"retraining": "no", "weight_transformations": "no"}
    given = {"retraining": "fine-tuned"}
    described = describe_measurements(manifest, ROUND, given, {"weight_transformations": "old"}, declared)
    assert described.values["retraining"] == "fine-tuned"
    assert described.values["weight_transformations"] == "no"
    assert described.unknown == ()


def test_every_model_of_this_checkout_declares_both() -> None:
    for model in PROJECT.matrix.models.values():
        assert model.retraining and model.weight_transformations
