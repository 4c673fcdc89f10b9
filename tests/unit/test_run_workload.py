"""Scenario, mode and target as typed, and what no benchmark can be asked for."""

import pytest

from mlperf_bake.cli.harness_arguments import as_words, target_and_options
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from mlperf_bake.run.workload import least_time, mode_from, require_sense, scenario_from

ROUND = load_round("v6.1")


@pytest.mark.parametrize(
    ("text", "meant"), [("server", "Server"), ("OFFLINE", "Offline"), ("Singlestream", "SingleStream")]
)
def test_a_scenario_is_taken_in_any_letters(text: str, meant: str) -> None:
    assert scenario_from(text) == scenario_from(meant) == meant


def test_a_mistyped_scenario_is_suggested() -> None:
    with pytest.raises(UsageError, match=r'unknown scenario "servre" \(did you mean "Server"'):
        scenario_from("servre")


def test_a_mistyped_mode_is_suggested() -> None:
    with pytest.raises(UsageError, match='unknown mode "accurcy"'):
        mode_from("accurcy")
    assert mode_from("find-peak") == "find-peak"
    with pytest.raises(UsageError, match='did you mean "compliance/TESTnn"'):
        mode_from("compliance")


def test_a_peak_is_searched_only_where_a_rate_is_given() -> None:
    require_sense("Server", "find-peak", (), ROUND, "resnet")
    with pytest.raises(UsageError, match="in Offline a performance run measures the peak itself"):
        require_sense("Offline", "find-peak", (), ROUND, "resnet")


def test_a_compliance_test_must_be_one_of_the_benchmark_in_the_round() -> None:
    require_sense("Offline", mode_from("compliance/TEST04"), (), ROUND, "resnet")
    with pytest.raises(
        UsageError, match=r'"TEST06" is no compliance test of resnet in round v6\.1'
    ) as caught:
        require_sense("Offline", mode_from("compliance/TEST06"), (), ROUND, "resnet")
    assert caught.value.expected == "one of TEST01, TEST04"
    with pytest.raises(UsageError) as caught:
        require_sense("Offline", "compliance/TEST01", (), ROUND, "qwen3.6-27b")
    assert caught.value.expected == "none: it has no compliance tests there"


def test_interactive_needs_a_limit_of_the_round_or_of_the_user() -> None:
    with pytest.raises(
        UsageError, match=r"round v6\.1 has no latency limit for resnet in Interactive"
    ) as caught:
        require_sense("Interactive", "performance", ("--workers", "2"), ROUND, "resnet")
    assert "Server" in str(caught.value.expected) and "--target-latency-ms" in str(caught.value.remedy)
    require_sense("Interactive", "performance", ("--target-latency-ms", "5"), ROUND, "resnet")
    require_sense("Server", "performance", (), ROUND, "resnet")


def test_a_run_without_a_duration_says_how_long_it_takes() -> None:
    says = "this takes 10 minutes or more, as a submission to round v6.1 needs; --duration 10 gives a first figure"
    assert least_time("performance", (), ROUND, "resnet") == says
    assert least_time("compliance/TEST01", ("--workers", "2"), ROUND, "resnet") == says
    assert least_time("performance", ("--duration=3",), ROUND, "resnet") == ""
    assert least_time("accuracy", (), ROUND, "resnet") == ""


def test_the_target_is_the_first_word_or_an_option_and_the_rest_is_the_harnesss() -> None:
    assert target_and_options("", ["net", "--pin", "compact"]) == ("net", ("--pin", "compact"))
    assert target_and_options("net", ["--verify"]) == ("net", ("--verify",))
    assert target_and_options("net", ["net"]) == ("net", ())
    for target, words in (("", []), ("", ["--pin", "none"]), ("a", ["b"]), ("", ["a", "b"])):
        with pytest.raises(UsageError):
            target_and_options(target, words)


def test_common_options_reach_the_harness_as_typed() -> None:
    assert as_words({"min-queries": 10**13, "samples": None}) == ("--min-queries", "10000000000000")
    assert as_words({"duration": 600.0, "workers": None, "batch": 4, "target-qps": 1234567.5}) == (
        *("--duration", "600", "--batch", "4", "--target-qps", "1234567.5"),
    )


def test_server_needs_a_limit_where_the_round_has_none() -> None:
    with pytest.raises(UsageError, match="no latency limit for bert-99 in Server") as refusal:
        require_sense("Server", "performance", (), load_round("v6.1"), "bert-99")
    assert "--target-latency-ms" in (refusal.value.remedy or "")
    require_sense("Server", "performance", ("--target-latency-ms", "130"), load_round("v6.1"), "bert-99")
    require_sense("Server", "performance", (), load_round("v5.0"), "resnet")
