"""The matrix: axis values, rules, and the cells they allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.node import Node, Spot
from mlperf_bake.matrix.values import (
    AXES,
    Axis,
    Cell,
    Framework,
    Hardware,
    Image,
    Implementation,
    Model,
    OperatingSystem,
    Rule,
)

MAX_CELLS = 200_000
"""Every cell is held in memory: twenty times the largest matrix that anybody measured here."""
SECTIONS: dict[Axis, str] = {
    "model": "models",
    "implementation": "implementations",
    "framework": "frameworks",
    "hardware": "hardware",
    "os": "os",
}
"""The keys of matrix.yaml under which the values of each axis stand."""


@dataclass(frozen=True)
class Matrix:
    """Everything matrix.yaml declares. Mappings keep the file's order, which is the order of preference.

    Attributes:
        name: the file, for messages.
        round: the MLPerf Inference round.
        rules: every compatibility rule, in the order of the file.
        published: globs over the ids of the cells that are rendered into images/.
        origin: the file as it was parsed, for the places of what is found to be wrong later.
    """

    name: str
    round: str
    models: Mapping[str, Model]
    implementations: Mapping[str, Implementation]
    frameworks: Mapping[str, Framework]
    hardware: Mapping[str, Hardware]
    os: Mapping[str, OperatingSystem]
    rules: tuple[Rule, ...]
    published: tuple[str, ...]
    origin: Node = field(default=Node(Spot(1, 1)), compare=False, repr=False)

    def place(self, *path: str) -> str:
        """``file:line:column`` of a key, such as ``place("models", "resnet50", "benchmark")``; the
        shipped file's where an extending matrix leaves it to that."""
        spot = self.origin.at(*path)
        return f"{spot.file or self.name}:{spot.line}:{spot.column}"

    def names(self, axis: Axis) -> tuple[str, ...]:
        """The names on one axis, in the order of preference."""
        values: dict[Axis, Mapping[str, object]] = {
            "model": self.models,
            "implementation": self.implementations,
            "framework": self.frameworks,
            "hardware": self.hardware,
            "os": self.os,
        }
        return tuple(values[axis])

    def may_meet(self, axis: Axis, name: str, other: Axis, other_name: str) -> bool:
        """Whether no rule keeps these two values apart; a third value still may."""
        pairs = {(axis, name): (other, other_name), (other, other_name): (axis, name)}
        return not any(
            (rule.axis, rule.name) in pairs
            and rule.other == pairs[rule.axis, rule.name][0]
            and pairs[rule.axis, rule.name][1] not in rule.allowed
            for rule in self.rules
        )

    def framework_of(self, cell: Cell) -> Framework:
        """The cell's framework as it is on the cell's hardware."""
        return self.frameworks[cell.framework].on(cell.hardware)

    def tools_of(self, os: str) -> OperatingSystem:
        """The OS on whose packages the builds of an OS fetch, unpack and convert: its own or another."""
        return self.os[self.os[os].tools or os]

    def base_of(self, cell: Cell) -> tuple[str, Image]:
        """The image that the cell's image starts from, and its key in the lock: the framework's for this hardware and OS, the
        hardware's for this OS, or the OS's own."""
        framework, hardware = self.framework_of(cell), self.hardware[cell.hardware]
        if (image := framework.bases.get(cell.os)) is not None:
            return f"{cell.framework}/{cell.hardware}/{cell.os}", image
        if (image := hardware.bases.get(cell.os)) is not None:
            return f"{cell.hardware}/{cell.os}", image
        os = self.os[cell.os]
        return cell.os, Image(os.image, os.tag)

    def images_of(self, cell: Cell, platform: str, build_platform: str) -> tuple[tuple[str, str, str], ...]:
        """The images that the cell's Dockerfile starts from: the stage's name, the key in the lock, the platform."""
        tools = self.os[cell.os].tools
        apart = (("tools-base", tools, build_platform),) if tools else ()
        return (
            ("base", self.base_of(cell)[0], platform),
            ("build-base", cell.os, build_platform),
            *apart,
        )

    @property
    def bases(self) -> Iterator[tuple[str, Image]]:
        """Every image that some cell's image starts from or is built on, with its key in the lock."""
        for os in self.os.values():
            yield os.name, Image(os.image, os.tag)
        for hardware in self.hardware.values():
            yield from ((f"{hardware.name}/{os}", image) for os, image in hardware.bases.items())
        for framework in self.frameworks.values():
            for name in self.hardware:
                bases = framework.on(name).bases
                yield from ((f"{framework.name}/{name}/{os}", image) for os, image in bases.items())

    @cached_property
    def every_cell(self) -> tuple[Cell, ...]:
        """Every valid cell, in the order of preference.

        Errors:
            UsageError: two cells have one id (``a-b`` with ``c``, and ``a`` with ``b-c``), and so would share an image; or
                there are more than MAX_CELLS.
        """
        known: dict[str, Cell] = {}
        for cell in self.cells():
            if len(known) == MAX_CELLS:
                raise self._too_many()
            if (other := known.setdefault(cell.id, cell)) is not cell:
                raise UsageError(
                    f'two cells have the id "{cell.id}"',
                    where=self.name,
                    found=f"{' + '.join(other)}, and {' + '.join(cell)}",
                    expected="names that can be told apart when they are joined by -",
                    remedy="rename one of these values",
                )
        return tuple(known.values())

    def _too_many(self) -> UsageError:
        sizes = " x ".join(f"{len(self.names(axis))} {SECTIONS[axis]}" for axis in AXES)
        return UsageError(
            f"the matrix has more than {MAX_CELLS:,} cells",
            where=self.name,
            found=sizes,
            expected="rules under `needs` that leave the combinations somebody wants",
            remedy="add rules, or split the matrix",
        )

    def cells(
        self, fixed: Mapping[Axis, str] | None = None, rules: Iterable[Rule] | None = None
    ) -> Iterator[Cell]:
        """Every valid cell in the order of preference, the first axis varying slowest.

        Args:
            fixed: names that the cells must have on some axes.
            rules: the rules to follow in place of the matrix's own.

        A combination is dropped as soon as two of its names contradict each other, or leave nothing of a later axis, so
        that a large matrix with strict rules costs little more than the cells it has.
        """
        choices = [(fixed[axis],) if fixed and axis in fixed else self.names(axis) for axis in AXES]
        apart = _kept_apart(self, self.rules if rules is None else rules)
        last = len(AXES) - 1

        def extend(picked: tuple[str, ...], out: frozenset[tuple[int, str]]) -> Iterator[Cell]:
            depth = len(picked)
            names = [name for name in choices[depth] if (depth, name) not in out] if out else choices[depth]
            if depth == last:
                for name in names:
                    yield Cell._make((*picked, name))
                return
            for name in names:
                more = apart.get((depth, name))
                left_out = out | more if more else out
                if more and any(
                    all((later, other) in left_out for other in choices[later])
                    for later in range(depth + 1, len(AXES))
                ):
                    continue
                yield from extend((*picked, name), left_out)

        yield from extend((), frozenset())


def _kept_apart(matrix: Matrix, rules: Iterable[Rule]) -> dict[tuple[int, str], set[tuple[int, str]]]:
    """For each value (axis number, name) those of later axes that it cannot be combined with."""
    pairs: dict[tuple[int, str], set[tuple[int, str]]] = {}
    for rule in rules:
        here = (AXES.index(rule.axis), rule.name)
        for name in matrix.names(rule.other):
            if name not in rule.allowed:
                there = (AXES.index(rule.other), name)
                pairs.setdefault(min(here, there), set()).add(max(here, there))
    return pairs
