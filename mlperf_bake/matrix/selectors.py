"""Which cells a command is about: targets, globs over cell ids, and names to keep or to leave out."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cache

from mlperf_bake.errors import NothingSelected, UsageError
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.suggestions import did_you_mean, nearest
from mlperf_bake.matrix.targets import no_cell, resolve
from mlperf_bake.matrix.values import AXES, Axis, Cell

GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True)
class Selector:
    """A choice of cells, called with a cell; build it with ``parse_selector``.

    Attributes:
        ids: cell ids that are chosen.
        globs: patterns over cell ids; a cell must be one of ``ids`` or fit one of these. Any cell does where there
            are neither.
        only: for an axis the names a cell may have.
        skip: for an axis the names a cell must not have.
    """

    ids: frozenset[str] = frozenset()
    globs: tuple[str, ...] = ()
    only: Mapping[Axis, frozenset[str]] = field(default_factory=dict)
    skip: Mapping[Axis, frozenset[str]] = field(default_factory=dict)

    def __call__(self, cell: Cell) -> bool:
        """Whether the cell is chosen."""
        if any(cell.value(axis) not in names for axis, names in self.only.items()):
            return False
        if any(cell.value(axis) in names for axis, names in self.skip.items()):
            return False
        if not self.ids and not self.globs:
            return True
        return cell.id in self.ids or any(_pattern(glob)(cell.id) for glob in self.globs)

    def __str__(self) -> str:
        """The choice as it would be typed."""
        words = [*sorted(self.ids), *self.globs]
        for option, names in (("--only", self.only), ("--skip", self.skip)):
            words += [f"{option} {axis}={','.join(sorted(chosen))}" for axis, chosen in names.items()]
        return " ".join(words)


@cache
def _pattern(glob: str) -> Callable[[str], object]:
    return re.compile(translate(glob)).match


def parse_selector(
    matrix: Matrix, targets: Iterable[str], only: Iterable[str], skip: Iterable[str]
) -> Selector:
    """The choice that a command line makes.

    Args:
        targets: targets or globs over cell ids; none means every cell.
        only, skip: ``axis=value`` pairs, values separated by commas.

    Errors:
        UsageError: an unknown target, axis or name.
    """
    ids: set[str] = set()
    globs: dict[str, None] = {}
    for target in targets:
        if GLOB_CHARACTERS & set(target):
            globs[target] = None
        else:
            ids.add(resolve(matrix, target).cell.id)
    return Selector(
        frozenset(ids), tuple(globs), _pairs(matrix, "--only", only), _pairs(matrix, "--skip", skip)
    )


def select(matrix: Matrix, selector: Selector) -> tuple[Cell, ...]:
    """The chosen cells in the matrix's order.

    Errors:
        NothingSelected: no cell is chosen, or none fits one of the globs (a misspelling among several would else go unseen).
        UsageError: two cells have one id, or the rules leave none.
    """
    if not matrix.every_cell:
        raise no_cell(matrix)
    cells = tuple(filter(selector, matrix.every_cell))
    for glob in _idle(matrix, selector.globs):
        raise NothingSelected(
            f'no cell fits "{glob}"',
            where=matrix.name,
            expected="a pattern over cell ids: * for any characters, ? for one, [ab] for one of several",
            remedy=_nearest_ids(matrix, glob),
        )
    if not cells:
        raise NothingSelected(
            "no cell fits the selection",
            where=matrix.name,
            found=str(selector),
            remedy="`mlperf-bake list` shows every cell",
        )
    return cells


def published(matrix: Matrix) -> tuple[Cell, ...]:
    """The cells that are rendered into images/ and built by CI.

    Errors:
        UsageError: a pattern under ``published`` fits no cell, or the rules leave none.
    """
    if not matrix.every_cell:
        raise no_cell(matrix)
    for glob in _idle(matrix, matrix.published):
        raise UsageError(
            f'no cell fits "{glob}"',
            where=matrix.place("published"),
            expected="a pattern over the ids of cells",
            remedy=f"give `published` in {matrix.name} too: it takes the shipped one's place"
            if matrix.origin.at("published").file
            else _nearest_ids(matrix, glob),
        )
    if not matrix.published:
        return ()
    return tuple(filter(Selector(globs=matrix.published), matrix.every_cell))


def _idle(matrix: Matrix, globs: Iterable[str]) -> Iterator[str]:
    """The patterns that fit no cell at all."""
    for glob in globs:
        if not any(_pattern(glob)(cell.id) for cell in matrix.every_cell):
            yield glob


def _nearest_ids(matrix: Matrix, glob: str) -> str:
    close = nearest(glob.strip("*?"), (cell.id for cell in matrix.every_cell), 2)
    known = "`mlperf-bake list` shows every cell"
    return f"did you mean {' or '.join(close)}? {known}" if close else known


def _pairs(matrix: Matrix, option: str, pairs: Iterable[str]) -> dict[Axis, frozenset[str]]:
    chosen: dict[Axis, frozenset[str]] = {}
    for pair in pairs:
        axis, equals, names = pair.partition("=")
        if not equals or axis not in AXES:
            raise UsageError(
                f"{option} takes axis=value{did_you_mean(axis, AXES)}",
                found=pair,
                expected=f"one of {', '.join(AXES)}, then = and names of that axis",
                remedy=f"for example {option} hardware=cpu",
            )
        known = matrix.names(axis)
        for name in names.split(","):
            if name not in known:
                raise UsageError(
                    f'unknown {axis} "{name}"{did_you_mean(name, known)}',
                    where=matrix.name,
                    found=f"{option} {pair}",
                    expected=", ".join(known),
                    remedy="`mlperf-bake list` shows every name",
                )
        chosen[axis] = chosen.get(axis, frozenset()) | frozenset(names.split(","))
    return chosen
