"""What a user types, resolved to one cell.

A target is any of the five names in axis order, joined by ``-``, names left out. What is left out takes the first
compatible value in the matrix's order of preference. Names may hold ``-`` themselves, so a target is read in every
possible way; the ways must agree on one cell.

    >>> resolve(matrix, "resnet50-arm").cell.id
    'resnet50-cpp-onnxruntime-arm-debian12'
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.suggestions import nearest
from mlperf_bake.matrix.values import AXES, Axis, Cell, Rule

MAX_LENGTH = 400
READINGS_SHOWN = 3
SHOWN = 80
"""Letters of what the user typed that a message repeats."""


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
            f'unknown target "{target[:SHOWN]}"',
            where=matrix.name,
            found=_found(matrix, target),
            expected="names of the matrix in the order model-implementation-framework-hardware-os, any left out",
            remedy=_nearest_targets(matrix, target),
        )
    cells: dict[Cell, Mapping[Axis, str]] = {}
    for reading in readings:
        found = next(matrix.cells(reading), None)
        if found is not None:
            cells.setdefault(found, reading)
    if not cells:
        raise _forbidden(matrix, target, readings)
    if len(cells) > 1:
        raise UsageError(
            f'"{target}" is ambiguous',
            where=matrix.name,
            found="; ".join(f"{cell.id} ({_spell(given)})" for cell, given in cells.items()),
            expected="a target that can be read in one way",
            remedy=f"name the cell in full, for example {next(iter(cells)).id}",
        )
    cell, given = next(iter(cells.items()))
    return Resolution(cell, given, {axis: cell.value(axis) for axis in AXES if axis not in given})


def nearest_cells(matrix: Matrix, given: Mapping[Axis, str], count: int = 3) -> tuple[Cell, ...]:
    """The valid cells that share the most names with ``given``, the more important axes first."""
    ranked = sorted(
        matrix.every_cell,
        key=lambda cell: tuple(-(cell.value(axis) == name) for axis, name in given.items()),
    )
    ranked.sort(key=lambda cell: -sum(cell.value(axis) == name for axis, name in given.items()))
    return tuple(ranked[:count])


def broken_rules(matrix: Matrix, given: Mapping[Axis, str]) -> tuple[Rule, ...]:
    """The rules that really stand in the way of the given names, in the order of the matrix; none where a cell fits.

    Where two given names contradict each other, each rule between them. Else together the rules leave nothing for
    the axes left out; then a smallest set of them, of which none could be lifted without a cell becoming possible.
    """
    direct = tuple(
        rule
        for rule in matrix.rules
        if given.get(rule.axis) == rule.name and rule.other in given and given[rule.other] not in rule.allowed
    )
    if direct or next(matrix.cells(given), None) is not None:
        return direct
    needed = [rule for rule in matrix.rules if given.get(rule.axis, rule.name) == rule.name]
    for rule in reversed(tuple(needed)):
        without = [other for other in needed if other is not rule]
        if next(matrix.cells(given, without), None) is None:
            needed = without
    return tuple(needed)


def no_cell(matrix: Matrix) -> UsageError:
    """What to raise where the rules rule out every combination: the fewest of them that do."""
    return UsageError(
        "the rules of the matrix leave no cell at all",
        where=matrix.name,
        found="; ".join(dict.fromkeys(map(_say, broken_rules(matrix, {})))),
        expected="at least one combination that no rule forbids",
        remedy="widen one of these rules under `needs`",
    )


def _readings(matrix: Matrix, target: str) -> Iterator[dict[Axis, str]]:
    """Every way to cut the target into names of successive axes."""

    def cut(rest: str, first: int) -> Iterator[dict[Axis, str]]:
        for place in range(first, len(AXES)):
            for name in matrix.names(AXES[place]):
                if rest == name:
                    yield {AXES[place]: name}
                elif rest.startswith(name + "-"):
                    for tail in cut(rest[len(name) + 1 :], place + 1):
                        yield {AXES[place]: name, **tail}

    yield from cut(target, 0)


def _forbidden(matrix: Matrix, target: str, readings: tuple[dict[Axis, str], ...]) -> UsageError:
    reasons: dict[str, None] = {}
    for reading in readings[:READINGS_SHOWN]:
        reasons.update(dict.fromkeys(_say(rule) for rule in broken_rules(matrix, reading)))
    close = ", ".join(cell.id for cell in nearest_cells(matrix, readings[0]))
    return UsageError(
        f'"{target}" is a combination that the matrix rules out',
        where=matrix.name,
        found=" or ".join(_spell(reading) for reading in readings[:READINGS_SHOWN]),
        expected=";\n            ".join(reasons),
        remedy=f"the nearest valid cells are {close}"
        if close
        else "the rules of the matrix leave no cell at all",
    )


def _say(rule: Rule) -> str:
    return f"{rule.axis} {rule.name} needs {rule.other} {rule.choices}: {rule.because}"


def _nearest_targets(matrix: Matrix, target: str) -> str:
    """The target that was probably meant: each part taken for the name it resembles, the names in axis order."""
    axes = {name: axis for axis in reversed(AXES) for name in matrix.names(axis)}
    ids = (cell.id for cell in matrix.every_cell)
    close = list(nearest(target, [*axes, *ids]))
    meant: dict[Axis, str] = {}
    for part in target[:MAX_LENGTH].split("-"):
        for name in nearest(part, axes, 1):
            meant.setdefault(axes[name], name)
            close.append(name)
    if next(matrix.cells(meant), None) is not None and meant:
        close.insert(0, "-".join(meant[axis] for axis in AXES if axis in meant))
    known = "`mlperf-bake list` shows every cell"
    return f"did you mean {', '.join(tuple(dict.fromkeys(close))[:4])}? {known}" if close else known


def _found(matrix: Matrix, target: str) -> str:
    """Which words of an unknown target are no names, or that its names only stand in the wrong order."""
    axes = {name: axis for axis in reversed(AXES) for name in matrix.names(axis)}
    parts = target[:MAX_LENGTH].split("-")
    places: list[str] = []
    unknown: list[str] = []
    while parts:
        for end in range(len(parts), 0, -1):
            if (name := "-".join(parts[:end])) in axes:
                places.append(f"{axes[name]} {name}")
                break
        else:
            end = 1
            unknown.append(f'"{parts[0][:SHOWN]}"')
        parts = parts[end:]
    known = ", ".join(places)
    if unknown:
        return f"no such name: {', '.join(unknown)}" + (f"; known: {known}" if known else "")
    return f"known names, but not in this order: {known}"


def _spell(given: Mapping[Axis, str]) -> str:
    return ", ".join(f"{axis} {name}" for axis, name in given.items())
