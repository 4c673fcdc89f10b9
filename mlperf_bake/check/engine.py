"""Judges a submission tree: every rule over everything in it that the rule is about.

Reads files and nothing else; the tree is not changed. ``check`` is the one verb, ``rules`` the table of what
it judges by. Systems are judged one after the other, or in several processes where a tree is large, and what
was read of one is let go before the next: memory does not grow with the tree.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlperf_bake.check.accuracy_rules import ACCURACY_RUN, OUTPUTS, accuracy_figures
from mlperf_bake.check.compliance_rules import COMPLIANCE, named, performance_logs
from mlperf_bake.check.endpoint import endpoint_of
from mlperf_bake.check.endpoints_rules import ENDPOINTS
from mlperf_bake.check.log_rules import LOGS
from mlperf_bake.check.measurement_rules import MEASUREMENTS
from mlperf_bake.check.model_rules import MODEL
from mlperf_bake.check.performance_rules import PERFORMANCE
from mlperf_bake.check.power_rules import POWER, power
from mlperf_bake.check.provenance_rules import PROVENANCE
from mlperf_bake.check.rule import Finding, Rule, Severity, Table
from mlperf_bake.check.run_rules import MACHINE, RUNS, Runs, Standing, standings
from mlperf_bake.check.submitter_rules import SUBMITTER
from mlperf_bake.check.system_rules import SYSTEM
from mlperf_bake.check.tree import Log, Result, System, Tree
from mlperf_bake.check.tree_rules import TREE
from mlperf_bake.check.verdict import Judged, State, Verdict, state_of
from mlperf_bake.check.workers import each, processes
from mlperf_bake.errors import UsageError
from mlperf_bake.results.headline import headline
from mlperf_bake.rounds import Round

LARGE: Final = 3_000
"""Files from which a tree is judged in several processes: before, starting them takes longer than it saves."""
DEMONSTRATION_RULE: Final = "provenance.demonstration"
LOG_TABLES: Final[tuple[Table[Log], ...]] = (LOGS, PERFORMANCE)
RESULT_TABLES: Final[tuple[Table[Result], ...]] = (
    MEASUREMENTS,
    ACCURACY_RUN,
    OUTPUTS,
    COMPLIANCE,
    POWER,
    PROVENANCE,
)
ENDPOINT_TABLES: Final[tuple[Table[Result], ...]] = (ENDPOINTS, OUTPUTS, MEASUREMENTS, POWER)
"""What a result measured through an endpoint is judged by; it has no logs of LoadGen and no runs of compliance tests."""
SYSTEM_TABLES: Final[tuple[Table[System], ...]] = (SYSTEM, MACHINE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found about one system, and what the rules on the whole tree need of it."""

    findings: tuple[Finding, ...]
    results: tuple[Judged, ...]
    runs: tuple[Standing, ...]
    demonstration: bool


def check(path: Path, judged_by: Round) -> Verdict:
    """Judges a submission tree by a round's rules.

    Raises:
        UsageError: the path is no directory, or one that cannot be listed.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(
            "a submission tree is a directory",
            where=str(path),
            found="a file",
            expected="a directory with open/ or closed/",
            remedy=f"give the tree itself; a packed one is unpacked first: tar -xf {shlex.quote(str(path))}",
        )
    if not path.is_dir():
        raise UsageError(
            "there is no submission tree",
            where=str(path),
            expected="a directory with open/ or closed/",
            remedy=f"mlperf-bake collect ./results --out {shlex.quote(str(path))}",
        )
    tree = Tree(path, judged_by)
    if str(path) in tree.inventory.unreadable:
        found = tree.inventory.unreadable[str(path)]
        raise UsageError("the tree cannot be read", where=str(path), found=found)
    workers = processes() if len(tree.inventory) >= LARGE else 1
    systems = each(judge_system, tuple(tree.systems()), workers)
    every = tuple(run for judgement in systems for run in judgement.runs)
    runs = Runs(path, judged_by.name, every)
    everything = (
        *TREE.judge(tree),
        *RUNS.judge(runs),
        *(finding for submitter in tree.submitters for finding in SUBMITTER.judge(submitter)),
        *(finding for judgement in systems for finding in judgement.findings),
    )
    return Verdict(
        tree=path,
        round=tree.rules.name,
        state=state_of(everything, demonstration=any(judgement.demonstration for judgement in systems)),
        results=tuple(result for judgement in systems for result in judgement.results),
        findings=tuple(_ordered(everything)),
        files=len(tree.inventory),
    )


def judge_system(system: System) -> Judgement:
    """All findings on one system and its results."""
    findings = [finding for table in SYSTEM_TABLES for finding in table.judge(system)]
    results: list[Judged] = []
    for model in system.models:
        findings += MODEL.judge(model)
        for result in model.results:
            mine = tuple(_judge_result(result))
            result.close_compliance()
            findings += mine
            results.append(_judged(result, mine))
    demonstration = system.demonstration
    return Judgement(tuple(findings), tuple(results), standings(system), demonstration)


def _judge_result(result: Result) -> Iterator[Finding]:
    if result.scenario is None:
        return
    if result.through_endpoint:
        for table in ENDPOINT_TABLES:
            yield from table.judge(result)
        return
    for logs in LOG_TABLES:
        yield from logs.judge(result.performance)
    for table in RESULT_TABLES:
        yield from table.judge(result)
    for log in performance_logs(result):
        for finding in (one for logs in LOG_TABLES for one in logs.judge(log)):
            yield named(finding, log)


def rule_of(identity: str) -> Rule[Any]:
    """A rule by the id that a finding gives; ``compliance.TEST01.seeds`` is the rule ``performance.seeds``.

    Raises:
        KeyError: no such rule.
    """
    group, _, name = identity.partition(".")
    test, dot, rest = name.partition(".")
    wanted = f"performance.{rest}" if group == "compliance" and dot and test.startswith("TEST") else identity
    return {rule.id: rule for rule in rules()}[wanted]


def rules() -> tuple[Rule[Any], ...]:
    """All rules, in the order they are judged."""
    tables: tuple[Table[Any], ...] = (
        TREE,
        RUNS,
        SUBMITTER,
        *SYSTEM_TABLES,
        MODEL,
        ENDPOINTS,
        *LOG_TABLES,
        *RESULT_TABLES,
    )
    return tuple(rule for table in tables for rule in table.rules)


def _ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then what makes the runs a demonstration and what follows from it; within that as judged."""
    weight = {Severity.ERROR: 0, Severity.WARNING: 3, Severity.NOTE: 4}

    def rank(finding: Finding) -> int:
        consequence = finding.breach.demonstration and finding.rule != DEMONSTRATION_RULE
        return weight[finding.breach.severity] + finding.breach.demonstration + consequence

    return sorted(findings, key=rank)


def _judged(result: Result, findings: tuple[Finding, ...]) -> Judged:
    detail, benchmark = result.performance.detail.value, result.model.benchmark
    figure, judged = None, benchmark is not None and result.scenario is not None
    accuracy: Mapping[str, float] = accuracy_figures(result, result.accuracy_text.value or "")
    endpoint = endpoint_of(result)
    if detail and benchmark and result.scenario:
        figure = headline(detail, result.rules, benchmark, result.scenario)
    elif endpoint:
        figure, accuracy = endpoint.figure, endpoint.scores
    return Judged(
        directory=result.path.relative_to(result.tree.root).as_posix(),
        division=result.division,
        submitter=result.submitter.name,
        system=result.system.name,
        model=result.model.name,
        scenario=result.scenario or result.path.name,
        figure=figure,
        accuracy=accuracy,
        power=power(result),
        state=state_of(findings, demonstration=result.demonstration) if judged else State.INVALID,
    )
