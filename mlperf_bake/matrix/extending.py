"""A matrix that says ``extends: shipped``: its own values added to those that this program brings along.

A value of a name that the shipped matrix has takes its place, and its rank; new values come after the shipped ones, so that
targets which leave something out go on meaning what they meant. Every other key replaces the shipped one.
"""

from __future__ import annotations

from dataclasses import replace

from mlperf_bake.matrix.document import Node

KEY = "extends"
SHIPPED = "shipped"


def extends_shipped(node: Node) -> bool:
    """Whether the document asks for the shipped values."""
    return node.mapping is not None and KEY in node.mapping and node.mapping[KEY].scalar == SHIPPED


def extended(own: Node, base: Node, sections: tuple[str, ...]) -> Node:
    """The document with the values of ``base`` below its own.

    Args:
        sections: the keys whose mappings are joined value by value.
    """
    assert own.mapping is not None and base.mapping is not None
    merged = {**base.mapping, **own.mapping}
    spots = {**base.key_spots, **own.key_spots}
    for name in sections:
        mine, theirs = own.mapping.get(name), base.mapping.get(name)
        if (
            mine is not None
            and mine.mapping is not None
            and theirs is not None
            and theirs.mapping is not None
        ):
            merged[name] = replace(
                mine,
                mapping={**theirs.mapping, **mine.mapping},
                key_spots={**theirs.key_spots, **mine.key_spots},
            )
    return replace(own, mapping=merged, key_spots=spots)
