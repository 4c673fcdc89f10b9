"""What a schema cannot say of matrix.yaml: which keys belong together, and that every name names something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from mlperf_bake.matrix.node import Node
from mlperf_bake.matrix.problems import Problems
from mlperf_bake.matrix.suggestions import did_you_mean

NETWORK = (("input", "inputs"), ("output", "outputs"), ("preprocessing",), ("sample_data",))
"""What the compiled harness must know of a model, one of each; all four or none."""
WEIGHTS = (
    {"url"},
    {"url", "md5"},
    {"url", "sha256"},
    {"recipe", "fetch"},
    {"sha256"},
    {"supply"},
    {"supply", "md5"},
    {"supply", "sha256"},
)


def check_references(root: Node, problems: Problems) -> None:
    """Notes every name that names nothing, and every key that lacks another."""
    _check_rounds(root, problems)
    _check_models(root, problems)
    _check_sources(root, problems)
    _check_frameworks(root, problems)
    _check_images(root, problems)


def _values(root: Node, section: str) -> dict[str, Node]:
    return _fields(_fields(root)[section])


def _fields(node: Node) -> dict[str, Node]:
    return cast(dict[str, Node], node.mapping)


def _check_rounds(root: Node, problems: Problems) -> None:
    """There are such rounds; whether one has a model's benchmark shows when a cell of it is rendered."""
    from mlperf_bake.rounds import round_names

    known = round_names()
    named = [
        _fields(root)["round"],
        *(_fields(m)["round"] for m in _values(root, "models").values() if "round" in _fields(m)),
    ]
    for node in named:
        if node.scalar not in known:
            suggestion = did_you_mean(str(node.scalar), known)
            problems.add(node.spot, f'unknown round "{node.scalar}"{suggestion}; expected {", ".join(known)}')


def _check_models(root: Node, problems: Problems) -> None:
    """Weights come from one place; the harness knows all of a network or nothing."""
    for name, model in _values(root, "models").items():
        fields = _fields(model)
        weights = fields["weights"]
        keys = set(_fields(weights)) - {"file"}
        if keys not in WEIGHTS:
            problems.add(
                weights.spot,
                'weights need "file" and either "url", or "recipe" and "fetch", or "sha256" where whoever builds gives the file,'
                ' or "supply", the command that gets it',
            )
        if "fetch" in keys:
            _check_registry(_fields(weights)["fetch"], problems)
        for one, several in (keys for keys in NETWORK if len(keys) == 2):
            if one in fields and several in fields:
                problems.add(model.key_spots[several], f'"{name}" has "{one}" already; give one of the two')
        if "classes" in fields and "outputs" not in fields:
            problems.add(model.key_spots["classes"], f'"classes" of "{name}" stands under "output"')
        missing = [keys[0] for keys in NETWORK if not any(key in fields for key in keys)]
        if missing and (len(missing) < len(NETWORK) or "reference" not in fields):
            problems.add(
                model.spot,
                f'"{name}" lacks {", ".join(missing)}; only a model that its "reference" alone runs does without',
            )


def _check_sources(root: Node, problems: Problems) -> None:
    """A repository is taken at a commit or at a revision, not both."""
    for implementation in _values(root, "implementations").values():
        source = _fields(implementation).get("source")
        if source is not None and ("commit" in _fields(source)) == ("revision" in _fields(source)):
            problems.add(source.spot, 'a source needs either "commit" or "revision", a tag or a branch')


def _check_frameworks(root: Node, problems: Problems) -> None:
    hardware = tuple(_values(root, "hardware"))
    for framework in _values(root, "frameworks").values():
        fields = _fields(framework)
        _check_framework(framework, fields, problems)
        if "hardware" in fields:
            _check_names(fields["hardware"], "hardware", hardware, problems)
            for different in _fields(fields["hardware"]).values():
                _check_framework(different, _fields(different), problems)


def _check_framework(framework: Node, fields: dict[str, Node], problems: Problems) -> None:
    for key in ("package", "headers"):
        if key in fields:
            _check_registry(fields[key], problems)
            _check_binary(fields[key], problems)
    if ("conversion" in fields) != ("weights_suffix" in fields):
        problems.add(framework.spot, '"conversion" and "weights_suffix" belong together')


def _check_images(root: Node, problems: Problems) -> None:
    """Images are given for operating systems that there are, and tools come from one that has its own."""
    systems = _values(root, "os")
    for bases in _all_bases(root):
        _check_names(bases, "os", tuple(systems), problems)
    for name, value in systems.items():
        fields = _fields(value)
        tools = fields.get("tools")
        if tools is not None:
            _check_name(str(tools.scalar), tools, "os", tuple(systems), problems)
            if tools.scalar in systems and "tools" in _fields(systems[str(tools.scalar)]):
                problems.add(
                    tools.spot, f'"{tools.scalar}" takes its own tools from elsewhere; name that one'
                )
        elif fields["family"].scalar != "debian":
            problems.add(
                fields["family"].spot,
                f'"{name}" needs "tools", an OS of the family debian: its builds fetch and unpack there',
            )


def _all_bases(root: Node) -> Iterator[Node]:
    for section in ("hardware", "frameworks"):
        for value in _values(root, section).values():
            fields = _fields(value)
            if "bases" in fields:
                yield fields["bases"]
            for different in _fields(fields["hardware"]).values() if "hardware" in fields else ():
                if "bases" in _fields(different):
                    yield _fields(different)["bases"]


def _check_names(node: Node, axis: str, known: tuple[str, ...], problems: Problems) -> None:
    for name in _fields(node):
        _check_name(name, Node(node.key_spots[name]), axis, known, problems)


def _check_name(name: str, node: Node, axis: str, known: tuple[str, ...], problems: Problems) -> None:
    if name not in known:
        problems.add(node.spot, f'unknown {axis} "{name}"{did_you_mean(name, known)}')


def _check_registry(fetch: Node, problems: Problems) -> None:
    if len({"pypi", "debian"} & set(_fields(fetch))) != 1:
        problems.add(fetch.spot, 'a package needs exactly one of "pypi" and "debian"')


def _check_binary(fetch: Node, problems: Problems) -> None:
    """What holds compiled code exists in several builds; the matrix must say which."""
    keys = set(_fields(fetch))
    for registry, needed in (("pypi", ("python", "platform_tag")), ("debian", ("suite",))):
        if registry in keys and not keys.issuperset(needed):
            problems.add(fetch.spot, f'a package of "{registry}" needs {" and ".join(needed)} here')
