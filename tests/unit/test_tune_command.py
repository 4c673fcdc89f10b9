"""One run of a tuning as the harness gets it, the growing table, and what the command refuses."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from mlperf_bake.cli.app import execute
from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.results.manifest import parse_manifest
from mlperf_bake.run.harness_options import value_of
from mlperf_bake.run.progress import Done, Phase, Progress, Said
from mlperf_bake.run.request import RunRequest, Volume
from mlperf_bake.run.service import RunOutcome
from mlperf_bake.tune import measuring
from mlperf_bake.tune.measuring import ImageRuns
from mlperf_bake.tune.setting import Execution, Measurement, Setting, Trial
from mlperf_bake.tune.view import LiveTuneView, PlainTuneView, estimate_s, open_view
from tests.support.synthetic_runs import RunSpec, manifest_of
from tests.unit.test_engine_emulation import ENGINE

REQUEST = RunRequest(
    image="net:aa",
    cell_id="net",
    scenario="Server",
    mode="performance",
    data="synthetic",
    results=Volume("tuning"),
    platform="linux/amd64",
    run_id="",
    harness_options=("--workers=3", "--precision", "int8"),
)
PLAIN = PlainTuneView(lambda text: None, "Server")


def runs() -> ImageRuns:
    return ImageRuns(REQUEST, ENGINE, lambda: PLAIN, lambda text: None)


def test_a_run_gets_the_users_options_the_setting_and_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[RunRequest] = []

    def run_image(request: RunRequest, *_: Any, **__: Any) -> RunOutcome:
        asked.append(request)
        return RunOutcome(request.run_id, "net", "tuning", True, manifest_of(RunSpec()), "sha256:aa")

    monkeypatch.setattr(measuring, "run_image", run_image)
    measured = runs()(Setting(Execution(2, 1, 4), target_qps=118.0), 4.0)
    assert asked[0].harness_options == (
        *("--precision", "int8", "--workers", "2", "--threads", "1", "--batch", "4"),
        *("--target-qps", "118", "--duration", "4"),
    )
    assert measured.run_id == manifest_of(RunSpec())["run_id"]
    runs()(Setting(), 4.0)
    assert asked[1].harness_options == ("--workers=3", "--precision", "int8", "--duration", "4")
    assert asked[0].run_id != asked[1].run_id


@pytest.mark.parametrize(
    ("setting", "given", "queries"),
    [
        (Setting(), (), "100"),
        (Setting(target_latency_ms=20.0), (), None),
        (Setting(), ("--min-queries=7",), "7"),
    ],
)
def test_multistream_is_compared_by_fewer_queries_than_confirm_it(
    setting: Setting, given: tuple[str, ...], queries: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunRequest] = []

    def run_image(request: RunRequest, *_: Any, **__: Any) -> RunOutcome:
        asked.append(request)
        return RunOutcome(request.run_id, "net", "tuning", True, manifest_of(RunSpec()), "sha256:aa")

    monkeypatch.setattr(measuring, "run_image", run_image)
    request = replace(REQUEST, scenario="MultiStream", harness_options=given)
    ImageRuns(request, ENGINE, lambda: PLAIN, lambda text: None)(setting, 4.0)
    assert value_of(asked[0].harness_options, "min-queries") == queries


def test_a_setting_that_the_harness_does_not_take_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_image(*_: Any, **__: Any) -> RunOutcome:
        raise UsageError("the harness does not know an option or its value", found="--batch")

    monkeypatch.setattr(measuring, "run_image", run_image)
    with pytest.raises(RunFailed):
        runs()(Setting(Execution(2, 1, 4)), 4.0)
    with pytest.raises(UsageError):
        runs()(Setting(), 4.0)


def test_a_measurement_is_what_the_manifest_says() -> None:
    data = manifest_of(RunSpec())
    data["result"] |= {
        "validity": "INVALID",
        "reasons": ["too few queries for early stopping"],
        "correction": {"because": "too few", "options": ["--duration", "9"]},
        "metric": "samples_per_second",
        "value": 300.5,
        "latency_ns": {"mean": 6e6, "p50": None, "p90": 7e6, "p99": 8e6, "max": 9e6},
    }
    measured = Measurement.of(parse_manifest(data, "here"))
    assert measured.undetermined
    assert measured.suggested("--duration") == 9.0
    assert measured.suggested("--target-qps") is None
    assert (measured.value, measured.mean_ms, measured.p90_ms, measured.p99_ms) == (300.5, 6.0, 7.0, 8.0)
    data["result"] |= {"metric": "early_stopping_p90_latency_ns", "correction": None}
    assert Measurement.of(parse_manifest(data, "here")).value is None
    del data["result"]["correction"]
    assert Measurement.of(parse_manifest(data, "here")).correction == ()


def test_a_terminal_shows_a_table_and_the_run_under_way() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=160)
    trial = Trial(1, "rate", Setting(Execution(2, 1, 1), target_qps=100.0), 4.0)
    measured = Measurement("r1", Execution(2, 1, 1), 2, True, value=99.5, p99_ms=12.3, target_qps=100.0)
    with open_view(console, lambda text: None, "Server") as view:
        assert isinstance(view, LiveTuneView)
        view.started(trial, 24)
        view.event(Phase("warm-up"))
        console.print(view.table())
        view.event(Progress(120, 400, 1.0, 4.0))
        console.print(view.table())
        view.event(Done("r1", "finished", "VALID"))
        view.ended(Trial(1, "rate", trial.setting, 4.0, measured))
    text = out.getvalue()
    for part in ("1/24", "warm-up", "120 of 400 samples", "99.5/s, p99 12.30 ms", "VALID"):
        assert part in text


def test_a_pipe_gets_lines_long_runs_announced_and_the_harness_heard() -> None:
    said: list[str] = []
    view = open_view(Console(file=StringIO()), said.append, "Server")
    assert isinstance(view, PlainTuneView)
    view.started(Trial(1, "search", Setting(), 4.0), 24)
    view.started(Trial(2, "rate", Setting(target_qps=5.0), 220.0), 24)
    view.event(Said("mlperf-harness: LoadGen calls the run INVALID. It was late."))
    view.event(Said("a warning"))
    assert said == [
        "    2  at least 3 min 40 s: at 5 queries/s LoadGen is not certain sooner",
        "       a warning",
    ]
    assert estimate_s(10, 5.0) == "1 min 30 s"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--runs", "3"), "too few runs"),
        (("--resolution", "2"), "not a resolution"),
        (("--scenario", "Sever"), "unknown scenario"),
        (("--target", "bert-99"), "one target is run at a time"),
        (("--workers", "0"), "--workers has a wrong value"),
        (("--", "--duration", "5"), "tune decides --duration itself"),
        (("--scenario", "Interactive"), "has no latency limit for resnet in Interactive"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_runs(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["tune", "resnet50", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_reference_implementation_has_nothing_to_tune(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["tune", "bert-99-reference"]) == 2
    said = capsys.readouterr().err
    assert "a reference implementation has no workers" in said and "list --only model=bert-99" in said
