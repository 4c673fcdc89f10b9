"""Judges a submission tree: every rule over everything in it that the rule is about.

Reads files and nothing else; the tree is not changed. ``check`` is the one verb, ``rules`` the table of what
it judges by.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlperf_bake.check.accuracy_rules import ACCURACY_RUN, accuracy_figures
from mlperf_bake.check.compliance_rules import COMPLIANCE, named, performance_logs
from mlperf_bake.check.measurement_rules import MEASUREMENTS
from mlperf_bake.check.performance_rules import PERFORMANCE
from mlperf_bake.check.provenance_rules import PROVENANCE, RUN_IDS
from mlperf_bake.check.rule import Finding, Rule, Severity, Table
from mlperf_bake.check.system_rules import SYSTEM
from mlperf_bake.check.tree import Result, Tree
from mlperf_bake.check.tree_rules import MODEL, SUBMITTER, TREE
from mlperf_bake.check.verdict import Judged, Verdict, state_of
from mlperf_bake.errors import UsageError
from mlperf_bake.results.headline import headline
from mlperf_bake.rounds import Round

DEMONSTRATION_RULE = "provenance.demonstration"
RESULT_TABLES = (MEASUREMENTS, ACCURACY_RUN, COMPLIANCE, PROVENANCE)


def check(path: Path, judged_by: Round) -> Verdict:
    """Judges a submission tree by a round's rules.

    Raises:
        UsageError: the path is no directory, or holds files that cannot be read.
    """
    if not path.is_dir():
        raise UsageError(
            "there is no submission tree",
            where=str(path),
            expected="a directory with open/ or closed/",
            remedy=f"mlperf-bake collect ./results --out {path}",
        )
    tree = Tree(path, judged_by)
    try:
        findings = tuple(_ordered(_judge(tree)))
        results = tuple(_judged(result, findings) for result in tree.results)
    except OSError as error:
        raise UsageError(
            "the tree cannot be read", where=str(error.filename or path), found=error.strerror or str(error)
        ) from error
    state = state_of(findings, demonstration=any(result.demonstration for result in tree.results))
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


def rules() -> tuple[Rule[Any], ...]:
    """All rules, in the order they are judged."""
    tables: tuple[Table[Any], ...] = (TREE, RUN_IDS, SUBMITTER, SYSTEM, MODEL, PERFORMANCE, *RESULT_TABLES)
    return tuple(rule for table in tables for rule in table.rules)


def _ordered(findings: Iterator[Finding]) -> list[Finding]:
    """Errors first, then what makes the runs a demonstration and what follows from it; within that as judged."""
    weight = {Severity.ERROR: 0, Severity.WARNING: 3, Severity.NOTE: 4}

    def rank(finding: Finding) -> int:
        consequence = finding.breach.demonstration and finding.rule != DEMONSTRATION_RULE
        return weight[finding.breach.severity] + finding.breach.demonstration + consequence

    return sorted(findings, key=rank)


def _judged(result: Result, findings: tuple[Finding, ...]) -> Judged:
    detail, benchmark = result.performance.detail.value, result.model.benchmark
    figure = None
    if detail and benchmark and result.scenario:
        figure = headline(detail, result.rules, benchmark, result.scenario)
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
        state=state_of(mine, demonstration=result.demonstration),
    )


def _below(path: Path, result: Result) -> bool:
    places = (result.path, result.measurements, result.compliance)
    return any(path.is_relative_to(place) for place in places)
