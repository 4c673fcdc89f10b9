"""loading.py and the schema: what matrix.yaml may say, agreed with the JSON Schema that editors read."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.document import parse
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.schema import VOCABULARY, check, fits, load_schema
from tests.support.second_matrix import CHECKOUT, TEXT

REAL = (CHECKOUT / "matrix.yaml").read_text(encoding="utf-8")
SCHEMAS = {"matrix.schema.json": "mlperf_bake.matrix", "lock.schema.json": "mlperf_bake.lock"}


def said(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_matrix(text, "matrix.yaml")
    assert caught.value.remedy
    return caught.value.problem


def edited(old: str, new: str, text: str = REAL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_the_matrix_of_this_checkout_loads() -> None:
    matrix = parse_matrix(REAL, "matrix.yaml")
    assert matrix.names("model")[0] == "efficientnet-lite0"
    assert matrix.models["resnet50"].input.shape == (3, 224, 224)
    assert matrix.place("models", "resnet50", "benchmark") == f"matrix.yaml:{_line(REAL, 'benchmark', 2)}:5"


def _line(text: str, word: str, nth: int) -> int:
    """The line of the nth line that begins with the word."""
    found = [number for number, line in enumerate(text.splitlines(), 1) if line.strip().startswith(word)]
    return found[nth - 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file must be a mapping, found nothing"),
        ("- a\n", "the file must be a mapping, found a list"),
        (edited("round: v6.1", "roudn: v6.1"), 'unknown key "roudn" in the file (did you mean "round"?)'),
        (edited("round: v6.1", "roudn: v6.1"), 'the file lacks the key "round"'),
        (edited("round: v6.1", "round: v6.2"), 'unknown round "v6.2" (did you mean "v6.1"?); expected v6.1, v6.0'),
        (edited("round: v6.1", "round: 6.1"), 'found 6.1, which YAML takes for a number; put it in quotes: "6.1"'),
        (edited('python: "3.11"', "python: 3.10"), 'found 3.10, which YAML takes for a number; put it in quotes: "3.10"'),
        (edited("precision: fp32", "precision: fp23"), 'unknown value "fp23" (did you mean "fp32"?); expected fp32, fp16'),
        (edited("hardware: [cpu, arm, cuda, l4t, rocm]", "hardware: [cpu, amr]"), 'unknown hardware "amr" (did you mean "arm"?)'),
        (edited("hardware: [cpu, arm, cuda, l4t, rocm]", "hardware: []"), '"hardware" must not be empty'),
        (edited("hardware: [cpu, arm, cuda, l4t, rocm]", "framework: [onnxruntime]"), '"onnxruntime" is itself a framework'),
        (edited("- hardware: [cpu, arm, cuda, l4t, rocm]\n        because", "- because"), '"onnxruntime" names no axis'),
        (edited("classes: 1000", "classes: 0"), '"classes" must be a number from 1 to 1000000, found 0'),
        (edited("classes: 1000", "classes: many"), '"classes" must be a whole number, found text "many"'),
        (edited("classes: 1000", "classes: 1000.5"), '"classes" must be a whole number, found a number "1000.5"'),
        (edited("shape: 3x224x224", "shape: 3*224"), '"shape": "3*224" does not fit (of one sample, such as 3x224x224'),
        (edited("shape: 3x224x224", "shape: 224"), '"shape" must be text, found 224'),
        (edited("  resnet50:", "  ResNet50:"), '"ResNet50" is not a valid name'),
        (edited("  resnet50:", f"  {'x' * 41}:"), "is not a valid name"),
        (edited("  resnet50:", "  efficientnet-lite0:"), 'duplicate key "efficientnet-lite0"'),
        (edited("recipe: efficientnet_lite\n", "url: https://a.org/x\n"), 'weights need "file" and either "url", or "recipe"'),
        (edited("pypi: onnxruntime, ", ""), 'a package needs exactly one of "pypi" and "debian"'),
        (edited(", suite: trixie", ""), 'a package of "debian" needs suite here'),
        (edited(', python: "312"', ""), 'a package of "pypi" needs python and platform_tag here'),
        (edited("onnxruntime/capi/lib", "../capi/lib"), "does not fit (a relative path without ..)"),
        (edited("https://zenodo", "http://zenodo"), "does not fit (an https address)"),
        (REAL[: REAL.index("models:")] + "models: {}\n" + REAL[REAL.index("implementations:") :], '"models" must not be empty'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_found_and_expected(text: str, expected: str) -> None:
    assert expected in said(text)


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    text = edited("precision: fp32", "precision: fp23")
    text = edited("suite: bookworm", "siute: bookworm", text)
    text = edited("license: MIT\n", "license: [MIT]\n", text)
    places = [int(line) for line in re.findall(r"^matrix.yaml:(\d+):", said(text), re.MULTILINE)]
    assert len(places) == 4  # the misspelt key is unknown, and the right one missing
    assert places == sorted(places)


@pytest.mark.parametrize("end", ["\n", "\r", "\x00", "\x85", "\u2028", "\u202e", "\x1b"])
@pytest.mark.parametrize(
    "name", ["license", "line", "word", "path", "image-name", "image-tag", "command", "command-words"]
)
def test_no_value_can_end_a_line_or_command_a_terminal(name: str, end: str) -> None:
    pattern = load_schema("matrix.schema.json")["$defs"][name]["pattern"]
    assert fits(pattern, "abc")
    assert not fits(pattern, f"abc{end}")
    assert not fits(pattern, f"abc{end}RUN evil")


@pytest.mark.parametrize("character", list("\"'`$\\;&|<>(){}*!#\n \t"))
def test_what_stands_in_shell_commands_means_nothing_to_a_shell(character: str) -> None:
    schema = load_schema("matrix.schema.json")
    for name in ("word", "path", "image-name", "image-tag"):
        assert not fits(schema["$defs"][name]["pattern"], f"a{character}b")
    for character_in_quotes in set(character) & set('"`$\\'):
        assert not fits(schema["$defs"]["license"]["pattern"], f"a{character_in_quotes}b")


@pytest.mark.parametrize("character", list("\"'`$\\;<>()!#*\n\t"))
def test_a_command_that_a_message_shows_stays_within_its_single_quotes(character: str) -> None:
    pattern = load_schema("matrix.schema.json")["$defs"]["command"]["pattern"]
    assert fits(pattern, "curl -L https://example.org/x.tgz | tar -xz ./x")
    assert not fits(pattern, f"curl{character}x")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_valid_and_use_only_what_this_program_checks(name: str) -> None:
    schema = load_schema(name, SCHEMAS[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {key for part in _parts(schema) for key in part} <= VOCABULARY
    refs = {part["$ref"].rpartition("/")[2] for part in _parts(schema) if "$ref" in part}
    assert refs == set(schema["$defs"])


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every schema within a schema."""
    yield schema
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), Mapping):
            yield from _parts(schema[key])
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from _parts(inner)


def test_every_key_of_the_matrix_is_described() -> None:
    schema = load_schema("matrix.schema.json")
    for part in _parts(schema):
        for key, inner in part.get("properties", {}).items():
            target = schema["$defs"][inner["$ref"].rpartition("/")[2]] if "$ref" in inner else inner
            assert "description" in target or target.get("type") == "object", key


def _pattern(
    validator: Any, pattern: str, instance: object, schema: object
) -> Iterator[jsonschema.ValidationError]:
    # As JSON Schema has it: "$" is the end of the text. jsonschema's own uses Python's, which lets a line's end through.
    if isinstance(instance, str) and not fits(pattern, instance):
        yield jsonschema.ValidationError("pattern")


Reference = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)

SCHEMA = json.loads(
    resources.files("mlperf_bake.matrix").joinpath("matrix.schema.json").read_text(encoding="utf-8")
)
DOCUMENTS = tuple(yaml.safe_load(text) for text in (REAL, TEXT))
ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 7, 2.5, 10**9, "", "x", "x\n", "a b", "3x4", "v6.1", "closed", "fp32", "../x", "1.0"),
        *([], ["cpu"], [1], {}, {"because": "x"}, {"pypi": "x", "version": "1.0"}),
    ]
)  # fmt: skip


@given(st.sampled_from(DOCUMENTS), st.data())
def test_editors_and_this_program_accept_and_refuse_the_same(document: object, data: st.DataObject) -> None:
    changed = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(0, 2))):
        _mutate(changed, data)
    node, problems = parse(json.dumps(changed), "m.yaml")
    check(node, SCHEMA, problems)
    assert bool(problems) == (not Reference(SCHEMA).is_valid(changed))


def _mutate(document: Any, data: st.DataObject) -> None:
    """Replaces, removes or adds one value somewhere."""
    here = document
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = here[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 3)) == 0:
            break
        here = inner
    match data.draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            here[key] = copy.deepcopy(data.draw(ODD))
        case "remove":
            del here[key]
        case "add" if isinstance(here, dict):
            here[data.draw(st.sampled_from(["extra", "Bad Name", "needs", "x" * 41]))] = copy.deepcopy(
                data.draw(ODD)
            )


def test_a_framework_needs_a_suffix_for_what_its_conversion_makes() -> None:
    entry = "    template: onnxruntime\n"
    assert TEXT.count(entry) >= 1
    for extra in ("    conversion: tflite\n", "    weights_suffix: .tflite\n"):
        with pytest.raises(UsageError, match='"conversion" and "weights_suffix" belong together'):
            parse_matrix(TEXT.replace(entry, entry + extra, 1), "matrix.yaml")
    whole = TEXT.replace(entry, entry + "    conversion: tflite\n    weights_suffix: .q.tflite\n", 1)
    framework = next(f for f in parse_matrix(whole, "matrix.yaml").frameworks.values() if f.conversion)
    assert framework.weights_file("net.v1.onnx") == "net.v1.q.tflite"


def test_weights_that_whoever_builds_gives_need_their_checksum_alone() -> None:
    fetched = "{file: mobilenet.onnx, url: https://example.org/mobilenet.onnx}"
    assert TEXT.count(fetched) == 1
    given = TEXT.replace(fetched, f"{{file: mobilenet.onnx, sha256: {'0a' * 32}}}")
    weights = parse_matrix(given, "matrix.yaml").models["mobilenet"].weights
    assert (weights.kind, weights.sha256) == ("given", "0a" * 32)
    with pytest.raises(UsageError, match='"sha256" where whoever builds gives the file'):
        parse_matrix(TEXT.replace(fetched, "{file: mobilenet.onnx}"), "matrix.yaml")
