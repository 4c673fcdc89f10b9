"""YAML with positions: every value knows its file, line and column, so that an error can point at it.

In: the text of a YAML file. Out: a tree of frozen nodes. Only plain data is admitted: mappings with text keys, lists,
strings, integers, floats, booleans and null; anchors, aliases and ``<<`` merges work; tags do not.
Sources: the grammar is libyaml's; what an unquoted word means is the core schema of YAML 1.2 (section 10.3.2), as in
editors, so that ``on``, ``1:30`` and ``2026-01-01`` are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from mlperf_bake.errors import UsageError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 4_000_000
"""A matrix of 10,000 cells takes under 100 kB; a larger file is a mistake."""
MAX_DEPTH = 24
MAX_NODES = 250_000
"""Values after every alias is written out: what stops a file of a few lines that expands to millions."""
MAX_PROBLEMS = 50

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_NUMBER_STARTS = frozenset("-+.0123456789")
_MAX_DIGITS = 40

Scalar = str | int | float | bool | None


class Spot(NamedTuple):
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Node:
    """One value with its place. Exactly one of ``mapping``, ``items`` is set, or neither for a scalar.

    Attributes:
        written: a scalar as it stands in the file (``3.10``, where ``scalar`` is the number 3.1).
        key_spots: where each key of a mapping stands.
        size: how many values it holds, itself included.
        broken: a problem has been noted for it already, so what it holds says nothing.
    """

    spot: Spot
    scalar: Scalar = None
    mapping: dict[str, Node] | None = None
    items: tuple[Node, ...] | None = None
    written: str = ""
    key_spots: dict[str, Spot] = field(default_factory=dict)
    size: int = 1
    broken: bool = False

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

    def at(self, *path: str) -> Spot:
        """Where the key at the end of ``path`` stands, or the deepest part of the path that is there."""
        node, spot = self, self.spot
        for key in path:
            if node.mapping is None or key not in node.mapping:
                break
            spot, node = node.key_spots[key], node.mapping[key]
        return spot

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
        found = sorted(set(self._found))
        shown = [self._excerpt(spot, sentence) for spot, sentence in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            shown.append(f"... and {len(found) - MAX_PROBLEMS} more")
        raise UsageError("\n".join(shown), remedy=f"correct {self.name} and run the same command again")

    def _excerpt(self, spot: Spot, sentence: str) -> str:
        head = f"{self.name}:{spot.line}:{spot.column}: {_printable(sentence)}"
        if not 1 <= spot.line <= len(self._lines):
            return head
        line = self._lines[spot.line - 1]
        start = max(0, spot.column - 60)
        shown = _printable(line[start : start + 100])
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
        raw = path.read_bytes()
        return raw.decode("utf-8")
    except FileNotFoundError:
        raise UsageError(
            "the file does not exist",
            where=shown,
            expected="a readable file",
            remedy="run the command in the checkout",
        ) from None
    except IsADirectoryError:
        raise UsageError(
            "this is a directory", where=shown, expected="a YAML file", remedy="name the file itself"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(
            "the file is not text in UTF-8",
            where=f"{shown}:{raw.count(10, 0, error.start) + 1}",
            found=f"{error.reason} (0x{raw[error.start]:02x}) at byte {error.start}",
            remedy="save it as UTF-8",
        ) from None
    except OSError as error:
        raise UsageError(
            "the file cannot be read",
            where=shown,
            found=error.strerror or str(error),
            remedy="make it readable and run the same command again",
        ) from None


def parse(text: str, name: str) -> tuple[Node, Problems]:
    """The tree of one YAML document and the list that further problems go to.

    Duplicate keys, tags, unknown anchors and non-text keys are noted as problems; the tree is complete all the same.

    Errors:
        UsageError: the text is not YAML at all, nested deeper than MAX_DEPTH, or holds more than MAX_NODES values.
    """
    text = text.removeprefix("\ufeff")
    problems = Problems(name, text)
    if unreadable := _UNREADABLE.search(text):
        before = text[: unreadable.start()].splitlines(keepends=True) or [""]
        in_line = not before[-1].endswith(("\n", "\r"))
        spot = Spot(len(before), len(before[-1]) + 1) if in_line else Spot(len(before) + 1, 1)
        problems.add(spot, f"the character U+{ord(unreadable[0]):04X} is not allowed in YAML; remove it")
        problems.raise_if_any()
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
        self._nodes = 0

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
            self._refuse(spot, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                self._problems.add(
                    spot, f'unknown anchor "*{event.anchor}": no value named "&{event.anchor}" ends above it'
                )
                return Node(spot, broken=True)
            self._count(known.size, spot)
            return known
        self._count(1, spot)
        if event.tag is not None:
            self._problems.add(spot, f'the tag "{event.tag}" is not allowed; write plain data')
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, spot)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            node = Node(spot, items=tuple(items), size=1 + sum(item.size for item in items))
        else:
            node = self._mapping(spot, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _count(self, values: int, spot: Spot) -> None:
        self._nodes += values
        if self._nodes > MAX_NODES:
            self._refuse(spot, f"more than {MAX_NODES:,} values, every alias written out")

    def _refuse(self, spot: Spot, sentence: str) -> NoReturn:
        self._problems.add(spot, sentence)
        self._problems.raise_if_any()
        raise AssertionError("unreachable")

    def _scalar(self, event: Any, spot: Spot) -> Node:
        written = event.value
        if event.style:  # quoted or a block: text
            return Node(spot, written, written=written)
        scalar = resolve(written)
        if scalar is None and written not in _NULL:
            self._problems.add(
                spot, f"{written[:_MAX_DIGITS]}... is too large a number; put it in quotes if text is meant"
            )
            return Node(spot, written=written, broken=True)
        return Node(spot, scalar, written=written)

    def _mapping(self, spot: Spot, depth: int) -> Node:
        mapping: dict[str, Node] = {}
        spots: dict[str, Spot] = {}
        merged: list[Node] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            name = key.scalar
            if name == "<<" and not event.style:
                merged.extend(value.items if value.items is not None else (value,))
            elif not isinstance(name, str):
                self._problems.add(key.spot, _bad_key(key))
            elif name in mapping:
                self._problems.add(
                    key.spot, f'duplicate key "{name}": it stands at line {spots[name].line} already'
                )
            else:
                mapping[name], spots[name] = value, key.spot
        for source in merged:
            if source.mapping is None:
                if not source.broken:
                    self._problems.add(source.spot, "only a mapping can be merged with <<")
                continue
            self._count(len(source.mapping), spot)
            for name, value in source.mapping.items():
                mapping.setdefault(name, value)
                spots.setdefault(name, source.key_spots[name])
        size = 1 + sum(node.size for node in mapping.values())
        return Node(spot, mapping=mapping, key_spots=spots, size=size)


def resolve(word: str) -> Scalar:
    """What an unquoted word means; None also for a number of more digits than any that has a use here."""
    if word in _NULL:
        return None
    if word[0] in _NUMBER_STARTS:
        if _INTEGER.fullmatch(word):
            return int(word, 0 if word[:2] in ("0o", "0x") else 10) if len(word) <= _MAX_DIGITS else None
        if _FLOAT.fullmatch(word):
            lowered = word.lower()
            return float(lowered.replace(".", "") if lowered[-1] in "fn" else lowered)
    return _BOOLEAN.get(word, word)


def _spot(event: Any) -> Spot:
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1)


def _bad_key(key: Node) -> str:
    if key.mapping is not None or key.items is not None:
        return f"a key must be text, found {'a mapping' if key.mapping is not None else 'a list'}"
    if key.broken or not key.written:
        return "a key must be text"
    return f'a key must be text, found {key.written}; put it in quotes: "{key.written}"'


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
