"""The few things to do first about a verdict, for people who see only the end of a long report."""

from dataclasses import dataclass
from typing import Final

from mlperf_bake.check.groups import Group, groups
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import Verdict

MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What is wrong, in how many places; and the command that mends it, or where it is."""

    problem: str
    todo: str


def next_steps(verdict: Verdict, most: int = MOST) -> tuple[Step, ...]:
    """The most useful steps.

    Errors that are not a demonstration's come first, then a demonstration's, then warnings; among equals what is wrong with the
    tree as a whole, then what a command mends, then what is wrong in most places. What one command mends is one step. Nothing
    where there is nothing to do.
    """
    worth = [group for group in groups(verdict) if group.first.breach.severity is not Severity.NOTE]
    steps: dict[str, Step] = {}
    for group in sorted(worth, key=lambda group: _rank(group, verdict)):
        step = _step(group)
        steps.setdefault(step.todo, step)
    return tuple(steps.values())[:most]


def _rank(group: Group, verdict: Verdict) -> tuple[int, bool, bool, int]:
    breach = group.first.breach
    weight = 2 if breach.severity is Severity.WARNING else int(breach.demonstration)
    return weight, breach.path != verdict.tree, not group.fixes, -len(group.places)


def _step(group: Group) -> Step:
    places, fixes = len(group.places), len(group.fixes)
    counts = [f"{places} places"] if places > 1 else []
    counts += [f"the first of {fixes} commands"] if fixes > 1 else []
    problem = group.first.breach.problem + (f" ({', '.join(counts)})" if counts else "")
    return Step(problem, group.fixes[0] if group.fixes else f"see {group.places[0]}")
