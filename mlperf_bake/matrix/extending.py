"""A matrix that says ``extends: shipped``: its own values added to those that this program brings along.

A value of a name that the shipped matrix has takes its place, and its rank; new values come after the shipped ones, so that
targets which leave something out go on meaning what they meant. The rules of shipped values list names and cannot know new
ones: of those they rule out none, and what a new value goes with is said by its own ``needs``. Every other key replaces
the shipped one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlperf_bake.matrix.node import Node

KEY = "extends"
SHIPPED = "shipped"
RULES = "needs"


def extends_shipped(node: Node) -> bool:
    """Whether the document asks for the shipped values."""
    return node.mapping is not None and KEY in node.mapping and node.mapping[KEY].scalar == SHIPPED


def extended(own: Node, base: Node, sections: Mapping[str, str]) -> Node:
    """The document with the values of ``base`` below its own.

    Args:
        sections: axis to the key whose mapping holds its values.
    """
    assert own.mapping is not None and base.mapping is not None
    mine = {axis: _values(own, section) for axis, section in sections.items()}
    new = {
        axis: tuple(
            Node(value.spot, name) for name, value in mine[axis].items() if name not in _values(base, section)
        )
        for axis, section in sections.items()
    }
    merged = {**base.mapping, **own.mapping}
    for axis, section in sections.items():
        theirs = base.mapping.get(section)
        broken = section in own.mapping and own.mapping[section].mapping is None
        if theirs is None or theirs.mapping is None or broken:
            continue
        values = {**{name: _opened(value, new) for name, value in theirs.mapping.items()}, **mine[axis]}
        spots = theirs.key_spots | (own.mapping[section].key_spots if section in own.mapping else {})
        merged[section] = replace(own.mapping.get(section, theirs), mapping=values, key_spots=spots)
    return replace(own, mapping=merged, key_spots={**base.key_spots, **own.key_spots})


def _values(document: Node, section: str) -> Mapping[str, Node]:
    node = (document.mapping or {}).get(section)
    return node.mapping if node is not None and node.mapping is not None else {}


def _opened(value: Node, new: Mapping[str, tuple[Node, ...]]) -> Node:
    """A shipped value whose rules allow the new names of each axis that they speak of."""
    rules = (value.mapping or {}).get(RULES)
    if value.mapping is None or rules is None or rules.items is None or not any(new.values()):
        return value
    opened = tuple(
        replace(rule, mapping={key: _with(node, new.get(key, ())) for key, node in rule.mapping.items()})
        if rule.mapping is not None
        else rule
        for rule in rules.items
    )
    return replace(value, mapping={**value.mapping, RULES: replace(rules, items=opened)})


def _with(names: Node, more: tuple[Node, ...]) -> Node:
    return replace(names, items=(*names.items, *more)) if names.items is not None else names
