"""The harness's options as words, and the command that corrects an INVALID run."""

import pytest

from mlperf_bake.cli.run import require_valid
from mlperf_bake.cli.tune import _fixed
from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.run.corrected import corrected_command, correction_of
from mlperf_bake.run.harness_options import options_in, overriding, value_of
from mlperf_bake.run.service import RunOutcome
from mlperf_bake.tune.executions import Fixed

LATE: dict[str, object] = {
    "result": {
        "validity": "INVALID",
        "correction": {
            "because": "3 % of the queries took longer than the limit of 15 ms",
            "options": ["--target-qps", "118"],
        },
    }
}


def outcome(manifest: dict[str, object], valid: bool = False) -> RunOutcome:
    return RunOutcome("r1", "net", "results", valid, manifest, "sha256:aa")


def test_options_are_pairs_joined_pairs_and_switches() -> None:
    words = ("--batch", "4", "--verify", "--pin=0,1", "stray", "--workers", "2")
    assert list(options_in(words)) == [
        ("batch", ("--batch", "4")),
        ("verify", ("--verify",)),
        ("pin", ("--pin=0,1",)),
        ("", ("stray",)),
        ("workers", ("--workers", "2")),
    ]


def test_an_option_is_replaced_however_it_was_spelt() -> None:
    given = ("--target-qps=150", "--verify", "--duration", "10")
    assert overriding(given, ("--target-qps", "118")) == (
        "--verify",
        "--duration",
        "10",
        "--target-qps",
        "118",
    )
    assert overriding(given, ()) == given


def test_a_value_is_found_however_it_was_spelt() -> None:
    assert value_of(("--batch=4",), "batch") == "4"
    assert value_of(("--batch", "4"), "batch") == "4"
    assert value_of(("--batch",), "batch") is None
    assert value_of(("--workers", "4"), "batch") is None


def test_the_corrected_command_can_be_pasted() -> None:
    command = ["mlperf-bake", "run", "--target", "net", "--data", "my data"]
    given = ("--duration", "10", "--target-qps", "150")
    assert corrected_command(outcome(LATE), command, given) == (
        "mlperf-bake run --target net --data 'my data' --duration 10 --target-qps 118"
    )


@pytest.mark.parametrize(
    "manifest",
    [{}, {"result": None}, {"result": {"correction": None}}, {"result": {"correction": {"because": "?"}}}],
)
def test_an_older_harness_or_an_unknown_reason_offers_no_command(manifest: dict[str, object]) -> None:
    assert corrected_command(outcome(manifest), ["mlperf-bake"], ()) == ""
    assert correction_of(outcome(manifest))[1] == ()


def test_an_invalid_run_says_what_was_wrong_and_which_command_is_right() -> None:
    with pytest.raises(RunFailed) as caught:
        require_valid(outcome(LATE), "mlperf-bake run ... -- --target-qps 118")
    assert caught.value.found == "3 % of the queries took longer than the limit of 15 ms"
    assert caught.value.remedy == "mlperf-bake run ... -- --target-qps 118"


def test_tune_leaves_alone_what_the_user_fixed_and_refuses_what_it_decides() -> None:
    assert _fixed(("--batch=4", "--precision", "int8"), "Offline") == Fixed(batch=4)
    with pytest.raises(UsageError, match="tune decides --target-qps itself"):
        _fixed(("--target-qps", "100"), "Server")
    with pytest.raises(UsageError, match="tune decides --target-latency-ms itself"):
        _fixed(("--target-latency-ms", "5"), "SingleStream")
    assert _fixed(("--target-latency-ms", "20"), "Server") == Fixed()
    with pytest.raises(UsageError, match="not a number"):
        _fixed(("--workers", "many"), "Offline")
