"""matrix.yaml into a Matrix. Everything wrong in the file is shown at once, each with file, line and column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from mlperf_bake.matrix.document import Node, Problems, parse, read_text
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.schema import check, load_schema
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.matrix.values import (
    AXES,
    Axis,
    Fetch,
    Framework,
    Hardware,
    Implementation,
    Input,
    KnownAccuracy,
    Model,
    OperatingSystem,
    Output,
    Rule,
    Weights,
)

SECTIONS: dict[Axis, str] = {
    "model": "models",
    "implementation": "implementations",
    "framework": "frameworks",
    "hardware": "hardware",
    "os": "os",
}

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
    check(node, load_schema("matrix.schema.json"), problems)
    problems.raise_if_any()
    rules = _rules(node, problems)
    _check_round(node, problems)
    _check_weights(node, problems)
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
            file=weights["file"],
            url=weights.get("url"),
            recipe=weights.get("recipe"),
            fetch=_fetch(weights["fetch"]) if "fetch" in weights else None,
            md5=weights.get("md5"),
            sha256=weights.get("sha256"),
        ),
        input=Input(
            name=fields["input"]["name"],
            shape=tuple(int(extent) for extent in fields["input"]["shape"].split("x")),
            dtype=fields["input"]["dtype"],
        ),
        output=Output(**fields["output"]),
        **_only(fields, "preprocessing", "sample_data"),
        known_accuracy=KnownAccuracy(**fields["known_accuracy"]) if "known_accuracy" in fields else None,
        retraining=fields.get("retraining"),
        weight_transformations=fields.get("weight_transformations"),
    )


def _implementation(name: str, fields: dict[str, Any]) -> Implementation:
    return Implementation(name=name, **_only(fields, "title", "template"))


def _framework(name: str, fields: dict[str, Any]) -> Framework:
    return Framework(
        name=name,
        **_only(fields, "title", "license", "backend", "template"),
        **_given(fields, "library", "soname", "conversion", "weights_suffix", "python"),
        package=_fetch(fields["package"]) if "package" in fields else None,
        headers=_fetch(fields["headers"]) if "headers" in fields else None,
        cmake=tuple(sorted(fields.get("cmake", {}).items())),
        backend_options=tuple(sorted(fields.get("backend_options", {}).items())),
    )


def _hardware(name: str, fields: dict[str, Any]) -> Hardware:
    return Hardware(name=name, **_only(fields, "title", "platform", "template", "triplet"))


def _os(name: str, fields: dict[str, Any]) -> OperatingSystem:
    return OperatingSystem(name=name, **_only(fields, "title", "image", "tag", "family", "suite", "python"))


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
        for node in fields[other].items or ():
            if node.scalar not in known[other]:
                suggestion = did_you_mean(str(node.scalar), known[other])
                problems.add(node.spot, f'unknown {other} "{node.scalar}"{suggestion}')
        if other == axis:
            problems.add(
                entry.key_spots[other], f'"{name}" is itself a {axis}; a rule names the values of other axes'
            )
        allowed = frozenset(str(node.scalar) for node in fields[other].items or ())
        found.append(Rule(axis, name, other, allowed, str(fields["because"].scalar)))
    return found


def _check_round(root: Node, problems: Problems) -> None:
    """There is such a round; whether it has a model's benchmark shows when a cell of it is rendered."""
    from mlperf_bake.rounds import round_names

    assert root.mapping is not None
    node, known = root.mapping["round"], round_names()
    if node.scalar not in known:
        suggestion = did_you_mean(str(node.scalar), known)
        problems.add(node.spot, f'unknown round "{node.scalar}"{suggestion}; expected {", ".join(known)}')


def _check_weights(root: Node, problems: Problems) -> None:
    """Weights come from an address or from a recipe, and a package from one registry."""
    assert root.mapping is not None
    for model in cast(dict[str, Node], root.mapping["models"].mapping).values():
        weights = cast(dict[str, Node], model.mapping)["weights"]
        keys = set(cast(dict[str, Node], weights.mapping)) - {"file"}
        if keys not in ({"url"}, {"url", "md5"}, {"recipe", "fetch"}, {"sha256"}):
            problems.add(
                weights.spot,
                'weights need "file" and either "url", or "recipe" and "fetch", or "sha256" where whoever builds gives the file',
            )
        if "fetch" in keys:
            _check_registry(cast(dict[str, Node], weights.mapping)["fetch"], problems)
    for framework in cast(dict[str, Node], root.mapping["frameworks"].mapping).values():
        fields = cast(dict[str, Node], framework.mapping)
        for key in ("package", "headers"):
            if key in fields:
                _check_registry(fields[key], problems)
                _check_binary(fields[key], problems)
        if ("conversion" in fields) != ("weights_suffix" in fields):
            problems.add(framework.spot, '"conversion" and "weights_suffix" belong together')


def _check_registry(fetch: Node, problems: Problems) -> None:
    if len({"pypi", "debian"} & set(cast(dict[str, Node], fetch.mapping))) != 1:
        problems.add(fetch.spot, 'a package needs exactly one of "pypi" and "debian"')


def _check_binary(fetch: Node, problems: Problems) -> None:
    """What holds compiled code exists in several builds; the matrix must say which."""
    keys = set(cast(dict[str, Node], fetch.mapping))
    for registry, needed in (("pypi", ("python", "platform_tag")), ("debian", ("suite",))):
        if registry in keys and not keys.issuperset(needed):
            problems.add(fetch.spot, f'a package of "{registry}" needs {" and ".join(needed)} here')
