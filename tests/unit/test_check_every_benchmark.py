"""Every benchmark of the four newest rounds: valid at its limits in every scenario, and refused by each rule one step beyond."""

from pathlib import Path

import pytest

from mlperf_bake.check.engine import check
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import State
from mlperf_bake.rounds import load_round
from tests.support.benchmark_trees import write_benchmark_tree

ROUNDS = ("v5.0", "v5.1", "v6.0", "v6.1")


@pytest.mark.parametrize("name", ROUNDS)
def test_every_benchmark_is_valid_at_its_limits(tmp_path: Path, name: str) -> None:
    rules = load_round(name)
    every = write_benchmark_tree(tmp_path, rules)
    verdict = check(tmp_path, rules)
    wrong = [
        (one.rule, verdict.place(one)) for one in verdict.findings if one.breach.severity is Severity.ERROR
    ]
    assert wrong == []
    assert verdict.state is State.VALID
    assert {result.directory for result in verdict.results} == {case.result for case in every}
    assert all(result.figure and result.figure.value > 0 for result in verdict.results)
    accuracy = {result.directory: set(result.accuracy) for result in verdict.results}
    for case in every:
        metrics = {*case.benchmark.targets(case.scenario), *case.benchmark.accuracy_upper_limit}
        assert accuracy[case.result] == metrics


@pytest.mark.parametrize("name", ROUNDS)
def test_one_step_beyond_every_limit_is_a_breach_of_its_rule(tmp_path: Path, name: str) -> None:
    rules = load_round(name)
    every = write_benchmark_tree(tmp_path, rules, beyond=True)
    broken: dict[str, set[str]] = {}
    for one in check(tmp_path, rules).findings:
        if one.breach.severity is Severity.ERROR:
            parts = one.breach.path.relative_to(tmp_path).parts
            broken.setdefault(one.rule, set()).add("/".join(parts[:6]))
    results = {case.result for case in every}
    early = rules.tree.early_stopping_scenarios
    expected = {
        "accuracy.target": results,
        "accuracy.dataset": results,
        "performance.sample_count": results,
        "performance.duration": results,
        "performance.early_stopping": {case.result for case in every if case.logged in early},
        "performance.queries": {case.result for case in every if case.scenario == "Offline"},
        "performance.latency": {
            case.result
            for case in every
            if {case.scenario, case.logged}.intersection(case.benchmark.latency_limit_ns)
        },
        "performance.tokens": {
            case.result for case in every if case.scenario in case.benchmark.token_latency_limit_ns
        },
    }
    assert {rule: broken.get(rule, set()) for rule in expected} == expected
