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
from pathlib import Path
from typing import Any

from mlperf_bake.cache.remembered import Remembered
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.node import Node, Spot
from mlperf_bake.matrix.problems import Problems

MAX_BYTES = 4_000_000
"""A matrix of 10,000 cells takes under 100 kB; a larger file is a mistake."""
LONG = 2_000
"""Characters from which on remembering a text's tree takes less time than it saves."""

_UNREADABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What YAML does not allow. All that it does allow, negated, is the same to search for and takes 6 ms to compile."""


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


def parse(text: str, name: str, file: str = "") -> tuple[Node, Problems]:
    """The tree of one YAML document and the list that further problems go to.

    Duplicate keys, tags, unknown anchors and non-text keys are noted as problems; the tree is complete all the same.

    Args:
        file: what its places say they lie in, where another document takes values out of this one (``Spot``).

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
    return (_remembered if len(text) >= LONG else _composed)(text, problems, file), problems


def _composed(text: str, problems: Problems, file: str) -> Node:
    from mlperf_bake.matrix.composing import compose

    return compose(text, problems, file)


def _remembered(text: str, problems: Problems, file: str) -> Node:
    """The same, without libyaml where nothing was wrong in this text before."""
    here = Path(__file__)
    known = Remembered("documents", (here, here.with_name("composing.py"), here.with_name("node.py")))
    key = hashlib.sha256(text.encode()).hexdigest()
    if (content := known.get(key)) is not None:
        return _revived(marshal.loads(content), file)
    node = _composed(text, problems, file)
    if not problems:
        with suppress(ValueError, RecursionError):  # what aliases nest too deep is composed anew each time
            known.keep(key, marshal.dumps(_laid_out(node)))
    return node


def _laid_out(node: Node) -> tuple[Any, ...]:
    """The node as plain data that `_revived` makes it of again."""
    line, column, _ = node.spot
    if node.mapping is not None:
        spots = {key: (spot.line, spot.column) for key, spot in node.key_spots.items()}
        return line, column, {key: _laid_out(value) for key, value in node.mapping.items()}, spots
    if node.items is not None:
        return line, column, [_laid_out(item) for item in node.items], None
    return line, column, node.scalar, node.written


def _revived(laid_out: tuple[Any, ...], file: str) -> Node:
    line, column, value, more = laid_out
    here = Spot(line, column, file)
    if isinstance(value, dict):
        mapping = {key: _revived(inner, file) for key, inner in value.items()}
        spots = {key: Spot(below, right, file) for key, (below, right) in more.items()}
        size = 1 + sum(node.size for node in mapping.values())
        return Node(here, mapping=mapping, key_spots=spots, size=size)
    if isinstance(value, list):
        items = tuple(_revived(inner, file) for inner in value)
        return Node(here, items=items, size=1 + sum(node.size for node in items))
    return Node(here, value, written=more)
