"""Planned images as bake JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.bakefile import TARGETS_A_CALL, Output, bake_file, target_name
from mlperf_bake.build.cache import cache_entries, parse_cache
from mlperf_bake.engine.secrets import Secret
from mlperf_bake.errors import UsageError
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


def test_a_layout_carries_provenance_and_no_time_of_this_machine() -> None:
    target = only_target(bake_file([IMAGE], ".", output=Output(layouts=Path("/layouts"))))
    assert target["output"] == ["type=oci,dest=/layouts/net-cpp-onnxruntime-cpu-ubuntu22.04,tar=false"]
    assert target["attest"] == ["type=provenance,mode=max"]
    assert target["args"] == {"FINGERPRINT": "sha256:aa", "SOURCE_DATE_EPOCH": "315532800"}
    assert "tags" not in target, "names are given by whoever pushes it"


def test_a_layout_below_a_directory_with_a_comma_goes_there() -> None:
    target = only_target(bake_file([IMAGE], ".", output=Output(layouts=Path("/a,b"))))
    assert target["output"] == ['type=oci,"dest=/a,b/net-cpp-onnxruntime-cpu-ubuntu22.04",tar=false']


def test_caches_have_an_entry_a_cell_and_one_that_cells_share() -> None:
    place = parse_cache("type=registry,ref=registry.example/cache,compression=zstd")
    target = only_target(bake_file([IMAGE], ".", output=Output(cache_to=(place,), cache_from=(place,))))
    refs = [
        f"registry.example/cache:{name}" for name in (IMAGE.cell_id, "stages-onnxruntime-cpu-ubuntu22.04")
    ]
    assert target["cache-to"] == [f"type=registry,ref={ref},compression=zstd,mode=max" for ref in refs]
    assert target["cache-from"] == [f"type=registry,ref={ref},compression=zstd" for ref in refs]


@pytest.mark.parametrize(
    ("text", "to", "source"),
    [
        ("type=local,dest=/c", "type=local,dest=/c/m-i-f-h-o,mode=max", "type=local,src=/c/m-i-f-h-o"),
        ("type=local,src=/c", "type=local,dest=/c/m-i-f-h-o,mode=max", "type=local,src=/c/m-i-f-h-o"),
        (
            "type=gha,mode=max",
            "type=gha,scope=mlperf-bake-m-i-f-h-o,mode=max",
            "type=gha,scope=mlperf-bake-m-i-f-h-o",
        ),
    ],
)
def test_a_cache_place_is_spelt_as_buildx_does(text: str, to: str, source: str) -> None:
    place = parse_cache(text)
    assert cache_entries([place], "m-i-f-h-o", "to")[0] == to
    assert cache_entries([place], "m-i-f-h-o", "from")[0] == source


def test_a_cache_of_the_last_stage_alone_is_written_as_such() -> None:
    place = parse_cache("type=local,dest=kept,mode=min")
    assert cache_entries([place], "m-i-f-h-o", "to")[0] == "type=local,dest=kept/m-i-f-h-o,mode=min"
    assert cache_entries([place], "m-i-f-h-o", "from")[0] == "type=local,src=kept/m-i-f-h-o"


@pytest.mark.parametrize(
    "text", ["", "type=registry", "type=registry,ref=a/b:tag", "type=s3,bucket=x", "/dir"]
)
def test_another_cache_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a place for a build cache"):
        parse_cache(text)


def test_too_many_targets_and_equal_names_are_refused() -> None:
    images = [replace(IMAGE, cell_id=f"c{number}") for number in range(TARGETS_A_CALL + 1)]
    bake_file(images[:-1], ".")
    with pytest.raises(ValueError, match="at most"):
        bake_file(images, ".")
    with pytest.raises(ValueError, match="same target name"):
        bake_file([replace(IMAGE, cell_id="a.b"), replace(IMAGE, cell_id="a_b")], ".")
