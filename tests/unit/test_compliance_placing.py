"""Compliance tests in a submission tree: those that go with the result, where the round wants them, judged by `check`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.check.engine import check
from mlperf_bake.compliance.placing import place
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.filling import Collected
from tests.support.synthetic_runs import (
    OTHER_FINGERPRINT,
    RunSpec,
    responses_text,
    write_pair,
    write_run,
)

SPEC = RunSpec(scenario="SingleStream", model="resnet50", division="closed")
TEST01 = replace(SPEC, mode="compliance/TEST01", started_at="2026-11-22T10:00:00.000Z")
TEST04 = replace(SPEC, mode="compliance/TEST04", started_at="2026-11-22T10:30:00.000Z")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    place = tmp_path / "results"
    write_pair(place, SPEC)
    return place


def collected(results: Path) -> Collected:
    return collect([DirectoryPlace(results)], results.parent / "tree", CollectOptions("Me"))


def placed(done: Collected) -> set[str]:
    root = done.results[0].directory
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and "TEST" in path.relative_to(root).parts[0]
    }


def test_each_test_lies_where_the_round_wants_it_and_says_that_it_passed(results: Path) -> None:
    write_run(results, TEST01)
    write_run(results, TEST04)
    done = collected(results)
    run = ["performance/run_1/mlperf_log_detail.txt", "performance/run_1/mlperf_log_summary.txt"]
    answers = ["accuracy/mlperf_log_accuracy.json", "accuracy/accuracy.txt", "verify_accuracy.txt"]
    assert placed(done) == {
        *(f"TEST01/{name}" for name in (*run, *answers, "verify_performance.txt", "manifest.json")),
        *(f"TEST04/{name}" for name in (*run, "verify_performance.txt", "manifest.json")),
    }
    assert [remark.rpartition("/")[2] for remark in done.remarks] == [
        "SingleStream: TEST01 passed",
        "SingleStream: TEST04 passed",
    ]
    broken = {finding.rule for finding in check(done.tree, load_round("v6.1")).findings}
    assert not {rule for rule in broken if rule.startswith("compliance.") and "sample_count" not in rule} - {
        "compliance.TEST01.duration",
        "compliance.TEST04.duration",
    }


def test_a_tree_of_an_older_round_keeps_them_beside_the_results(results: Path, tmp_path: Path) -> None:
    rules = load_round("v5.1")
    seeds = dict(rules.seeds.items())
    logged = {f"effective_{name}": value for name, value in seeds.items()}
    older: dict[str, Any] = {
        "manifest": {"loadgen": {"version": "5.1.2", **seeds}},
        "detail": logged,
        "version": "5.1.2",
    }
    place = tmp_path / "older"
    for mode in ("performance", "accuracy", "compliance/TEST01"):
        write_run(place, replace(SPEC, mode=mode, **older))
    done = collect([DirectoryPlace(place)], tmp_path / "tree", CollectOptions("Me", "v5.1"))
    key = done.results[0].pair.key
    assert (
        done.tree / "closed" / "Me" / "compliance" / str(key) / "TEST01" / "verify_accuracy.txt"
    ).is_file()
    assert not (done.results[0].directory / "TEST01").exists()


def test_a_test_that_did_not_pass_is_in_the_tree_and_says_so(results: Path) -> None:
    directory = write_run(results, TEST01)
    (directory / "mlperf_log_accuracy.json").write_text(responses_text([1] * 20), encoding="utf-8")
    done = collected(results)
    assert "TEST01 failed: 20 of 20 answers differ" in done.remarks[0]
    text = (done.results[0].directory / "TEST01" / "verify_accuracy.txt").read_text(encoding="utf-8")
    assert text.endswith("TEST FAIL\n")
    assert "compliance.verified" in {
        finding.rule for finding in check(done.tree, load_round("v6.1")).findings
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fingerprint": OTHER_FINGERPRINT}, "fingerprints differ"),
        ({"manifest": {"settings": {"workers": 7}}}, "it was run with workers 7 instead of 2"),
        ({"manifest": {"dataset": {"samples_sha256": "99" * 32}}}, "data sets differ"),
        ({"validity": "INVALID"}, "LoadGen calls the run INVALID"),
        ({"mode": "compliance/TEST06"}, "TEST06 is no compliance test of resnet in v6.1"),
    ],
)
def test_a_test_of_another_image_or_way_of_running_is_left_out(
    results: Path, change: dict[str, Any], reason: str
) -> None:
    spec = replace(TEST04, **change)
    if spec.mode == "compliance/TEST06":
        directory = write_run(results, TEST04)
        manifest = directory / "manifest.json"
        manifest.write_text(
            manifest.read_text(encoding="utf-8").replace("TEST04", "TEST06"), encoding="utf-8"
        )
    else:
        write_run(results, spec)
    done = collected(results)
    assert not placed(done)
    assert reason in done.left_out[0].reason


def test_of_several_runs_of_a_test_the_newest_counts(results: Path) -> None:
    write_run(results, replace(TEST01, run_id="older"))
    write_run(results, replace(TEST01, run_id="newer", started_at="2026-11-22T11:00:00.000Z"))
    done = collected(results)
    assert [run.manifest.run_id for run in done.results[0].pair.compliance] == ["newer"]
    assert [(one.run_id, one.reason) for one in done.left_out] == [("older", "newer is newer")]


def test_a_test_without_a_result_is_left_out_by_name(tmp_path: Path) -> None:
    place = tmp_path / "results"
    write_pair(place, replace(SPEC, scenario="Offline"))
    write_run(place, TEST01)
    done = collected(place)
    assert done.left_out[0].reason == "there is no result of resnet50 in SingleStream to go with it"


def test_a_compliance_run_whose_log_of_answers_is_gone_does_not_count(results: Path) -> None:
    (write_run(results, TEST01) / "mlperf_log_accuracy.json").unlink()
    assert "the file is missing" in collected(results).left_out[0].reason


def test_a_test_is_laid_out_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "runs", TEST01)
    out = tmp_path / "out"

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("mlperf_bake.compliance.placing.shorten", full)
        with pytest.raises(OSError, match="No space left"):
            place("TEST01", run, {}, out)
    assert list(out.iterdir()) == []
    place("TEST01", run, {"verify_accuracy.txt": "passed"}, out)
    assert [path.name for path in out.iterdir()] == ["TEST01"]
