"""What a machine that nobody sits at lacks to build a cell, by a stated rule; read off matrix and requirements. Pure.

A cell cannot be built there where whoever builds must give its weights, where the hub of a base image may ask for a login, or
where a locked package is in no public index (its version has a local part, such as ``2.13.0+cpu``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.image import PlannedImage

Need = Literal["weights", "login", "index"]
NEEDS: tuple[Need, ...] = ("weights", "login", "index")

_REQUIREMENTS = ("file ", ".requirements.txt")
_LOCAL_VERSION = re.compile(
    r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([A-Za-z0-9.!_-]+\+[A-Za-z0-9.]+)"
)


class Lacking(NamedTuple):
    """One thing that must be provided, and why, in words."""

    need: Need
    why: str


def lacking(
    matrix: Matrix, cell: Cell, image: PlannedImage, read: Callable[[str], str]
) -> tuple[Lacking, ...]:
    """What must be provided before a cell can be built unattended, sorted by NEEDS; nothing where it can be.

    Args:
        image: the cell's, planned without a named context.
        read: the text of a file of the build context, by its path.
    """
    return (*_weights(matrix, cell), *_logins(matrix, cell), *_packages(matrix, cell, image, read))


def _weights(matrix: Matrix, cell: Cell) -> Iterator[Lacking]:
    weights = matrix.models[cell.model].weights
    mounted = matrix.implementations[cell.implementation].source is not None and weights.supply is not None
    if weights.kind == "given" and not mounted:
        yield Lacking("weights", f"whoever builds gives {weights.file}: --context weights=DIR")


def _logins(matrix: Matrix, cell: Cell) -> Iterator[Lacking]:
    _, base = matrix.base_of(cell)
    if base.login:
        yield Lacking("login", f"{base.reference}: {base.login}")


def _packages(
    matrix: Matrix, cell: Cell, image: PlannedImage, read: Callable[[str], str]
) -> Iterator[Lacking]:
    found: dict[str, None] = {}
    if (package := matrix.framework_of(cell).package) and "+" in package.version:
        found[f"{package.name} {package.version}"] = None
    before, after = _REQUIREMENTS
    for name, _ in image.ingredients:
        if name.startswith(before) and name.endswith(after):
            found |= {
                f"{one[0]} {one[1]}": None for one in _LOCAL_VERSION.findall(read(name.removeprefix(before)))
            }
    if found:
        yield Lacking(
            "index",
            f"pip must be set to an index that has {', '.join(found)} (PIP_EXTRA_INDEX_URL, or a find-links)",
        )
