"""libyaml's events put together to nodes, each with its place.

Sources: the grammar is libyaml's; what an unquoted word means is the core schema of YAML 1.2 (section 10.3.2), as in
editors, so that ``on``, ``1:30`` and ``2026-01-01`` are text.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import yaml

from mlperf_bake.matrix.node import Node, Scalar, Spot
from mlperf_bake.matrix.problems import Problems

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_DEPTH = 24
MAX_NODES = 250_000
"""Values after every alias is written out: what stops a file of a few lines that expands to millions."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_NUMBER_STARTS = frozenset("-+.0123456789")
_MAX_DIGITS = 40


def compose(text: str, problems: Problems, file: str = "") -> Node:
    """The tree of one YAML document; what is wrong with single values is noted, and the tree complete all the same.

    Args:
        file: what its places say they lie in (``Spot``).

    Errors:
        UsageError: the text is not YAML at all, nested deeper than MAX_DEPTH, or holds more than MAX_NODES values.
    """
    try:
        return _Builder(text, problems, file).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        spot = Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)
        cause = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        problems.add(spot, f"this is not YAML: {cause}")
        problems.raise_if_any()
        raise AssertionError("unreachable") from error


class _Builder:
    """Turns libyaml's events into nodes, one after the other, so that no input can exhaust the stack."""

    def __init__(self, text: str, problems: Problems, file: str) -> None:
        self._loader = _Loader(text)
        self._file = file
        self._problems = problems
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def document(self) -> Node:
        try:
            self._next()  # stream start
            if isinstance(self._next(), yaml.StreamEndEvent):
                return Node(Spot(1, 1, self._file))
            node = self._node(self._next(), 0)
            self._next()  # document end
            extra = self._next()
            if not isinstance(extra, yaml.StreamEndEvent):
                self._problems.add(self._spot(extra), "a second document begins here; only one is expected")
            return node
        finally:
            self._loader.dispose()

    def _spot(self, event: Any) -> Spot:
        return Spot(event.start_mark.line + 1, event.start_mark.column + 1, self._file)

    def _next(self) -> Any:
        return self._loader.get_event()

    def _node(self, event: Any, depth: int) -> Node:
        spot = self._spot(event)
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


def _bad_key(key: Node) -> str:
    if key.mapping is not None or key.items is not None:
        return f"a key must be text, found {'a mapping' if key.mapping is not None else 'a list'}"
    if key.broken or not key.written:
        return "a key must be text"
    return f'a key must be text, found {key.written}; put it in quotes: "{key.written}"'
