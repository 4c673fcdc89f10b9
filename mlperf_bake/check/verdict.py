"""The verdict on a submission tree: every result, every finding, and one word for the whole.

``valid``: no error. ``demonstration``: its only errors are there because the runs are demonstrations; never
valid.
``invalid``: anything else. Warnings and notes do not change the word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mlperf_bake.check.rule import Finding, Severity
from mlperf_bake.errors import CheckFailed
from mlperf_bake.results.headline import Headline


class State(StrEnum):
    """The word for the whole tree."""

    VALID = "valid"
    DEMONSTRATION = "demonstration"
    INVALID = "invalid"

    @property
    def meaning(self) -> str:
        """What the word says."""
        return {
            State.VALID: "no rule is broken",
            State.DEMONSTRATION: "everything holds but what a demonstration cannot hold; this is no MLPerf result",
            State.INVALID: "rules are broken",
        }[self]


@dataclass(frozen=True, slots=True)
class Judged:
    """One result and what became of it.

    Attributes:
        directory: relative to the tree.
        figure: the headline of its performance run, if it has one.
        accuracy: metric to value, as accuracy.txt gives them.
        power: the figure of its power measurement, if it has one.
        state: the word for this result alone, ``invalid`` for one of no benchmark or scenario; breaches of its system count
            for the tree.
    """

    directory: str
    division: str
    submitter: str
    system: str
    model: str
    scenario: str
    figure: Headline | None
    accuracy: Mapping[str, float]
    power: Headline | None
    state: State

    @property
    def figures(self) -> str:
        """The headline, and the power it took where that was measured."""
        return ", ".join(map(str, filter(None, (self.figure, self.power)))) or "no figure"

    @property
    def accuracy_words(self) -> tuple[str, ...]:
        """``top-1 90 %`` for what the official checker calls ``acc``; other metrics by their own name."""
        return tuple(
            f"top-1 {value:g} %"
            if metric == "acc"
            else f"{metric} {value:,.0f}"
            if value >= 1e5
            else f"{metric} {value:g}"
            for metric, value in self.accuracy.items()
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        tree: the root as the user gave it.
        round: by whose rules.
        files: how many files lie in the tree.
    """

    tree: Path
    round: str
    state: State
    results: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    files: int

    def count(self, severity: Severity, *, demonstration: bool | None = None) -> int:
        """How many findings weigh so much; of errors, only those that are (or are not) of a demonstration."""
        return sum(
            finding.breach.severity is severity and demonstration in (None, finding.breach.demonstration)
            for finding in self.findings
        )

    def relative(self, path: Path) -> str:
        """A path of the tree as it reads from its root; others as they are."""
        inside = path != self.tree and path.is_relative_to(self.tree)
        return path.relative_to(self.tree).as_posix() if inside else str(path)

    def place(self, finding: Finding) -> str:
        """File and line of a finding: ``open/Me/systems/box.json:3``."""
        line = f":{finding.breach.line}" if finding.breach.line else ""
        return self.relative(finding.breach.path) + line

    @property
    def exit_code(self) -> int:
        """0, or the code of a failed check."""
        return CheckFailed.exit_code if self.state is State.INVALID else 0


def state_of(findings: Iterable[Finding], *, demonstration: bool) -> State:
    """The word for something with these findings; ``demonstration`` where its runs are one."""
    errors = [finding.breach for finding in findings if finding.breach.severity is Severity.ERROR]
    if not all(breach.demonstration for breach in errors):
        return State.INVALID
    return State.DEMONSTRATION if errors or demonstration else State.VALID
