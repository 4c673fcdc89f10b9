"""What a user types, resolved to one cell.

A target is any of the five names in axis order, joined by ``-``, names left out. What is left out takes the first
compatible value in the matrix's order of preference. Names may hold ``-`` themselves, so a target is read in every
possible way; the ways must agree on one cell.

    >>> resolve(matrix, "resnet50-arm").id
    'resnet50-cpp-onnxruntime-arm-debian12'
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.suggestions import nearest
from mlperf_bake.matrix.values import AXES, Axis, Cell, Rule

MAX_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a target became a cell: the names it gave and those that were filled in."""

    cell: Cell
    given: Mapping[Axis, str]
    filled: Mapping[Axis, str]


def resolve(matrix: Matrix, target: str) -> Resolution:
    """The cell that ``target`` means.

    Errors:
        UsageError: no reading of the target uses known names; every reading breaks a rule; or readings disagree.
    """
    readings = tuple(_readings(matrix, target)) if target and len(target) <= MAX_LENGTH else ()
    if not readings:
        raise UsageError(
            f'unknown target "{target[:80]}"',
            where=matrix.name,
            expected="names of the matrix in the order model-implementation-framework-hardware-os, any of them left out",
            remedy=_nearest_targets(matrix, target),
        )
    cells: dict[Cell, Mapping[Axis, str]] = {}
    for reading in readings:
        found = next(matrix.cells(reading), None)
        if found is not None:
            cells.setdefault(found, reading)
    if not cells:
        raise _forbidden(matrix, target, readings[0])
    if len(cells) > 1:
        raise UsageError(
            f'"{target}" is ambiguous',
            where=matrix.name,
            found="; ".join(f"{cell.id} ({_spell(given)})" for cell, given in cells.items()),
            expected="a target that can be read in one way",
            remedy="name the cell in full",
        )
    cell, given = next(iter(cells.items()))
    return Resolution(cell, given, {axis: cell.value(axis) for axis in AXES if axis not in given})


def nearest_cells(matrix: Matrix, given: Mapping[Axis, str], count: int = 3) -> tuple[Cell, ...]:
    """The valid cells that share the most names with ``given``, the more important axes first."""
    ranked = sorted(
        matrix.cells(),
        key=lambda cell: tuple(-(cell.value(axis) == name) for axis, name in given.items()),
    )
    ranked.sort(key=lambda cell: -sum(cell.value(axis) == name for axis, name in given.items()))
    return tuple(ranked[:count])


def broken_rules(matrix: Matrix, given: Mapping[Axis, str]) -> tuple[Rule, ...]:
    """The rules that stand between the given names themselves, or that leave no value on an axis not given."""
    direct = tuple(
        rule
        for rule in matrix.rules
        if given.get(rule.axis) == rule.name and rule.other in given and given[rule.other] not in rule.allowed
    )
    if direct:
        return direct
    return tuple(rule for rule in matrix.rules if given.get(rule.axis) == rule.name or given.get(rule.other))


def _readings(matrix: Matrix, target: str) -> Iterator[dict[Axis, str]]:
    """Every way to cut the target into names of successive axes."""

    def cut(rest: str, first: int) -> Iterator[dict[Axis, str]]:
        if not rest:
            yield {}
            return
        for place in range(first, len(AXES)):
            for name in matrix.names(AXES[place]):
                if rest == name or rest.startswith(name + "-"):
                    for tail in cut(rest[len(name) + 1 :], place + 1):
                        yield {AXES[place]: name, **tail}

    yield from cut(target, 0)


def _forbidden(matrix: Matrix, target: str, given: Mapping[Axis, str]) -> UsageError:
    rules = broken_rules(matrix, given)
    reasons = "; ".join(
        f"{rule.axis} {rule.name} needs {rule.other} {' or '.join(sorted(rule.allowed)) or 'nothing that exists'}: {rule.because}"
        for rule in rules
    )
    close = ", ".join(cell.id for cell in nearest_cells(matrix, given))
    return UsageError(
        f'"{target}" is a combination that the matrix rules out',
        where=matrix.name,
        found=_spell(given),
        expected=reasons or "a combination with at least one valid cell",
        remedy=f"the nearest valid cells are {close}" if close else "the matrix has no valid cell at all",
    )


def _nearest_targets(matrix: Matrix, target: str) -> str:
    names = [name for axis in AXES for name in matrix.names(axis)]
    ids = [cell.id for cell in matrix.cells()]
    close = list(nearest(target, [*names, *ids]))
    for part in target[:MAX_LENGTH].split("-"):
        close.extend(name for name in nearest(part, names, 1) if name not in close)
    known = "`mlperf-bake list` shows every cell"
    return f"did you mean {', '.join(close[:4])}? {known}" if close else known


def _spell(given: Mapping[Axis, str]) -> str:
    return ", ".join(f"{axis} {name}" for axis, name in given.items())
