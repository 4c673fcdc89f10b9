"""The manifest: what the contract shows is read, all else is refused by its key, never with a traceback."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlperf_bake.results.manifest as manifest_module
from mlperf_bake.errors import BakeError, UsageError
from mlperf_bake.results.manifest import parse_manifest, read_manifest
from mlperf_bake.results.strict_json import parse
from tests.support.synthetic_runs import RunSpec, manifest_of, merged, official

SCHEMA = json.loads(
    (Path(manifest_module.__file__).parent / "manifest.schema.json").read_text(encoding="utf-8")
)
GOOD = manifest_of(RunSpec())
ACCURACY = manifest_of(RunSpec(mode="accuracy"))


def contract_example() -> Any:
    """The manifest that docs/contracts.md shows, without its comments and with whole hashes."""
    text = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text(encoding="utf-8")
    start = text.index('    {\n      "schema": "mlperf-bake/manifest/1"')
    lines = text[start : text.index("\n    }\n", start) + 6].splitlines()
    block = "\n".join(line.partition("  //")[0] for line in lines)
    data = json.loads(block)
    data["fingerprint"] = data["image_digest"] = "sha256:" + "0" * 64
    data["weights"]["sha256"] = data["dataset"]["samples_sha256"] = data["dataset"]["labels_sha256"] = (
        "0" * 64
    )
    data["cell"]["id"] = data["cell"]["model"] = "efficientnet-lite0"
    return data


@pytest.mark.parametrize("data", [GOOD, ACCURACY, contract_example(), manifest_of(official(RunSpec()))])
def test_manifests_of_the_contract_satisfy_schema_and_parser(data: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert parse_manifest(data, "m").run_id == data["run_id"]


def test_values_arrive_typed() -> None:
    manifest = parse_manifest(GOOD, "m")
    assert manifest.loadgen.seeds.qsl_rng_seed == 2085463073848966840
    assert manifest.started_at.isoformat() == "2026-11-22T09:15:00+00:00"
    assert manifest.dataset is not None
    assert manifest.dataset.shape == (3, 224, 224)
    assert manifest.result is not None
    assert manifest.result.latency_ns["p90"] == 1
    assert manifest.accuracy is None


def test_unknown_values_are_none() -> None:
    unknown = {"fingerprint": None, "weights": None, "host": {"cpu_model": None, "sockets": None}}
    manifest = parse_manifest(merged(GOOD, unknown), "m")
    assert manifest.fingerprint is None
    assert manifest.weights is None
    assert manifest.host.cpu_model is None


def test_a_compliance_run_names_its_test() -> None:
    audited = merged(GOOD, {"mode": "compliance/TEST01"})
    jsonschema.Draft202012Validator(SCHEMA).validate(audited)
    assert parse_manifest(audited, "m").compliance_test == "TEST01"
    assert parse_manifest(GOOD, "m").compliance_test is None


def test_memory_is_read_where_the_harness_recorded_it() -> None:
    used = {"memory": {"rss_after_load_bytes": 130_000_000, "rss_peak_bytes": 152_000_000}}
    newer = merged(GOOD, used)
    jsonschema.Draft202012Validator(SCHEMA).validate(newer)
    memory = parse_manifest(newer, "m").memory
    assert memory is not None and memory.rss_peak_bytes == 152_000_000
    assert parse_manifest(merged(GOOD, {"memory": ...}), "m").memory is None


def test_keys_of_a_newer_harness_are_left_alone() -> None:
    newer = merged(
        GOOD, {"surprise": 1, "host": {"physical_cores": 2, "colour": "red"}, "counts": {"cpu_seconds": 1.5}}
    )
    manifest = parse_manifest(newer, "m")
    assert manifest.host.physical_cores == 2
    assert manifest.counts.cpu_seconds == 1.5
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(newer)


WRONG = [
    ({"schema": "mlperf-bake/manifest/9"}, "schema"),
    ({"run_id": "../../etc"}, "run_id"),
    ({"run_id": ".partial-x"}, "run_id"),
    ({"run_id": ...}, "run_id"),
    ({"status": "done"}, "status"),
    ({"cell": {"model": "a/b"}}, "cell.model"),
    ({"cell": []}, "cell"),
    ({"fingerprint": "sha256:xyz"}, "fingerprint"),
    ({"scenario": "offline"}, "scenario"),
    ({"mode": "compliance"}, "mode"),
    ({"mode": "compliance/TEST1"}, "mode"),
    ({"settings": {"workers": -1}}, "settings.workers"),
    ({"memory": {"rss_peak_bytes": 1}}, "memory.rss_after_load_bytes"),
    ({"settings": {"workers": True}}, "settings.workers"),
    ({"settings": {"workers": 2**64}}, "settings.workers"),
    ({"settings": {"target_qps": "fast"}}, "settings.target_qps"),
    ({"loadgen": {"qsl_rng_seed": None}}, "loadgen.qsl_rng_seed"),
    ({"dataset": {"synthetic": "no"}}, "dataset.synthetic"),
    ({"started_at": "yesterday"}, "started_at"),
    ({"started_at": "2026-11-22T09:15:00"}, "started_at"),
    ({"result": {"validity": "MAYBE"}}, "result.validity"),
    ({"demonstration": "yes"}, "demonstration"),
]


@pytest.mark.parametrize(("change", "key"), WRONG, ids=[key for _, key in WRONG])
def test_a_wrong_value_is_refused_by_its_key(change: dict[str, Any], key: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_manifest(merged(GOOD, change), "manifest.json")
    assert raised.value.problem.endswith(f": {key}")
    assert raised.value.where == "manifest.json"
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(merged(GOOD, change))


@pytest.mark.parametrize(
    "change", [{"correct": 21}, {"value": 0.5}, {"total": 0}], ids=["more than all", "another share", "none"]
)
def test_an_accuracy_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="accuracy"):
        parse_manifest(merged(ACCURACY, {"accuracy": change}), "m")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": [1, 2', "middle of a value"),
        ("", "middle of a value"),
        ("[" * 100_000, "not valid JSON"),
        ("1" * 5_000, "not valid JSON"),
        ('{"a": "\\ud800"}', "half a character"),
    ],
)
def test_json_that_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text, "f.json")
    assert problem in str(raised.value)


def test_a_manifest_in_another_encoding_or_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(json.dumps(GOOD).encode("utf-16"))
    with pytest.raises(UsageError, match="not valid JSON"):
        read_manifest(path)
    path.write_bytes(b" " * (5 * 2**20))
    with pytest.raises(UsageError, match="too long"):
        read_manifest(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_manifest(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(GOOD)), JSON)
def test_no_value_of_any_key_crashes_the_parser(key: str, value: object) -> None:
    try:
        parse_manifest({**GOOD, key: value}, "m")
    except BakeError as error:
        assert error.where == "m"


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_json_reader(data: bytes) -> None:
    try:
        parse(data, "f")
    except BakeError as error:
        assert error.where is not None
