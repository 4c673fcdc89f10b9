"""The scores of TEST01, TEST04 and TEST05 beside the performance run's, at and around their limits."""

from pathlib import Path

import pytest

from mlperf_bake.compliance.audits import audit
from mlperf_bake.compliance.deviations import Deviation, deviations
from mlperf_bake.compliance.evidence import Evidence
from mlperf_bake.compliance.performance import compare
from mlperf_bake.compliance.test06 import verify as verify_tokens
from mlperf_bake.compliance.verify import verify
from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.rounds import load_round
from tests.support.compliance_logs import audited, evidence, performance, write
from tests.support.synthetic_runs import log_line

SHARED = Path(__file__).parents[3] / "shared" / "data" / "inference_results_v5.1"
LATENCY = 3e6
SHORT = 1e5


@pytest.mark.parametrize(
    ("test", "scenario", "before", "after", "passes"),
    [
        ("TEST01", "Offline", 100, 110, True),
        ("TEST01", "Offline", 100, 110.1, False),
        # MLCommons' script multiplies the reference's score; its quotient would be a hair below 0.9.
        ("TEST01", "Offline", 9890484.008399375, 8901435.607559437, True),
        ("TEST01", "Offline", 100, 90, True),
        ("TEST01", "Offline", 100, 89.9, False),
        ("TEST01", "Server", 100, 89.9, False),
        ("TEST01", "SingleStream", LATENCY, 1.1 * LATENCY, True),
        ("TEST01", "SingleStream", LATENCY, 1.11 * LATENCY, False),
        ("TEST01", "SingleStream", SHORT, 1.19 * SHORT, True),
        ("TEST01", "SingleStream", SHORT, 1.21 * SHORT, False),
        ("TEST01", "MultiStream", 1.6e6, 1.19 * 1.6e6, True),
        ("TEST01", "MultiStream", 1.7e6, 1.19 * 1.7e6, False),
        # At most 10 % faster; slower is always right.
        ("TEST04", "Offline", 100, 109.9, True),
        ("TEST04", "Offline", 100, 110, False),
        ("TEST04", "Offline", 100, 20, True),
        ("TEST04", "SingleStream", LATENCY, LATENCY / 1.09, True),
        ("TEST04", "SingleStream", LATENCY, LATENCY / 1.11, False),
        ("TEST04", "SingleStream", SHORT, SHORT / 1.19, True),
        ("TEST04", "SingleStream", SHORT, SHORT / 1.21, False),
        ("TEST04", "MultiStream", LATENCY, 5 * LATENCY, True),
    ],
)
def test_a_score_is_judged_by_the_limit_of_its_test(
    tmp_path: Path, test: str, scenario: str, before: float, after: float, passes: bool
) -> None:
    one = evidence(
        tmp_path,
        test,
        "resnet",
        scenario=scenario,
        run=performance(scenario, after),
        reference=performance(scenario, before),
    )
    lines, reasons = compare(one)
    assert (not reasons) is passes
    assert lines == [f"Reference score = {before!r}", f"Test score = {after!r}"]


@pytest.mark.parametrize(("after", "passes"), [(95.1, True), (95, False), (130, True)])
def test_other_seeds_must_not_be_slower(tmp_path: Path, after: float, passes: bool) -> None:
    one = evidence(
        tmp_path, "TEST05", "resnet", round_name="v4.1", run=performance(score=after), reference=performance()
    )
    assert verify(one).passed is passes


def test_other_seeds_must_be_the_rounds_other_seeds(tmp_path: Path) -> None:
    one = evidence(tmp_path, "TEST05", "resnet", round_name="v4.1", run={"effective_qsl_rng_seed": 1})
    found = verify(one)
    assert "effective_qsl_rng_seed is 1, expected 16799458546791641818" in found.reasons[0]


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ({"result_validity": "INVALID"}, "LoadGen calls the run of the test INVALID"),
        ({"effective_test_mode": "AccuracyOnly"}, "the run of the test is no performance run: accuracy"),
        ({"effective_scenario": "SingleStream"}, "the scenarios differ: Offline and SingleStream"),
        ({"result_samples_per_second": 0}, "result_samples_per_second is"),
        ({"result_samples_per_second": "fast"}, "result_samples_per_second is"),
        ({"result_samples_per_second": -1.0}, "result_samples_per_second is"),
    ],
)
def test_runs_that_cannot_be_compared_fail_with_the_reason(
    tmp_path: Path, run: dict[str, object], says: str
) -> None:
    found = verify(evidence(tmp_path, "TEST04", "resnet", run=run))
    assert not found.passed
    assert says in found.reasons[0]
    assert found.texts["verify_performance.txt"].endswith("TEST FAIL\n")


def test_latency_limits_must_be_the_same(tmp_path: Path) -> None:
    one = evidence(
        tmp_path, "TEST04", "resnet", scenario="Server", run={"effective_target_latency_ns": 100_000_000}
    )
    assert "the latency limits differ: 1.5e+07 ns and 1e+08 ns" in verify(one).reasons[0]


def test_an_error_of_loadgen_fails_the_test(tmp_path: Path) -> None:
    one = evidence(tmp_path, "TEST04", "resnet")
    log = one.run / "mlperf_log_detail.txt"
    line = log_line("error_runtime", "Ending early", error=True)
    log.write_text(line + log.read_text(encoding="utf-8"), encoding="utf-8")
    assert (
        "LoadGen logged an error in the run of the test: error_runtime: Ending early"
        in verify(one).reasons[0]
    )


def test_a_log_cut_short_fails_the_test(tmp_path: Path) -> None:
    one = evidence(tmp_path, "TEST04", "resnet")
    log = one.run / "mlperf_log_detail.txt"
    log.write_text(log.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert not verify(one).passed


def test_a_run_without_a_log_is_an_error(tmp_path: Path) -> None:
    one = evidence(tmp_path, "TEST04", "resnet")
    (one.run / "mlperf_log_detail.txt").unlink()
    with pytest.raises(UsageError):
        verify(one)


def test_an_audit_of_one_scenario_is_proven_in_that_scenario_only(tmp_path: Path) -> None:
    one = audit("TEST04", load_round("v6.1"), "wan-2.2-t2v-a14b")
    logged = audited("TEST04", "wan-2.2-t2v-a14b", "SingleStream")
    detail = read_detail(write(tmp_path, logged) / "mlperf_log_detail.txt")
    assert deviations(one, detail, "SingleStream") == ()
    other = read_detail(
        write(tmp_path, {**logged, "requested_min_query_count": 50}) / "mlperf_log_detail.txt"
    )
    assert deviations(one, other, "SingleStream") == (Deviation("requested_min_query_count", "50", "20"),)
    assert deviations(one, other, "Offline") == ()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no published results beside the checkout")
def test_published_compliance_tests_come_out_as_their_submitters_found_them() -> None:
    rules = load_round("v5.1")
    scenarios = {name.lower(): name for name in rules.tree.scenarios}
    judged = []
    for directory in sorted(SHARED.glob("*/*/compliance/*/*/*/TEST*")):
        division, submitter, _, system, model, scenario, test = directory.relative_to(SHARED).parts
        benchmark = rules.benchmark_of(model)
        assert benchmark is not None
        one = audit(test, rules, benchmark.name)
        logs = directory / "performance" / "run_1"
        results = SHARED / division / submitter / "results" / system / model / scenario
        found = Evidence(
            one, rules, benchmark, scenarios[scenario.lower()], logs, results / "performance" / "run_1"
        )
        if test == "TEST06":
            tokens = Evidence(one, rules, benchmark, found.scenario, directory / "accuracy")
            said = (directory / "verify_accuracy.txt").read_text(encoding="utf-8")
            assert verify_tokens(tokens).texts["verify_accuracy.txt"] == said
        else:
            _, reasons = compare(found)
            assert not reasons
            assert "TEST PASS" in (directory / "verify_performance.txt").read_text(encoding="utf-8")
            assert deviations(one, read_detail(logs / "mlperf_log_detail.txt"), found.scenario) == ()
        judged.append(test)
    assert sorted(judged) == ["TEST01"] * 3 + ["TEST04"] * 3 + ["TEST06"] * 4
