"""matrix.yaml into a Matrix. Everything wrong in the file is shown at once, each with file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar, cast

from mlperf_bake.matrix.document import parse, read_text
from mlperf_bake.matrix.extending import extended, extends_shipped
from mlperf_bake.matrix.matrix import SECTIONS, Matrix
from mlperf_bake.matrix.node import Node
from mlperf_bake.matrix.problems import Problems
from mlperf_bake.matrix.references import check_references
from mlperf_bake.matrix.schema import check, load_schema
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.matrix.values import (
    AXES,
    Axis,
    Fetch,
    Framework,
    Hardware,
    Image,
    Implementation,
    Input,
    KnownAccuracy,
    Model,
    Network,
    OperatingSystem,
    Output,
    Reference,
    Repository,
    Rule,
    Tensor,
    Weights,
)

V = TypeVar("V")


def load_matrix(path: Path, name: str | None = None) -> Matrix:
    """The matrix that the file declares.

    Args:
        path: the file.
        name: what to call it in messages; its path where not given.

    Errors:
        UsageError: every problem of the file, with its place and the nearest valid name.
    """
    shown = name or str(path)
    return parse_matrix(read_text(path, shown), shown)


def parse_matrix(text: str, name: str) -> Matrix:
    """The matrix that ``text`` declares; ``name`` stands for it in messages. Errors as for load_matrix."""
    node, problems = parse(text, name)
    if extends_shipped(node):
        from mlperf_bake.shipped import MARK, shipped_root

        problems.raise_if_any()
        brought = f"{name} (shipped)"
        base, _ = parse(read_text(shipped_root() / MARK, brought), brought, brought)
        node = extended(node, base, {str(axis): section for axis, section in SECTIONS.items()})
    check(node, load_schema("matrix.schema.json"), problems)
    problems.raise_if_any()
    rules = _rules(node, problems)
    check_references(node, problems)
    problems.raise_if_any()
    data = cast(dict[str, Any], node.plain())
    return Matrix(
        name=name,
        round=data["round"],
        models=_section(data["models"], _model),
        implementations=_section(data["implementations"], _implementation),
        frameworks=_section(data["frameworks"], _framework),
        hardware=_section(data["hardware"], _hardware),
        os=_section(data["os"], _os),
        rules=rules,
        published=tuple(data.get("published", ())),
        origin=node,
    )


def _section(section: Mapping[str, Any], build: Callable[[str, dict[str, Any]], V]) -> dict[str, V]:
    return {name: build(name, fields) for name, fields in section.items()}


def _model(name: str, fields: dict[str, Any]) -> Model:
    weights = fields["weights"]
    return Model(
        name=name,
        **_only(
            fields,
            "title",
            "license",
            "source",
            "benchmark",
            "loadgen_model",
            "division",
            "task",
            "precision",
        ),
        weights=Weights(
            **_only(weights, "file"),
            **_given(weights, "url", "recipe", "md5", "sha256", "supply"),
            fetch=_fetch(weights["fetch"]) if "fetch" in weights else None,
        ),
        network=_network(fields) if "preprocessing" in fields else None,
        known_accuracy=KnownAccuracy(**fields["known_accuracy"]) if "known_accuracy" in fields else None,
        **_given(fields, "retraining", "weight_transformations", "round"),
        reference=Reference(**{"accuracy": "", **fields["reference"]}) if "reference" in fields else None,
    )


def _network(fields: dict[str, Any]) -> Network:
    inputs = fields["inputs"] if "inputs" in fields else [fields["input"]]
    return Network(
        inputs=tuple(_input(one) for one in inputs),
        output=Output(**fields["output"]) if "output" in fields else None,
        **_only(fields, "preprocessing", "sample_data"),
        tensors=tuple(Tensor(**one) for one in fields.get("outputs", ())),
        **_given(fields, "classes"),
        task_options=tuple(sorted(fields.get("task_options", {}).items())),
    )


def _input(fields: dict[str, str]) -> Input:
    shape = tuple(int(extent) for extent in fields["shape"].split("x"))
    return Input(**{**fields, "shape": shape})  # type: ignore[arg-type]


def _implementation(name: str, fields: dict[str, Any]) -> Implementation:
    return Implementation(
        name=name,
        **_only(fields, "title", "template"),
        source=_repository(fields["source"]) if "source" in fields else None,
    )


def _repository(fields: dict[str, str]) -> Repository:
    return Repository(fields["git"], fields.get("commit") or fields["revision"])


def _framework(name: str, fields: dict[str, Any]) -> Framework:
    """The framework; on hardware where it differs, the keys given there take the place of its own."""
    own = _one_framework(name, fields)
    variants = {
        hardware: _one_framework(name, {**fields, **different})
        for hardware, different in fields.get("hardware", {}).items()
    }
    return own._replace(variants=variants) if variants else own


def _one_framework(name: str, fields: dict[str, Any]) -> Framework:
    return Framework(
        name=name,
        **_only(fields, "title", "license", "backend", "template"),
        **_given(fields, "library", "soname", "conversion", "weights_suffix", "python"),
        package=_fetch(fields["package"]) if "package" in fields else None,
        headers=_fetch(fields["headers"]) if "headers" in fields else None,
        cmake=tuple(sorted(fields.get("cmake", {}).items())),
        backend_options=tuple(sorted(fields.get("backend_options", {}).items())),
        plugins=tuple(fields.get("plugins", ())),
        bases=_images(fields.get("bases", {})),
    )


def _hardware(name: str, fields: dict[str, Any]) -> Hardware:
    return Hardware(
        name=name,
        **_only(fields, "title", "platform", "template", "triplet"),
        **_given(fields, "accelerator"),
        bases=_images(fields.get("bases", {})),
        devices=tuple(fields.get("devices", ())),
    )


def _os(name: str, fields: dict[str, Any]) -> OperatingSystem:
    return OperatingSystem(
        name=name,
        **_only(fields, "title", "image", "tag", "family", "suite", "python"),
        **_given(fields, "tools"),
    )


def _images(fields: dict[str, dict[str, str]]) -> dict[str, Image]:
    return {os: Image(**image) for os, image in fields.items()}


def _only(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields[name] for name in names}


def _given(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: fields.get(name) for name in names}


def _fetch(fields: dict[str, Any]) -> Fetch:
    registry = "pypi" if "pypi" in fields else "debian"
    return Fetch(
        registry=cast(Any, registry),
        name=fields[registry],
        version=fields["version"],
        suite=fields.get("suite"),
        python=fields.get("python"),
        platform_tag=fields.get("platform_tag"),
    )


def _rules(root: Node, problems: Problems) -> tuple[Rule, ...]:
    """The rules under every value's ``needs``, their names checked against the axes."""
    assert root.mapping is not None
    known = {axis: tuple(cast(dict[str, Node], root.mapping[SECTIONS[axis]].mapping)) for axis in AXES}
    rules: list[Rule] = []
    for axis in AXES:
        for name, value in cast(dict[str, Node], root.mapping[SECTIONS[axis]].mapping).items():
            needs = cast(dict[str, Node], value.mapping).get("needs")
            for entry in (needs.items if needs is not None else None) or ():
                rules.extend(_rule(axis, name, entry, known, problems))
    return tuple(rules)


def _rule(
    axis: Axis, name: str, entry: Node, known: Mapping[Axis, tuple[str, ...]], problems: Problems
) -> list[Rule]:
    fields = cast(dict[str, Node], entry.mapping)
    others = [other for other in AXES if other in fields]
    if not others:
        problems.add(entry.spot, f'a rule of "{name}" names no axis; expected one of {", ".join(AXES)}')
    found: list[Rule] = []
    for other in others:
        allowed: set[str] = set()
        for node in fields[other].items or ():
            fitting = _fitting(str(node.scalar), known[other])
            if not fitting:
                suggestion = did_you_mean(str(node.scalar), known[other])
                problems.add(node.spot, f'unknown {other} "{node.scalar}"{suggestion}')
            allowed.update(fitting)
        if other == axis:
            problems.add(
                entry.key_spots[other], f'"{name}" is itself a {axis}; a rule names the values of other axes'
            )
        written = tuple(str(node.scalar) for node in fields[other].items or ())
        found.append(Rule(axis, name, other, frozenset(allowed), str(fields["because"].scalar), written))
    return found


def _fitting(word: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names that a word of a rule stands for: itself, or those that fit it where it holds ``*``."""
    if "*" in word:
        return tuple(name for name in names if fnmatchcase(name, word))
    return (word,) if word in names else ()
