"""YAML with positions: every value knows its file, line and column, so that an error can point at it.

In: the text of a YAML file. Out: a tree of frozen nodes. Only plain data is admitted: mappings with text keys, lists,
strings, integers, floats, booleans and null; anchors, aliases and ``<<`` merges work; tags do not.
Source of the grammar: YAML 1.1 as PyYAML (libyaml) parses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from mlperf_bake.errors import UsageError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 4_000_000
"""A matrix of 10,000 cells takes under 100 kB; a larger file is a mistake."""
MAX_DEPTH = 24
MAX_PROBLEMS = 50

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """One value with its place. Exactly one of ``mapping``, ``items`` is set, or neither for a scalar."""

    spot: Spot
    scalar: Scalar = None
    mapping: dict[str, Node] | None = None
    items: tuple[Node, ...] | None = None
    key_spots: dict[str, Spot] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The JSON Schema name of the value's type."""
        if self.mapping is not None:
            return "object"
        if self.items is not None:
            return "array"
        if self.scalar is None:
            return "null"
        if isinstance(self.scalar, bool):
            return "boolean"
        if isinstance(self.scalar, int):
            return "integer"
        return "number" if isinstance(self.scalar, float) else "string"

    def plain(self) -> object:
        """The value as ordinary Python data."""
        if self.mapping is not None:
            return {key: node.plain() for key, node in self.mapping.items()}
        if self.items is not None:
            return [node.plain() for node in self.items]
        return self.scalar


class Problems:
    """Collects what is wrong in one file, so that all of it is shown at once."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()
        self._found: list[tuple[Spot, str]] = []

    def add(self, spot: Spot, sentence: str) -> None:
        """Notes one problem; ``sentence`` says what was found and what was expected."""
        self._found.append((spot, sentence))

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_if_any(self) -> None:
        """Raises UsageError with every problem, in the order of the file, each with its line shown."""
        if not self._found:
            return
        found = sorted(set(self._found), key=lambda problem: (problem[0].line, problem[0].column, problem[1]))
        shown = [self._excerpt(spot, sentence) for spot, sentence in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            shown.append(f"... and {len(found) - MAX_PROBLEMS} more")
        raise UsageError("\n".join(shown), remedy=f"correct {self.name} and run the same command again")

    def _excerpt(self, spot: Spot, sentence: str) -> str:
        head = f"{self.name}:{spot.line}:{spot.column}: {sentence}"
        if not 1 <= spot.line <= len(self._lines):
            return head
        line = self._lines[spot.line - 1]
        start = max(0, spot.column - 60)
        shown = line[start : start + 100]
        return f"{head}\n    {spot.line} | {shown}\n    {' ' * len(str(spot.line))} | {' ' * (spot.column - 1 - start)}^"


def read_text(path: Path, name: str | None = None) -> str:
    """The file's text.

    Errors:
        UsageError: it is missing, unreadable, not UTF-8 or larger than MAX_BYTES.
    """
    shown = name or str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(
                "the file is too large",
                where=shown,
                found=f"{size:,} bytes",
                expected=f"at most {MAX_BYTES:,} bytes",
                remedy="give the matrix itself, not data generated from it",
            )
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise UsageError(
            "the file does not exist",
            where=shown,
            expected="a readable file",
            remedy="run the command in the checkout, or name the file with --matrix",
        ) from None
    except IsADirectoryError:
        raise UsageError("this is a directory", where=shown, expected="a YAML file") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            "the file is not UTF-8",
            where=shown,
            found=f"byte {error.start}: {error.reason}",
            remedy="save it as UTF-8",
        ) from None
    except OSError as error:
        raise UsageError("the file cannot be read", where=shown, found=error.strerror or str(error)) from None


def parse(text: str, name: str) -> tuple[Node, Problems]:
    """The tree of one YAML document and the list that further problems go to.

    Duplicate keys, tags, unknown anchors and non-text keys are noted as problems; the tree is complete all the same.

    Errors:
        UsageError: the text is not YAML at all, or nested deeper than MAX_DEPTH.
    """
    problems = Problems(name, text)
    try:
        node = _Builder(text, problems).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        spot = Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)
        cause = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        problems.add(spot, f"this is not YAML: {cause}")
        problems.raise_if_any()
        raise AssertionError("unreachable") from error
    return node, problems


class _Builder:
    """Turns libyaml's events into nodes, one after the other, so that no input can exhaust the stack."""

    def __init__(self, text: str, problems: Problems) -> None:
        self._loader = _Loader(text)
        self._problems = problems
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node:
        try:
            self._next()  # stream start
            if isinstance(self._next(), yaml.StreamEndEvent):
                return Node(Spot(1, 1))
            node = self._node(self._next(), 0)
            self._next()  # document end
            extra = self._next()
            if not isinstance(extra, yaml.StreamEndEvent):
                self._problems.add(_spot(extra), "a second document begins here; only one is expected")
            return node
        finally:
            self._loader.dispose()

    def _next(self) -> Any:
        return self._loader.get_event()

    def _node(self, event: Any, depth: int) -> Node:
        spot = _spot(event)
        if depth > MAX_DEPTH:
            self._problems.add(spot, f"nested deeper than {MAX_DEPTH} levels")
            self._problems.raise_if_any()
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor)
            if known is None:
                self._problems.add(
                    spot, f'unknown anchor "*{event.anchor}": no "&{event.anchor}" stands above it'
                )
                return Node(spot)
            return known
        if isinstance(event, yaml.ScalarEvent):
            node = Node(spot, scalar=self._scalar(event, spot))
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            node = Node(spot, items=tuple(items))
        else:
            node = self._mapping(spot, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any, spot: Spot) -> Scalar:
        if event.tag is not None:
            self._problems.add(spot, f'the tag "{event.tag}" is not allowed; write plain data')
            return str(event.value)
        if not event.implicit[0]:
            return str(event.value)
        tag: str = cast(Any, self._loader).resolve(yaml.ScalarNode, event.value, event.implicit)
        node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        kind = tag.rpartition(":")[2]
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return bool(self._loader.construct_yaml_bool(node))
            if kind == "int":
                return int(self._loader.construct_yaml_int(node))
            if kind == "float":
                return float(self._loader.construct_yaml_float(node))
        except (ValueError, OverflowError):
            self._problems.add(spot, f'"{event.value}" is not a number; put it in quotes if text is meant')
        return str(event.value)

    def _mapping(self, spot: Spot, depth: int) -> Node:
        mapping: dict[str, Node] = {}
        spots: dict[str, Spot] = {}
        merged: list[Node] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            name = key.scalar
            if name == "<<":
                merged.extend(value.items if value.items is not None else (value,))
            elif not isinstance(name, str) or key.kind != "string":
                self._problems.add(
                    key.spot, f"a key must be text, found {key.kind} {key.scalar!r}; put it in quotes"
                )
            elif name in mapping:
                self._problems.add(
                    key.spot, f'duplicate key "{name}": it stands at line {spots[name].line} already'
                )
            else:
                mapping[name], spots[name] = value, key.spot
        for source in merged:
            if source.mapping is None:
                self._problems.add(source.spot, "only a mapping can be merged with <<")
                continue
            for name, value in source.mapping.items():
                mapping.setdefault(name, value)
                spots.setdefault(name, source.key_spots[name])
        return Node(spot, mapping=mapping, key_spots=spots)


def _spot(event: Any) -> Spot:
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1)
