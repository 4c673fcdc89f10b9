"""The tree of a YAML file: frozen nodes, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

Scalar = str | int | float | bool | None


class Spot(NamedTuple):
    """A place in a file; line and column count from 1.

    ``file`` is empty where it is the file at hand, else the name of another one that it builds on.
    """

    line: int
    column: int
    file: str = ""


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
