"""The system description: detected and given values, an honest list of the rest, and a file to fill in."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlperf_bake.errors import UsageError
from mlperf_bake.results.manifest import Manifest, parse_manifest
from mlperf_bake.submission.system import (
    describe_measurements,
    describe_system,
    read_system_file,
    slug,
    system_file_text,
    system_name,
)
from tests.support.synthetic_runs import ROUND, RunSpec, manifest_of


def manifest(**changes: Any) -> Manifest:
    return parse_manifest(manifest_of(RunSpec(manifest=changes)), "m")


def test_what_manifests_know_is_filled_in_and_the_rest_is_empty_and_listed() -> None:
    described = describe_system("box", [manifest()], ROUND, {"division": "open", "submitter": "Me"}, {})
    assert tuple(described.values) == ROUND.tree.system_keys
    assert described.values["host_processor_model_name"] == "Example CPU 3000"
    assert described.values["host_memory_capacity"] == "24.0 GiB"
    assert described.values["framework"] == "onnxruntime 1.31.1"
    assert described.values["system_type"] == "edge"
    assert described.values["accelerators_per_node"] == "0"
    assert described.values["accelerator_model_name"] == "N/A"
    assert described.values["status"] == ""
    assert set(described.unknown) == {
        "status",
        "host_processor_core_count",
        "host_memory_configuration",
        "host_storage_capacity",
        "host_storage_type",
        "host_networking",
        "host_network_card_count",
        "host_networking_topology",
        "cooling",
    }


def test_given_comes_before_detected_and_detected_before_what_was_said_earlier() -> None:
    given = {"framework": "mine", "status": "available"}
    earlier = {"host_processor_model_name": "old", "cooling": "air"}
    values = describe_system("box", [manifest()], ROUND, given, earlier).values
    assert values["framework"] == "mine"
    assert values["host_processor_model_name"] == "Example CPU 3000"
    assert values["cooling"] == "air"


def test_cores_are_those_of_one_processor() -> None:
    two = manifest(host={"physical_cores": 48, "sockets": 2})
    assert describe_system("box", [two], ROUND, {}, {}).values["host_processor_core_count"] == "24"


def test_accelerators_are_counted_and_their_details_asked_for() -> None:
    described = describe_system("box", [manifest(host={"accelerators": ["H100", "H100"]})], ROUND, {}, {})
    assert described.values["accelerators_per_node"] == "2"
    assert described.values["accelerator_model_name"] == "H100"
    assert "accelerator_memory_capacity" in described.unknown


def test_several_runtimes_on_one_system_are_all_named() -> None:
    other = manifest(backend={"name": "openvino", "version": "2026.4"})
    values = describe_system("box", [manifest(), other, manifest()], ROUND, {}, {}).values
    assert values["framework"] == "onnxruntime 1.31.1; openvino 2026.4"


def test_measurements_take_formats_from_the_run_and_ask_for_the_rest() -> None:
    described = describe_measurements(manifest(), ROUND, {"retraining": "no"}, {})
    assert dict(described.values) == {
        "input_data_types": "fp32",
        "retraining": "no",
        "starting_weights_filename": "efficientnet-lite0.onnx",
        "weight_data_types": "fp32",
        "weight_transformations": "",
    }
    assert described.unknown == ("weight_transformations",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "intel-xeon-platinum-8370c-cpu-2-80ghz"),
        ("AMD EPYC", "amd-epyc"),
        ("../..", ""),
    ],
)
def test_a_name_becomes_part_of_a_directory(text: str, name: str) -> None:
    assert slug(text) == name


def test_a_system_is_named_after_accelerator_or_processor() -> None:
    assert system_name(manifest()) == "example-cpu-3000-onnxruntime"
    assert system_name(manifest(host={"accelerators": ["NVIDIA H100"]})) == "nvidia-h100-onnxruntime"
    assert system_name(manifest(host={"cpu_model": None})) == "x86-64-onnxruntime"
    own = {"name": "python", "version": "3.11.2 with ncnn 1.0", "provider": "ncnn.py:Ncnn"}
    assert system_name(manifest(backend=own, cell={"framework": "ncnn"})) == "example-cpu-3000-ncnn"


def test_a_system_file_is_read_from_yaml_and_json(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "status: available\naccelerators_per_node: 0\ncooling:\nretraining: no\n", encoding="utf-8"
    )
    given = read_system_file(tmp_path / "s.yaml", ROUND)
    assert given == {"status": "available", "accelerators_per_node": "0", "retraining": "no"}
    (tmp_path / "s.json").write_text('{"cooling": "air", "number_of_nodes": 2}', encoding="utf-8")
    assert read_system_file(tmp_path / "s.json", ROUND) == {"cooling": "air", "number_of_nodes": "2"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("coolling: air", 'did you mean "cooling"'),
        ("cooling: [air]", "must be text"),
        ("- air", "not a system file"),
        ("cooling: {", "not valid YAML"),
    ],
)
def test_a_wrong_system_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_system_file(path, ROUND)
    assert problem in str(raised.value)
    with pytest.raises(UsageError, match="cannot be read"):
        read_system_file(tmp_path / "none.yaml", ROUND)


def test_the_file_to_fill_in_is_yaml_with_the_unknown_keys_empty(tmp_path: Path) -> None:
    path = tmp_path / "fill.yaml"
    path.write_text(
        system_file_text("box", ["status", "cooling"], {"framework": "onnxruntime"}, ["do", "it"]),
        encoding="utf-8",
    )
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {"status": None, "cooling": None}
    assert read_system_file(path, ROUND) == {}
