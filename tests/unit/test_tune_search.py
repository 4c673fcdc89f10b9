"""The search on a simulated harness whose best setting is known: it is found, in time, and nothing unproven is returned."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_bake.errors import EngineMissing, RunFailed, UsageError
from mlperf_bake.tune.early_stopping import lasting_s, queries_needed
from mlperf_bake.tune.executions import Fixed, axes, climb
from mlperf_bake.tune.pairs import Comparison, Gain
from mlperf_bake.tune.session import FEWEST_RUNS, Tuned, Wishes, tune
from mlperf_bake.tune.setting import STREAMS, Execution, Measurement, Setting, Trial
from mlperf_bake.tune.trials import Measure, Trials
from tests.support.simulated_harness import SimulatedHarness

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline", "Interactive")


class Silent:
    """Nobody looks on."""

    def started(self, trial: Trial, limit: int) -> None: ...
    def ended(self, trial: Trial) -> None: ...


def tuned(
    harness: SimulatedHarness, runs: int = 40, fixed: Fixed | None = None, measure: Measure | None = None
) -> Tuned:
    wishes = Wishes(harness.scenario, 5.0, runs, 0.05, fixed or Fixed())
    return tune(wishes, Trials(measure or harness, runs, Silent()))


@given(
    scenario=st.sampled_from(SCENARIOS),
    cpus=st.sampled_from([1, 2, 3, 6, 8, 64]),
    sample_s=st.floats(0.0005, 0.012),
    serial=st.floats(0.0, 1.0),
    batch_gain=st.floats(0.0, 0.6),
    noise=st.floats(0.0, 0.3),
    runs=st.integers(FEWEST_RUNS, 40),
)
@settings(max_examples=30, deadline=None)
def test_whatever_the_machine_the_runs_are_counted_and_the_setting_was_confirmed(
    scenario: str, cpus: int, sample_s: float, serial: float, batch_gain: float, noise: float, runs: int
) -> None:
    harness = SimulatedHarness(scenario, cpus, sample_s, serial, batch_gain, noise=noise)
    try:
        found = tuned(harness, runs)
    except RunFailed as error:
        assert "VALID" in error.problem
        assert len(harness.asked) <= runs
        return
    assert len(harness.asked) == len(found.trials) <= runs
    assert [trial.number for trial in found.trials] == list(range(1, len(found.trials) + 1))
    assert found.confirmation in found.trials
    assert found.confirmation.purpose == "confirm"
    assert found.confirmation.setting == found.setting
    assert found.confirmation.verdict == "VALID"
    assert found.setting in [setting for setting, _ in harness.asked]


@pytest.mark.parametrize("cpus", [2, 8, 64])
@pytest.mark.parametrize("batch_gain", [0.0, 0.4])
@pytest.mark.parametrize("serial", [0.0, 0.3])
def test_offline_finds_the_fastest_execution(cpus: int, batch_gain: float, serial: float) -> None:
    harness = SimulatedHarness("Offline", cpus, batch_gain=batch_gain, serial=serial)
    found = tuned(harness)
    best = max(harness.throughput(each) for each in harness.executions())
    assert found.setting.execution
    assert harness.throughput(found.setting.execution) >= 0.97 * best
    ratio = harness.throughput(found.setting.execution) / harness.throughput(harness.default)
    if found.comparison.gain:
        assert found.comparison.gain.ratio == pytest.approx(ratio)
    else:
        assert ratio == pytest.approx(1)
        assert "default was the best of" in found.comparison.why_none


@pytest.mark.parametrize("scenario", STREAMS)
@pytest.mark.parametrize("serial", [0.0, 0.5, 1.0])
def test_streams_find_the_shortest_latency_and_expect_a_little_less(scenario: str, serial: float) -> None:
    harness = SimulatedHarness(scenario, 8, serial=serial)
    found = tuned(harness)
    execution = found.setting.execution
    assert execution
    best = min(harness.latency_s(each) for each in harness.executions())
    assert harness.latency_s(execution) <= 1.03 * best
    assert found.setting.target_latency_ms == pytest.approx(800 * harness.latency_s(execution), rel=0.01)
    if scenario == "SingleStream":
        assert found.setting.options(scenario)[::2] == ("--threads", "--target-latency-ms")


def highest_rate(harness: SimulatedHarness, execution: Execution) -> float:
    """Of one execution, by a fine search with runs as long as a confirmation."""
    low, high = 1.0, harness.throughput(execution)
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        if harness.in_time(execution, middle, lasting_s(middle, 15.0)):
            low = middle
        else:
            high = middle
    return low


@pytest.mark.parametrize("sample_s", [0.002, 0.004, 0.008])
def test_server_finds_the_highest_rate_within_its_resolution(sample_s: float) -> None:
    harness = SimulatedHarness("Server", 4, sample_s=sample_s, batch_gain=0.0)
    found = tuned(harness, runs=40)
    assert found.setting.execution and found.setting.target_qps
    assert found.setting.target_qps >= 0.9 * highest_rate(harness, harness.default)
    assert found.resolved is not None
    assert found.resolved <= 0.06
    assert found.comparison.gain
    assert found.comparison.gain.ratio > 1


def test_server_widens_its_workers_where_a_lone_query_would_be_late() -> None:
    harness = SimulatedHarness("Server", 4, sample_s=0.016, serial=0.05, batch_gain=0.0)
    found = tuned(harness, runs=40)
    assert found.setting.execution
    assert found.setting.execution.threads > 1
    assert "not VALID" in found.comparison.why_none  # the default, each time


def test_server_takes_batches_where_they_carry_a_higher_rate() -> None:
    harness = SimulatedHarness("Server", 2, sample_s=0.001, batch_gain=0.6)
    found = tuned(harness, runs=40)
    assert found.setting.execution and found.setting.target_qps
    assert found.setting.execution.batch > 1
    assert found.setting.target_qps > highest_rate(harness, harness.default)


def test_a_machine_that_slows_down_after_the_search_still_gets_a_rate_that_it_keeps() -> None:
    harness = SimulatedHarness("Server", 4, sample_s=0.002, batch_gain=0.0)
    slow = replace(harness, sample_s=4 * harness.sample_s)
    keeps = highest_rate(slow, slow.default)

    def measure(setting: Setting, duration_s: float) -> Measurement:
        if duration_s < 15:
            return harness(setting, duration_s)
        measured = slow(setting, duration_s)
        kept_up = ("--target-qps", f"{0.9 * keeps:.4g}")
        return measured if measured.valid else replace(measured, correction=kept_up)

    found = tuned(harness, 14, measure=measure)
    assert found.setting.target_qps
    assert found.setting.target_qps <= keeps
    confirmations = [trial.verdict for trial in found.trials if trial.purpose == "confirm"]
    assert confirmations[-1] == "VALID"
    assert confirmations[:-1] == ["INVALID"] * (len(confirmations) - 1)


def test_a_rate_that_no_longer_run_keeps_is_not_returned_and_the_correction_is_passed_on() -> None:
    harness = SimulatedHarness("Server", 4, batch_gain=0.0)

    def measure(setting: Setting, duration_s: float) -> Measurement:
        measured = harness(setting, duration_s)
        if duration_s < 15:
            return measured
        return replace(
            measured, valid=False, reasons=("latency limit exceeded",), correction=("--target-qps", "3")
        )

    with pytest.raises(RunFailed, match="no rate was VALID in the longer run") as caught:
        tuned(harness, 14, measure=measure)
    assert "mlperf-bake run --untuned with --target-qps 3" in str(caught.value.remedy)
    assert "--runs" in str(caught.value.remedy)


def test_a_rate_is_bisected_between_what_was_valid_and_what_was_not() -> None:
    harness = SimulatedHarness("Server", 2, batch_gain=0.0)
    found = tuned(harness)
    valid, missed = 0.0, math.inf
    for trial in found.trials:
        rate = trial.setting.target_qps
        other = trial.setting.execution != found.setting.execution
        if trial.purpose != "rate" or not rate or other or trial.verdict == "undetermined":
            continue
        assert valid < rate < missed
        valid, missed = (rate, missed) if trial.verdict == "VALID" else (valid, rate)
    assert valid


def test_too_few_queries_are_undetermined_and_run_longer_not_taken_for_a_miss() -> None:
    harness = SimulatedHarness("Server", 1, sample_s=0.002, batch_gain=0.0, limit_s=0.015)
    stubborn: list[float] = []

    def measure(setting: Setting, duration_s: float) -> Measurement:
        measured = harness(setting, duration_s)
        if setting.target_qps and duration_s < 60 and not stubborn:
            stubborn.append(setting.target_qps)
            reasons = ("too few queries for early stopping",)
            return Measurement("r", measured.execution, 1, False, reasons, ("--duration", "20"))
        return measured

    found = tuned(harness, measure=measure)
    undetermined = next(trial for trial in found.trials if trial.verdict == "undetermined")
    longer = found.trials[undetermined.number]
    assert (longer.setting, longer.duration_s) == (undetermined.setting, 20.0)


@pytest.mark.parametrize(("suggestion", "rate"), [((), 20.0), (("--target-qps", "12"), 12.0)])
def test_a_late_query_among_few_does_not_rule_the_defaults_rate_out(
    suggestion: tuple[str, ...], rate: float
) -> None:
    harness = SimulatedHarness("Server", 1, sample_s=0.008, batch_gain=0.0)

    def measure(setting: Setting, duration_s: float) -> Measurement:
        if setting != Setting():
            return harness(setting, duration_s)
        measured = harness(Setting(target_qps=20.0), duration_s)
        return replace(measured, valid=False, reasons=("latency limit exceeded",), correction=suggestion)

    found = tuned(harness, measure=measure)
    assert found.trials[1].setting.target_qps == rate
    assert found.trials[1].duration_s >= queries_needed(3) / rate


def test_an_execution_that_fails_is_passed_over() -> None:
    whole = SimulatedHarness("Offline", 4, batch_gain=0.4)
    rival = Execution(4, 1, 4)
    found = tuned(SimulatedHarness("Offline", 4, batch_gain=0.4, fails=frozenset({rival})))
    assert tuned(whole).setting.execution != found.setting.execution
    [failed] = [trial for trial in found.trials if trial.measurement is None]
    assert (failed.setting.execution, failed.failure) == (rival, "the backend failed: out of memory")


def test_a_default_that_fails_ends_the_tuning() -> None:
    harness = SimulatedHarness("Offline", fails=frozenset({Execution(8, 1, 1)}))
    with pytest.raises(RunFailed, match="untuned default cannot be run"):
        tuned(harness)
    assert len(harness.asked) == 1


def test_a_lost_engine_ends_the_tuning_at_once() -> None:
    def measure(setting: Setting, duration_s: float) -> Measurement:
        raise EngineMissing("the container engine does not answer")

    with pytest.raises(EngineMissing):
        tuned(SimulatedHarness("Offline"), measure=measure)


def test_a_gain_that_only_some_pairs_show_leaves_the_default() -> None:
    harness = SimulatedHarness("Offline", 4, batch_gain=0.4)
    default, flip = harness.default, [0]

    def measure(setting: Setting, duration_s: float) -> Measurement:
        measured = harness(setting, duration_s)
        if setting == Setting():
            flip[0] += 1
            factor = 3.0 if flip[0] == 3 else 1.0
            return Measurement("r", default, 4, True, value=factor * (measured.value or 0))
        return measured

    found = tuned(harness, measure=measure)
    assert found.setting.execution == default
    assert found.comparison.gain is None
    assert "so the default stays" in found.comparison.why_none
    assert found.confirmation.verdict == "VALID"


def test_what_the_user_fixed_is_not_varied() -> None:
    harness = SimulatedHarness("Offline", 8, batch_gain=0.4)
    found = tuned(harness, fixed=Fixed(batch=1))
    assert {trial.measurement.execution.batch for trial in found.trials if trial.measurement} == {1}
    assert axes("Offline", 8, Fixed(1, 1, 1)) == ()
    [threads] = axes("Offline", 8, Fixed(workers=2, batch=1))
    assert {each.workers for each in threads(Execution(2, 1, 1))} == {2}


def test_each_axis_holds_the_execution_it_starts_from() -> None:
    for scenario in SCENARIOS:
        for cpus in (1, 2, 3, 12):
            for axis in axes(scenario, cpus, Fixed()):
                start = Execution(5, 3, 3)
                assert start in axis(start)
                assert len(set(axis(start))) == len(axis(start))


def test_the_climb_challenges_nothing_twice_and_stops_behind_a_worse_one() -> None:
    challenged: list[Execution] = []
    best = [Execution(8, 1, 1)]

    def challenge(rival: Execution) -> bool:
        challenged.append(rival)
        won = rival.batch <= 4 and rival.threads == 1 and rival.workers == 8
        if won:
            best[0] = rival
        return won

    found = climb(best[0], axes("Offline", 8, Fixed()), challenge)
    assert found == best[0] == Execution(8, 1, 4)
    assert len(challenged) == len(set(challenged))
    assert max(each.batch for each in challenged) == 8


@pytest.mark.parametrize("late, queries", [(0, 459), (1, 662), (2, 838), (3, 1001)])
def test_early_stopping_wants_as_many_queries_as_loadgen(late: int, queries: int) -> None:
    assert queries_needed(late) == queries


def test_wishes_that_cannot_be_met_are_refused() -> None:
    with pytest.raises(UsageError, match="too few runs") as few:
        Wishes("Offline", 5.0, FEWEST_RUNS - 1, 0.05)
    assert few.value.remedy == f"--runs {FEWEST_RUNS}, with a shorter --duration where time is short"
    with pytest.raises(UsageError, match="resolution"):
        Wishes("Server", 5.0, 20, 0.0)


def test_a_gain_is_shown_only_where_every_pair_agrees() -> None:
    assert Gain(1.2, 1.01, 1.3, 4).shown
    assert not Gain(1.2, 0.99, 1.3, 4).shown
    assert str(Gain(1.234, 1.01, 1.3, 4)) == "1.23 times the untuned default (1.01 to 1.30 in 4 pairs)"
    assert Comparison(None).gain is None
