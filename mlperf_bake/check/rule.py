"""A rule of a submission, and what breaking it looks like.

A rule is a small function over one thing in the tree (the tree, a submitter, a system, a model, a result, a
log) that yields a ``Breach`` for each place where it is broken. ``rule`` gives it an id, the thing it looks
at and its source, and enters it in the table of its module. ``Finding`` is a breach with its rule, as a
verdict lists it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
NOTHING = "nothing"
"""What is found where something is missing."""


class Severity(StrEnum):
    """How much a breach weighs: an error makes the tree invalid, a warning is for the user to weigh."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Breach:
    """One place where a rule is broken.

    Attributes:
        path: the file or directory.
        problem: one sentence.
        found: what is there; empty for nothing.
        expected: what should be there; empty for what the rule says.
        fix: what to do; empty where ``remedies`` has words for it.
        line: of the file, from 1.
        severity: how much it weighs.
        demonstration: it is broken because the runs are a demonstration, and would not be in a real
            submission.
    """

    path: Path
    problem: str
    found: str = ""
    expected: str = ""
    fix: str = ""
    line: int | None = None
    severity: Severity = Severity.ERROR
    demonstration: bool = False


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """A rule: id (``performance.seeds``), where it comes from, and the function that judges."""

    id: str
    source: str
    text: str
    judge: Callable[[T], Iterator[Breach]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach and the rule it breaks."""

    rule: str
    source: str
    breach: Breach


class Table(Generic[T]):
    """The rules over one kind of thing, in the order they are judged."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.rules: list[Rule[T]] = []

    def rule(
        self, name: str, source: str
    ) -> Callable[[Callable[[T], Iterator[Breach]]], Callable[[T], Iterator[Breach]]]:
        """Enters a function as the rule ``group.name``; its docstring is the rule in words."""

        def enter(judge: Callable[[T], Iterator[Breach]]) -> Callable[[T], Iterator[Breach]]:
            text = (judge.__doc__ or "").strip().splitlines()[0]
            self.rules.append(Rule(f"{self.group}.{name}", source, text, judge))
            return judge

        return enter

    def judge(self, thing: T) -> Iterator[Finding]:
        """All breaches of all rules by one thing; what a breach does not say of itself its rule says."""
        for rule in self.rules:
            for breach in rule.judge(thing):
                told = replace(breach, found=breach.found or NOTHING, expected=breach.expected or rule.text)
                yield Finding(rule.id, rule.source, told)


def official(place: str) -> str:
    """The source of a rule that the official checker judges by."""
    return f"mlcommons/inference submission_checker, {place}"


RULES_TEXT = "MLPerf Inference submission rules; the official checker does not look"
"""The source of a rule that the official checker leaves out."""

OURS = "mlperf-bake: what a manifest proves about a result"
"""The source of a rule that only manifests make possible."""
