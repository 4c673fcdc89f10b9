"""The matrix: axis values, rules, and the cells they allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlperf_bake.matrix.values import (
    AXES,
    Axis,
    Cell,
    Framework,
    Hardware,
    Implementation,
    Model,
    OperatingSystem,
    Rule,
)


@dataclass(frozen=True)
class Matrix:
    """Everything matrix.yaml declares. Mappings keep the file's order, which is the order of preference.

    Attributes:
        name: the file, for messages.
        round: the MLPerf Inference round.
        rules: every compatibility rule, in the order of the file.
        published: globs over the ids of the cells that are rendered into images/.
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

    def broken_rules(self, cell: Cell) -> tuple[Rule, ...]:
        """The rules that ``cell`` breaks; empty for a valid one."""
        return tuple(
            rule
            for rule in self.rules
            if cell.value(rule.axis) == rule.name and cell.value(rule.other) not in rule.allowed
        )

    def cells(self, fixed: Mapping[Axis, str] | None = None) -> Iterator[Cell]:
        """Every valid cell in the order of preference, the first axis varying slowest.

        Args:
            fixed: names that the cells must have on some axes.

        A combination is dropped as soon as two of its names contradict each other, so that a large matrix with
        strict rules costs no more than the cells it has.
        """
        choices = [(fixed[axis],) if fixed and axis in fixed else self.names(axis) for axis in AXES]
        forbidden = self._forbidden_pairs()
        picked: list[str] = []

        def extend(depth: int) -> Iterator[Cell]:
            if depth == len(AXES):
                yield Cell(*picked)
                return
            for name in choices[depth]:
                clashes = forbidden.get((depth, name))
                if clashes and any((place, picked[place]) in clashes for place in range(depth)):
                    continue
                picked.append(name)
                yield from extend(depth + 1)
                picked.pop()

        yield from extend(0)

    def _forbidden_pairs(self) -> dict[tuple[int, str], set[tuple[int, str]]]:
        """For each value the earlier values (axis number, name) that it cannot be combined with."""
        pairs: dict[tuple[int, str], set[tuple[int, str]]] = {}
        for rule in self.rules:
            here = (AXES.index(rule.axis), rule.name)
            for name in self.names(rule.other):
                if name not in rule.allowed:
                    there = (AXES.index(rule.other), name)
                    later, earlier = max(here, there), min(here, there)
                    pairs.setdefault(later, set()).add(earlier)
        return pairs
