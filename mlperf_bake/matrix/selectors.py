"""Which cells a command is about: targets, globs over cell ids, and names to keep or to leave out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from re import compile as compile_pattern

from mlperf_bake.errors import NothingSelected, UsageError
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.matrix.targets import resolve
from mlperf_bake.matrix.values import AXES, Axis, Cell

GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True)
class Selector:
    """A choice of cells, called with a cell; build it with ``parse_selector``.

    Attributes:
        globs: patterns over cell ids; a cell must fit one of them, or any cell fits where there are none.
        only: for an axis the names a cell may have.
        skip: for an axis the names a cell must not have.
    """

    globs: tuple[str, ...]
    only: Mapping[Axis, frozenset[str]]
    skip: Mapping[Axis, frozenset[str]]

    def __call__(self, cell: Cell) -> bool:
        """Whether the cell is chosen."""
        if any(cell.value(axis) not in names for axis, names in self.only.items()):
            return False
        if any(cell.value(axis) in names for axis, names in self.skip.items()):
            return False
        return not self.globs or any(compile_pattern(translate(glob)).match(cell.id) for glob in self.globs)


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
    globs = tuple(
        target if GLOB_CHARACTERS & set(target) else resolve(matrix, target).cell.id for target in targets
    )
    return Selector(globs, _pairs(matrix, "--only", only), _pairs(matrix, "--skip", skip))


def select(matrix: Matrix, selector: Selector) -> tuple[Cell, ...]:
    """The chosen cells in the matrix's order.

    Errors:
        NothingSelected: no cell is chosen.
    """
    cells = tuple(filter(selector, matrix.cells()))
    if not cells:
        raise NothingSelected(
            "no cell fits the selection",
            where=matrix.name,
            found=" ".join(
                [
                    *selector.globs,
                    *(f"--only {axis}={','.join(sorted(names))}" for axis, names in selector.only.items()),
                    *(f"--skip {axis}={','.join(sorted(names))}" for axis, names in selector.skip.items()),
                ]
            ),
            remedy="`mlperf-bake list` shows every cell",
        )
    return cells


def published(matrix: Matrix) -> tuple[Cell, ...]:
    """The cells that are rendered into images/ and built by CI."""
    if not matrix.published:
        return ()
    return tuple(filter(Selector(matrix.published, {}, {}), matrix.cells()))


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
