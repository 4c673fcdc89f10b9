"""Comparing results: the right ratio the right way round, and never a bare one where two may not be compared."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.comparison.comparing import compare
from mlperf_bake.comparison.measured import Measured, measured
from mlperf_bake.results.headline import Headline
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, write_pair, write_run

FIRST = Measured(
    place="a",
    system="a",
    model="resnet50",
    benchmark="resnet",
    network="resnet",
    scenario="Offline",
    figure=Headline("result_samples_per_second", 100.0, "samples/s"),
    validity="VALID",
    round="v6.1",
    samples=50_000,
    data=None,
    duration_ms=600_000,
    limits="",
)


def against(other: Measured, first: Measured = FIRST) -> tuple[float | None, tuple[str, ...]]:
    ((_, compared),) = compare([first, other])
    return compared.ratio, compared.reasons


def test_more_samples_a_second_and_less_latency_are_both_better() -> None:
    faster = replace(FIRST, figure=Headline("result_samples_per_second", 150.0, "samples/s"))
    assert against(faster) == (1.5, ())
    latency = Headline("early_stopping_latency_ss", 10.0, "ms")
    stream = replace(FIRST, scenario="SingleStream", figure=latency)
    assert against(replace(stream, figure=replace(latency, value=4.0)), stream) == (2.5, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"validity": "INVALID"}, "LoadGen calls it INVALID"),
        ({"validity": None}, "LoadGen calls it nothing, its log is cut"),
        ({"network": "fashion-net"}, "network fashion-net, the first's resnet"),
        ({"round": "v5.1"}, "seeds of v5.1, the first's v6.1"),
        ({"round": None}, "seeds of no known round, the first's v6.1"),
        ({"samples": 20}, "data set of 20 samples, the first's 50000 samples"),
        ({"duration_ms": 10_000}, "least duration 10 s, the first's 600 s"),
        ({"limits": "15.00 ms"}, "latency limit 15.00 ms, the first's none"),
    ],
)
def test_what_may_not_be_compared_says_why(change: dict[str, object], reason: str) -> None:
    ratio, reasons = against(replace(FIRST, **change))  # type: ignore[arg-type]
    assert ratio == 1.0 and reason in reasons


def test_data_sets_of_one_size_are_told_apart_by_their_hashes() -> None:
    one, other = replace(FIRST, data="a" * 64), replace(FIRST, data="b" * 64)
    assert against(other, one)[1] == (f"data set of {'b' * 12}, the first's {'a' * 12}",)
    assert against(FIRST, one)[1] == ()


def test_figures_in_different_units_or_missing_have_no_ratio() -> None:
    tokens = replace(FIRST, figure=Headline("result_tokens_per_second", 5.0, "tokens/s"))
    assert against(tokens)[0] is None
    assert against(replace(FIRST, figure=None)) == (
        None,
        ("figure missing, the first's in samples/s",),
    )


def test_an_inferred_result_is_not_compared_with_a_measured_one() -> None:
    inferred = replace(
        FIRST, figure=Headline("result_qps_without_loadgen_overhead", 50.0, "samples/s", "SingleStream")
    )
    assert against(inferred) == (0.5, ("run of SingleStream, the first's Offline",))
    assert against(inferred, inferred)[1] == ()


def test_models_and_scenarios_are_compared_each_by_itself() -> None:
    groups = compare([FIRST, replace(FIRST, scenario="Server"), replace(FIRST, place="b")])
    assert [[one.measured.place for one in group] for group in groups] == [["a", "b"], ["a"]]


def test_runs_trees_and_bare_logs_stand_in_one_table(tmp_path: Path) -> None:
    write_pair(tmp_path / "runs", RunSpec())
    tree = collect([DirectoryPlace(tmp_path / "runs")], tmp_path / "tree", CollectOptions("Me")).tree
    bare = write_run(tmp_path / "bare" / "resnet", RunSpec(detail={"result_samples_per_second": 636.8}))
    (bare / "manifest.json").unlink()
    (tmp_path / "scratch").mkdir()
    places = [DirectoryPlace(path) for path in (tmp_path / "runs", tree, tmp_path / "bare")]
    found, left_out = measured(places, tmp_path / "scratch", load_round())
    assert left_out == ()
    ((run, placed, other),) = compare(found)
    assert (run.ratio, placed.ratio, other.ratio) == (1.0, 1.0, 2.0)
    assert placed.reasons == ()
    assert other.reasons == ("network resnet, the first's efficientnet-lite0",)
    assert placed.measured.data == run.measured.data == "34" * 32


def test_server_runs_that_kept_different_limits_are_not_compared(tmp_path: Path) -> None:
    tokens = {
        "requested_use_token_latencies": True,
        "requested_server_ttft_latency": 2_000_000_000,
        "requested_server_tpot_latency": 100_000_000,
        "effective_target_latency_ns": 0,
    }
    write_run(tmp_path / "runs", RunSpec("Server", run_id="a"))
    write_run(
        tmp_path / "runs", RunSpec("Server", run_id="b", detail={"effective_target_latency_ns": 100_000_000})
    )
    write_run(tmp_path / "runs", RunSpec("Server", run_id="c", detail=tokens))
    (tmp_path / "scratch").mkdir()
    found, _ = measured([DirectoryPlace(tmp_path / "runs")], tmp_path / "scratch", load_round())
    ((_, other, of_tokens),) = compare(found)
    assert other.reasons == ("latency limit 100.0 ms, the first's 15.00 ms",)
    assert of_tokens.reasons == ("latency limit TTFT 2.000 s, TPOT 100.0 ms, the first's 15.00 ms",)


def test_a_run_named_by_its_own_directory_is_shown_by_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", RunSpec(run_id="fast"))
    (tmp_path / "scratch").mkdir()
    found, _ = measured([DirectoryPlace(run)], tmp_path / "scratch", load_round())
    assert [one.place for one in found] == [str(run)]


def test_the_command_prints_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "one", RunSpec())
    write_run(tmp_path / "two", RunSpec(validity="INVALID", run_id="slow"))
    assert execute(["compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    out = capsys.readouterr().out
    assert "resnet, Offline" in out and "318.4 samples/s" in out and "(1x)" in out
    assert "LoadGen calls it INVALID" in out
    assert execute(["compare", "--json", str(tmp_path)]) == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert [one["comparable"] for one in group["results"]] == [True, False]


def test_a_narrow_terminal_still_shows_which_result_is_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "one", RunSpec(run_id="first"))
    write_run(tmp_path / "two", RunSpec(run_id="second"))
    monkeypatch.setattr("mlperf_bake.cli.output._width", lambda stream: 60)
    assert execute(["compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    said = capsys.readouterr()
    assert "one/first\n" in said.out and "two/second\n" in said.out
    assert said.err.splitlines()[0] == "Left out on this narrow terminal: system, network."
    assert "Each ratio is of two runs" in said.err


def test_a_benchmark_of_logs_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs", RunSpec())
    assert execute(["compare", str(tmp_path / "runs"), "--model", "resnet50"]) == 0
    assert execute(["compare", str(tmp_path / "runs"), "--model", "brt-99"]) == 2
    assert '"brt-99" (did you mean "bert-99"?)' in capsys.readouterr().err


def test_nothing_to_compare_says_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs", RunSpec(status="interrupted"))
    assert execute(["compare", str(tmp_path / "runs")]) == 3
    assert "the run was interrupted" in capsys.readouterr().err


def test_a_run_of_no_benchmark_of_the_round_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, RunSpec(manifest={"cell": {"benchmark": "rnnt"}}))
    assert execute(["compare", str(tmp_path)]) == 3
    assert "stands for rnnt, which v6.1 does not have" in capsys.readouterr().err
