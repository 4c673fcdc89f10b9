"""The verdict on a submission tree: every rule judged, every breach listed, and one word for the whole.

``valid``: no error. ``demonstration``: its only errors are there because the runs are demonstrations; never
valid.
``invalid``: anything else. Warnings and notes do not change the word.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mlperf_bake.check.accuracy_rules import ACCURACY_RUN, accuracy_figures
from mlperf_bake.check.compliance_rules import COMPLIANCE, named, performance_logs
from mlperf_bake.check.measurement_rules import MEASUREMENTS
from mlperf_bake.check.performance_rules import PERFORMANCE
from mlperf_bake.check.provenance_rules import PROVENANCE, RUN_IDS
from mlperf_bake.check.rule import Finding, Rule, Severity
from mlperf_bake.check.system_rules import SYSTEM
from mlperf_bake.check.tree import Result, Tree
from mlperf_bake.check.tree_rules import MODEL, SUBMITTER, TREE
from mlperf_bake.errors import CheckFailed, UsageError
from mlperf_bake.results.headline import Headline, headline
from mlperf_bake.rounds import DEFAULT_ROUND, load_round

RESULT_TABLES = (MEASUREMENTS, ACCURACY_RUN, COMPLIANCE, PROVENANCE)


class State(StrEnum):
    """The word for the whole tree."""

    VALID = "valid"
    DEMONSTRATION = "demonstration"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Judged:
    """One result and what became of it.

    Attributes:
        directory: relative to the tree.
        figure: the headline of its performance run, if it has one.
        accuracy: metric to value, as accuracy.txt gives them.
        state: the word for this result alone; breaches of its system count for the tree.
    """

    directory: str
    division: str
    submitter: str
    system: str
    model: str
    scenario: str
    figure: Headline | None
    accuracy: Mapping[str, float]
    state: State


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found."""

    tree: Path
    round: str
    state: State
    results: tuple[Judged, ...]
    findings: tuple[Finding, ...]

    def count(self, severity: Severity, *, demonstration: bool | None = None) -> int:
        """How many findings weigh so much; of errors, only those that are (or are not) of a demonstration."""
        return sum(
            finding.breach.severity is severity and demonstration in (None, finding.breach.demonstration)
            for finding in self.findings
        )

    @property
    def exit_code(self) -> int:
        """0, or the code of a failed check."""
        return CheckFailed.exit_code if self.state is State.INVALID else 0


def check(path: Path, round_name: str = DEFAULT_ROUND) -> Verdict:
    """Judges a submission tree by a round's rules.

    Raises:
        UsageError: the path is no directory that can be read, or the round is unknown.
    """
    if not path.is_dir():
        raise UsageError(
            "there is no submission tree",
            where=str(path),
            expected="a directory with open/ or closed/",
            remedy="mlperf-bake collect RESULT... --out " + str(path),
        )
    tree = Tree(path, load_round(round_name))
    try:
        findings = tuple(_ordered(_judge(tree)))
        results = tuple(_judged(result, findings) for result in tree.results)
    except OSError as error:
        raise UsageError(
            "the tree cannot be read", where=str(error.filename or path), found=error.strerror or str(error)
        ) from error
    demonstration = any(result.demonstration for result in tree.results)
    state = _state(findings, demonstration, empty=not results)
    return Verdict(path, tree.rules.name, state, results, findings)


def _judge(tree: Tree) -> Iterator[Finding]:
    yield from TREE.judge(tree)
    yield from RUN_IDS.judge(tree)
    for submitter in tree.submitters:
        yield from SUBMITTER.judge(submitter)
        for system in submitter.systems:
            yield from SYSTEM.judge(system)
            for model in system.models:
                yield from MODEL.judge(model)
                for result in model.results:
                    yield from _judge_result(result)


def _judge_result(result: Result) -> Iterator[Finding]:
    if result.scenario is None:
        return
    yield from PERFORMANCE.judge(result.performance)
    for table in RESULT_TABLES:
        yield from table.judge(result)
    for log in performance_logs(result):
        for finding in PERFORMANCE.judge(log):
            yield named(finding, log)


def rules() -> tuple[Rule[object], ...]:
    """All rules, in the order they are judged."""
    tables = (TREE, RUN_IDS, SUBMITTER, SYSTEM, MODEL, PERFORMANCE, *RESULT_TABLES)
    return tuple(rule for table in tables for rule in table.rules)  # type: ignore[misc]


def _ordered(findings: Iterator[Finding]) -> list[Finding]:
    """Errors first, those of a demonstration after the others; within that as judged."""
    weight = {Severity.ERROR: 0, Severity.WARNING: 2, Severity.NOTE: 3}
    return sorted(findings, key=lambda one: weight[one.breach.severity] + one.breach.demonstration)


def _state(findings: tuple[Finding, ...], demonstration: bool, *, empty: bool) -> State:
    errors = [finding.breach for finding in findings if finding.breach.severity is Severity.ERROR]
    if empty or not all(breach.demonstration for breach in errors):
        return State.INVALID
    return State.DEMONSTRATION if errors or demonstration else State.VALID


def _judged(result: Result, findings: tuple[Finding, ...]) -> Judged:
    detail, benchmark = result.performance.detail.value, result.model.benchmark
    figure = None
    if detail and benchmark and detail.scenario in result.rules.result_fields:
        figure = headline(detail, result.rules, benchmark, detail.scenario or "")
    mine = tuple(one for one in findings if _below(one.breach.path, result))
    return Judged(
        directory=result.path.relative_to(result.submitter.tree.root).as_posix(),
        division=result.division,
        submitter=result.submitter.name,
        system=result.system.name,
        model=result.model.name,
        scenario=result.scenario or result.path.name,
        figure=figure,
        accuracy=accuracy_figures(result, result.accuracy_text.value or ""),
        state=_state(mine, result.demonstration, empty=False),
    )


def _below(path: Path, result: Result) -> bool:
    places = (result.path, result.measurements, result.compliance)
    return any(path.is_relative_to(place) for place in places)
