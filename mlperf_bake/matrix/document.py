"""YAML with positions: every value knows its file, line and column, so that an error can point at it.

In: the text of a YAML file. Out: a tree of frozen nodes. Only plain data is admitted: mappings with text keys, lists,
strings, integers, floats, booleans and null; anchors, aliases and ``<<`` merges work; tags do not. The tree of a text in
which nothing is wrong is remembered in the cache: libyaml takes longer than all that is then done with it.
"""

from __future__ import annotations

import hashlib
import marshal
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mlperf_bake.cache.remembered import Remembered
from mlperf_bake.errors import UsageError

MAX_BYTES = 4_000_000
"""A matrix of 10,000 cells takes under 100 kB; a larger file is a mistake."""
MAX_PROBLEMS = 50
LONG = 2_000
"""Characters from which on remembering a text's tree takes less time than it saves."""

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

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
        UsageError: those of compose, and a character that YAML does not allow.
    """
    text = text.removeprefix("\ufeff")
    problems = Problems(name, text)
    if unreadable := _UNREADABLE.search(text):
        before = text[: unreadable.start()].splitlines(keepends=True) or [""]
        in_line = not before[-1].endswith(("\n", "\r"))
        spot = Spot(len(before), len(before[-1]) + 1) if in_line else Spot(len(before) + 1, 1)
        problems.add(spot, f"the character U+{ord(unreadable[0]):04X} is not allowed in YAML; remove it")
        problems.raise_if_any()
    return (_remembered if len(text) >= LONG else _composed)(text, problems), problems


def _composed(text: str, problems: Problems) -> Node:
    from mlperf_bake.matrix.composing import compose

    return compose(text, problems)


def _remembered(text: str, problems: Problems) -> Node:
    """The same, without libyaml where nothing was wrong in this text before."""
    here = Path(__file__)
    known = Remembered("documents", (here, here.with_name("composing.py")))
    key = hashlib.sha256(text.encode()).hexdigest()
    if (content := known.get(key)) is not None:
        return _revived(marshal.loads(content))
    node = _composed(text, problems)
    if not problems:
        with suppress(ValueError, RecursionError):  # what aliases nest too deep is composed anew each time
            known.keep(key, marshal.dumps(_laid_out(node)))
    return node


def _laid_out(node: Node) -> tuple[Any, ...]:
    """The node as plain data that `_revived` makes it of again."""
    if node.mapping is not None:
        spots = {key: tuple(spot) for key, spot in node.key_spots.items()}
        return *node.spot, {key: _laid_out(value) for key, value in node.mapping.items()}, spots
    if node.items is not None:
        return *node.spot, [_laid_out(item) for item in node.items], None
    return *node.spot, node.scalar, node.written


def _revived(laid_out: tuple[Any, ...]) -> Node:
    line, column, value, more = laid_out
    if isinstance(value, dict):
        mapping = {key: _revived(inner) for key, inner in value.items()}
        spots = {key: Spot(*spot) for key, spot in more.items()}
        size = 1 + sum(node.size for node in mapping.values())
        return Node(Spot(line, column), mapping=mapping, key_spots=spots, size=size)
    if isinstance(value, list):
        items = tuple(map(_revived, value))
        return Node(Spot(line, column), items=items, size=1 + sum(node.size for node in items))
    return Node(Spot(line, column), value, written=more)


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
