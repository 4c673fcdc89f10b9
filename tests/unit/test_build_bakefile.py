"""Planned images as bake JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.bakefile import TARGETS_A_CALL, Output, bake_file, target_name
from mlperf_bake.engine.secrets import Secret
from mlperf_bake.plan.image import PlannedImage

IMAGE = PlannedImage(
    cell_id="net-cpp-onnxruntime-cpu-ubuntu22.04",
    sections=("FROM base\nENV X=${HOME}\n", 'RUN echo "%{x}"\n'),
    dockerfile_path="images/cpu/net/Dockerfile",
    platform="linux/arm64",
    fingerprint="sha256:" + "a" * 64,
    ingredients=(),
    tags=("mlperf-bake/net:aaaaaaaaaaaa", "mlperf-bake/net:latest"),
    labels=(("l", '{"a":"${b}"}'),),
    build_args=(("FINGERPRINT", "sha256:aa"),),
    contexts=(("base", "docker-image://mlperf-bake/base:debian12-arm64"),),
)


def only_target(text: str) -> dict[str, object]:
    (target,) = json.loads(text)["target"].values()
    assert isinstance(target, dict)
    return target


def test_everything_is_explicit_and_bakes_template_marks_are_escaped() -> None:
    assert only_target(bake_file([IMAGE], "/checkout", [Secret("ca", file=Path("/ca.pem"))])) == {
        "args": {"FINGERPRINT": "sha256:aa"},
        "attest": ["type=provenance,disabled=true"],
        "context": "/checkout",
        "contexts": {"base": "docker-image://mlperf-bake/base:debian12-arm64"},
        "dockerfile-inline": 'FROM base\nENV X=$${HOME}\nRUN echo "%%{x}"\n',
        "labels": {"l": '{"a":"$${b}"}'},
        "output": ["type=docker"],
        "platforms": ["linux/arm64"],
        "secret": ["id=ca,src=/ca.pem"],
        "tags": ["mlperf-bake/net:aaaaaaaaaaaa", "mlperf-bake/net:latest"],
    }


def test_a_target_name_has_no_dot() -> None:
    assert target_name("a-ubuntu22.04") == "a-ubuntu22_04"
    assert list(json.loads(bake_file([IMAGE], "."))["target"]) == ["net-cpp-onnxruntime-cpu-ubuntu22_04"]


def test_the_group_default_builds_all_in_order() -> None:
    images = [replace(IMAGE, cell_id=name) for name in ("b", "a")]
    assert json.loads(bake_file(images, "."))["group"] == {"default": {"targets": ["b", "a"]}}


def test_a_push_names_the_registry_and_carries_provenance() -> None:
    target = only_target(bake_file([IMAGE], ".", output=Output(push=True, registry="registry.example/team")))
    assert target["tags"] == [
        "registry.example/team/mlperf-bake/net:aaaaaaaaaaaa",
        "registry.example/team/mlperf-bake/net:latest",
    ]
    assert target["output"] == ["type=image,push=true"]
    assert target["attest"] == ["type=provenance,mode=max"]


def test_too_many_targets_and_equal_names_are_refused() -> None:
    images = [replace(IMAGE, cell_id=f"c{number}") for number in range(TARGETS_A_CALL + 1)]
    bake_file(images[:-1], ".")
    with pytest.raises(ValueError, match="at most"):
        bake_file(images, ".")
    with pytest.raises(ValueError, match="same target name"):
        bake_file([replace(IMAGE, cell_id="a.b"), replace(IMAGE, cell_id="a_b")], ".")
