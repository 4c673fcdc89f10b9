"""Holds a positioned YAML tree against a JSON Schema, so that editors and this program follow one and the same text.

The subset in use (VOCABULARY): objects with properties, additionalProperties, propertyNames and required; arrays with
items and minItems; enum, pattern, minimum and maximum; local ``$ref``. Every breach is noted with its place, the
nearest valid name where one was misspelt, and the key's own description.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from mlperf_bake.matrix.node import Node
from mlperf_bake.matrix.problems import Problems
from mlperf_bake.matrix.suggestions import did_you_mean

Schema = Mapping[str, Any]
VOCABULARY = frozenset(
    {
        *(
            "$schema",
            "$defs",
            "$ref",
            "title",
            "description",
            "type",
            "enum",
            "pattern",
            "minimum",
            "maximum",
        ),
        *("items", "minItems"),
        *("properties", "additionalProperties", "propertyNames", "required", "minProperties"),
    }
)


@cache
def load_schema(name: str, package: str = "mlperf_bake.matrix") -> Schema:
    """The schema file ``name`` of a package."""
    # Not by importlib.resources: importing that takes as long as reading the matrix.
    text = Path(import_module(package).__path__[0], name).read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # In JSON Schema "$" is the very end; Python's would let a line's end through, and with it a Dockerfile line.
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


def fits(pattern: str, text: str) -> bool:
    """Whether ``text`` fits a pattern of a schema."""
    return _compiled(pattern).search(text) is not None


def check(node: Node, schema: Schema, problems: Problems) -> None:
    """Notes every place where ``node`` departs from ``schema``."""
    _check(node, schema, schema, problems, "the file")


def _check(node: Node, schema: Schema, root: Schema, problems: Problems, name: str) -> None:
    if node.broken:
        return
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    expected = schema.get("type")
    if expected and node.kind != expected and not (expected == "number" and node.kind == "integer"):
        problems.add(
            node.spot, f"{name} must be {_words(expected)}, found {_shown(node, expected)}{_hint(schema)}"
        )
        return
    if "enum" in schema and node.scalar not in schema["enum"]:
        choices = [str(choice) for choice in schema["enum"]]
        suggestion = did_you_mean(str(node.scalar), choices)
        problems.add(
            node.spot,
            f'{name}: unknown value "{_shorten(str(node.scalar))}"{suggestion}; expected {", ".join(choices)}',
        )
    if "pattern" in schema and isinstance(node.scalar, str) and not fits(schema["pattern"], node.scalar):
        problems.add(node.spot, f'{name}: "{_shorten(node.scalar)}" does not fit{_hint(schema)}')
    if isinstance(node.scalar, int | float):
        least, most = schema.get("minimum", node.scalar), schema.get("maximum", node.scalar)
        if not least <= node.scalar <= most:
            problems.add(
                node.spot,
                f"{name} must be a number from {least} to {most}, found {node.written}{_hint(schema)}",
            )
    if node.items is not None:
        if len(node.items) < schema.get("minItems", 0):
            problems.add(node.spot, f"{name} must not be empty{_hint(schema)}")
        for item in node.items:
            _check(item, schema.get("items", {}), root, problems, f"an entry of {name}")
    if node.mapping is not None:
        _check_object(node, schema, root, problems, name)


def _check_object(node: Node, schema: Schema, root: Schema, problems: Problems, name: str) -> None:
    assert node.mapping is not None
    known: Mapping[str, Schema] = schema.get("properties", {})
    extra = schema.get("additionalProperties", True)
    names = schema.get("propertyNames", {}).get("pattern")
    if len(node.mapping) < schema.get("minProperties", 0):
        problems.add(node.spot, f"{name} must not be empty{_hint(schema)}")
    for key, value in node.mapping.items():
        if key in known:
            _check(value, known[key], root, problems, f'"{key}"')
        elif extra is False:
            suggestion = did_you_mean(key, known)
            problems.add(
                node.key_spots[key],
                f'unknown key "{_shorten(key)}" in {name}{suggestion}; expected {", ".join(sorted(known))}',
            )
        else:
            if names and not fits(names, key):
                problems.add(
                    node.key_spots[key],
                    f'"{_shorten(key)}" is not a valid name{_hint(schema["propertyNames"])}',
                )
            if isinstance(extra, Mapping):
                _check(value, extra, root, problems, f'"{key}"')
    for key in schema.get("required", ()):
        if key not in node.mapping:
            problems.add(node.spot, f'{name} lacks the key "{key}"{_hint(known.get(key, {}))}')


def _hint(schema: Schema) -> str:
    return f" ({schema['description']})" if "description" in schema else ""


_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def _words(kind: str) -> str:
    return _WORDS[kind]


def _shown(node: Node, expected: str) -> str:
    if node.kind == "null":
        return "nothing"
    if node.mapping is not None or node.items is not None:
        return _words(node.kind)
    written = _shorten(node.written)
    if expected == "string":  # a name or version that YAML takes for something else
        return f'{written}, which YAML takes for {_words(node.kind)}; put it in quotes: "{written}"'
    return f'{_words(node.kind)} "{written}"'


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
