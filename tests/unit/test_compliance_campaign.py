"""Which runs a benchmark's tests take, which of them are there already, and what a session makes and judges."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.cli.compliance import full_length, told
from mlperf_bake.compliance.campaign import Campaign, campaign, made_before
from mlperf_bake.compliance.placing import judge
from mlperf_bake.compliance.session import conduct
from mlperf_bake.errors import CheckFailed, NothingSelected, RunFailed
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import Run, read_runs
from mlperf_bake.rounds import load_round
from mlperf_bake.run.request import OwnClass, RunRequest
from tests.support.synthetic_runs import FINGERPRINT, OTHER_FINGERPRINT, RunSpec, write_run

RULES = load_round("v6.1")
OPTIONS = ("--duration", "2", "--min-queries", "7", "--workers", "2")


@pytest.fixture
def base(tmp_path: Path) -> RunRequest:
    return RunRequest(
        image="image",
        cell_id="efficientnet-lite0-cpp-onnxruntime-cpu-debian12",
        scenario="Offline",
        mode="performance",
        data="synthetic",
        results=tmp_path / "results",
        platform="linux/amd64",
        run_id="",
        harness_options=OPTIONS,
    )


def simulated(request: RunRequest, changes: dict[str, Any] | None = None) -> None:
    """What the harness leaves of a request."""
    assert isinstance(request.results, Path)
    manifest = {"argv": request.command, "dataset": {"synthetic": True}, **(changes or {})}
    spec = RunSpec(request.scenario, request.mode, request.run_id, manifest=manifest)
    write_run(request.results, spec)


def runs_in(place: Path, scratch: Path) -> tuple[Run, ...]:
    scratch.mkdir()
    return read_runs([DirectoryPlace(place)], scratch).complete


def test_a_campaign_has_a_run_of_each_mode_that_the_tests_need(base: RunRequest) -> None:
    made = campaign(base, RULES, "resnet")
    assert [request.mode for request in made.requests] == [
        "performance",
        "accuracy",
        "compliance/TEST01",
        "compliance/TEST04",
    ]
    assert [request.mode for request in campaign(base, RULES, "wan-2.2-t2v-a14b").requests] == [
        "performance",
        "compliance/TEST04",
    ]


def test_options_that_mean_nothing_to_a_run_or_that_its_audit_fixes_are_left_out(base: RunRequest) -> None:
    options = {request.mode: request.harness_options for request in campaign(base, RULES, "resnet").requests}
    assert options["performance"] == options["compliance/TEST01"] == OPTIONS
    assert options["accuracy"] == ("--workers", "2")
    tokens = campaign(base, RULES, "llama3.1-8b").requests[1]
    assert (tokens.mode, tokens.harness_options) == ("compliance/TEST06", ("--workers", "2"))
    wan = {
        scenario: campaign(replace(base, scenario=scenario), RULES, "wan-2.2-t2v-a14b").requests[-1]
        for scenario in ("Offline", "SingleStream")
    }
    assert wan["SingleStream"].harness_options == ("--duration", "2", "--workers", "2")
    assert wan["Offline"].harness_options == OPTIONS


def test_a_benchmark_without_tests_has_no_campaign(base: RunRequest) -> None:
    with pytest.raises(NothingSelected, match=r"qwen3\.6-27b has no compliance tests in round v6\.1"):
        campaign(base, RULES, "qwen3.6-27b")


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"fingerprint": OTHER_FINGERPRINT}, False),
        ({"dataset": {"synthetic": False}}, False),
        ({"argv": ["--scenario", "Offline", "--workers", "3"]}, False),
        ({"result": {"validity": "INVALID"}}, False),
    ],
)
def test_a_run_that_is_there_counts_if_it_would_be_made_the_same(
    base: RunRequest, tmp_path: Path, change: dict[str, Any], counts: bool
) -> None:
    request = replace(campaign(base, RULES, "resnet").requests[0], run_id="there")
    simulated(request, change)
    assert isinstance(base.results, Path)
    if "result" in change:
        log = next(base.results.rglob("mlperf_log_detail.txt"))
        log.write_text(log.read_text(encoding="utf-8").replace('"VALID"', '"INVALID"'), encoding="utf-8")
    there = runs_in(base.results, tmp_path / "scratch")
    assert len(there) == 1
    again = replace(request, run_id="another")
    assert (made_before(again, there, FINGERPRINT) is not None) is counts
    assert made_before(again, there, "") is None
    assert made_before(replace(again, own_class=OwnClass(Path("a.py"))), there, FINGERPRINT) is None


def conducted(
    one: Campaign, tmp_path: Path, make: Callable[[RunRequest], None], *, again: bool = False
) -> tuple[list[str], list[str], list[str]]:
    """Modes that were made, what was said, and what became of the tests."""
    made: list[str] = []
    said: list[str] = []

    def noted(request: RunRequest) -> None:
        made.append(request.mode)
        make(request)

    scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
    scratch.mkdir()
    judged = conduct(one, noted, FINGERPRINT, RULES, scratch, said.append, again=again)
    return made, said, [test.said for test in judged]


def test_a_session_makes_every_run_and_judges_every_test_and_another_makes_none(
    base: RunRequest, tmp_path: Path
) -> None:
    made, said, told = conducted(campaign(base, RULES, "resnet"), tmp_path, simulated)
    assert made == ["performance", "accuracy", "compliance/TEST01", "compliance/TEST04"]
    assert said == []
    assert told == ["TEST01 passed", "TEST04 passed"]
    made, said, told = conducted(campaign(base, RULES, "resnet"), tmp_path, simulated)
    assert made == []
    assert len(said) == 4 and all(line.endswith("is there") for line in said)
    assert told == ["TEST01 passed", "TEST04 passed"]
    made, _, _ = conducted(campaign(base, RULES, "resnet"), tmp_path, simulated, again=True)
    assert made == ["performance", "accuracy", "compliance/TEST01", "compliance/TEST04"]
    assert len(list(tmp_path.glob("results/*"))) == 8


def test_what_an_interrupted_session_lacks_is_made(base: RunRequest, tmp_path: Path) -> None:
    def interrupted(request: RunRequest) -> None:
        if request.mode == "compliance/TEST04":
            raise KeyboardInterrupt
        simulated(request)

    with pytest.raises(KeyboardInterrupt):
        conducted(campaign(base, RULES, "resnet"), tmp_path, interrupted)
    made, _, told = conducted(campaign(base, RULES, "resnet"), tmp_path, simulated)
    assert made == ["compliance/TEST04"]
    assert told == ["TEST01 passed", "TEST04 passed"]


def test_a_new_performance_run_takes_new_tests(base: RunRequest, tmp_path: Path) -> None:
    conducted(campaign(base, RULES, "resnet"), tmp_path, simulated)
    for manifest in tmp_path.glob("results/*/manifest.json"):
        if json.loads(manifest.read_text(encoding="utf-8"))["mode"] == "performance":
            manifest.unlink()
    made, _, _ = conducted(campaign(base, RULES, "resnet"), tmp_path, simulated)
    assert made == ["performance", "compliance/TEST01", "compliance/TEST04"]


def test_a_run_that_left_no_result_ends_the_session(base: RunRequest, tmp_path: Path) -> None:
    def cut(request: RunRequest) -> None:
        simulated(request)
        if request.mode == "compliance/TEST01":
            assert isinstance(request.results, Path)
            (request.results / request.run_id / "mlperf_log_summary.txt").unlink()

    with pytest.raises(RunFailed, match="a run does not count") as caught:
        conducted(campaign(base, RULES, "resnet"), tmp_path, cut)
    assert "mlperf_log_summary.txt" in str(caught.value.found)


def test_the_command_says_what_is_wrong_before_an_engine_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["compliance", "efficientnet-lite0", "--scenario", "Ofline"]) == 2
    assert 'did you mean "Offline"' in capsys.readouterr().err
    assert execute(["compliance", "efficientnet-lite0", "--scenario", "Interactive"]) == 2
    assert "no latency limit for resnet in Interactive" in capsys.readouterr().err
    assert execute(["compliance", "no-such-model"]) == 2


def test_the_command_tells_every_test_and_fails_where_one_did(
    base: RunRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for request in campaign(replace(base, run_id=""), RULES, "resnet").requests:
        rate = 500.0 if request.mode == "compliance/TEST04" else 318.4
        manifest = {"argv": request.command, "dataset": {"synthetic": True}}
        detail = {"result_samples_per_second": rate}
        spec = RunSpec("Offline", request.mode, request.run_id, manifest=manifest, detail=detail)
        write_run(tmp_path / "results", spec)
    runs = {run.manifest.mode: run for run in runs_in(tmp_path / "results", tmp_path / "scratch")}
    tests = [runs["compliance/TEST01"], runs["compliance/TEST04"]]
    judged = judge(tests, runs["performance"], runs["accuracy"], RULES)
    with pytest.raises(CheckFailed, match="1 of 2 compliance tests did not pass") as caught:
        told("cell", RULES.name, {"Offline": judged}, json=True, longer="mlperf-bake compliance net --again")
    assert caught.value.where == "Offline TEST04"
    assert caught.value.remedy == "longer runs give steadier figures: mlperf-bake compliance net --again"
    printed = json.loads(capsys.readouterr().out)
    assert [(test["test"], test["verdict"]) for test in printed["tests"]] == [
        ("TEST01", "passed"),
        ("TEST04", "failed"),
    ]
    assert "57.04 % faster" in printed["tests"][1]["reasons"][0]
    told("cell", RULES.name, {"Offline": judged[:1]}, json=False)
    text = capsys.readouterr().out
    assert "TEST01" in text and "passed" in text and "demonstration: " in text


def test_the_command_that_makes_steadier_runs_keeps_everything_but_the_duration() -> None:
    given = (("--data", "sample"), ("--results", "./my results"), ("--image", ""))
    options = ("--duration", "3", "--workers", "2", "--pin", "compact")
    assert full_length("net", ("Offline", "Server"), given, options) == (
        "mlperf-bake compliance net --scenario Offline --scenario Server --data sample --results './my results' "
        "--again --workers 2 -- --pin compact"
    )
    assert full_length("net", ("Offline",), (), (), ("--untuned",)) == (
        "mlperf-bake compliance net --scenario Offline --again --untuned"
    )
