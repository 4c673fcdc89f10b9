"""`judge`: a compliance test from logs of any program: found, passed or not, laid out for a tree."""

import json
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from tests.support.compliance_logs import evidence, write
from tests.support.synthetic_runs import RunSpec, write_run

ANSWERS = [(index, index.to_bytes(8, "little")) for index in range(20)]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """The three runs of TEST01 as a program leaves them that writes no manifest."""
    evidence(tmp_path, "TEST01", "resnet", logged=ANSWERS[5:9], answers=ANSWERS)
    for run in ("run", "performance"):
        (tmp_path / run / "mlperf_log_summary.txt").write_text("Result is : VALID\n", encoding="utf-8")
    return tmp_path


def words(place: Path, *more: str) -> list[str]:
    runs = ["--performance", str(place / "performance"), "--accuracy", str(place / "accuracy")]
    return ["judge", "TEST01", str(place / "run"), *runs, "--benchmark", "resnet50", *more]


def test_a_test_of_another_program_is_judged_and_laid_out(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(words(foreign, "--out", str(foreign / "out"), "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["benchmark"], told["scenario"]) == ("passed", "resnet", "Offline")
    files = {path.relative_to(foreign / "out").as_posix() for path in (foreign / "out").rglob("*.*")}
    assert files == {
        "TEST01/verify_accuracy.txt",
        "TEST01/verify_performance.txt",
        "TEST01/accuracy/accuracy.txt",
        "TEST01/accuracy/mlperf_log_accuracy.json",
        "TEST01/performance/run_1/mlperf_log_detail.txt",
        "TEST01/performance/run_1/mlperf_log_summary.txt",
    }
    assert execute(words(foreign, "--out", str(foreign / "out"))) == 2
    assert "the test is there already" in capsys.readouterr().err


def test_a_test_that_did_not_pass_says_why(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = foreign / "accuracy" / "mlperf_log_accuracy.json"
    log.write_text(log.read_text(encoding="utf-8").replace("07000000", "08000000"), encoding="utf-8")
    assert execute(words(foreign)) == 9
    said = capsys.readouterr()
    assert "TEST01 did not pass" in said.err and "1 of 4 answers differ" in said.err
    assert "TEST FAIL" in said.out


def test_by_the_ground_truth_a_system_that_is_not_deterministic_passes(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = foreign / "accuracy" / "mlperf_log_accuracy.json"
    log.write_text(log.read_text(encoding="utf-8").replace("07000000", "08000000"), encoding="utf-8")
    truth = foreign / "val_map.txt"
    # Of samples 5 to 8 three are right in both runs; sample 7 is wrong in both, and differs.
    classes = [index if index != 7 else 999 for index in range(20)]
    truth.write_text("".join(f"{index} {one}\n" for index, one in enumerate(classes)), encoding="utf-8")
    assert execute(words(foreign, "--truth", str(truth))) == 0
    assert "acc over these samples is 75, in the accuracy run 75: within 1 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--benchmark", "no-benchmark"), 'round v6.1 has no benchmark "no-benchmark"'),
        (("--scenario", "Ofline"), 'did you mean "Offline"'),
        (("--round", "v9"), 'unknown round "v9"'),
    ],
)
def test_what_cannot_be_judged_is_told(
    foreign: Path, change: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = words(foreign)
    if change[0] == "--benchmark":
        given = given[: given.index("--benchmark")]
    assert execute([*given, *change]) == 2
    assert says in capsys.readouterr().err


def test_a_run_of_ours_says_by_itself_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = write_run(tmp_path, RunSpec("SingleStream", "compliance/TEST04"))
    reference = write_run(tmp_path, RunSpec("SingleStream", "performance"))
    assert execute(["judge", "TEST04", str(test), "--performance", str(reference)]) == 0
    assert "TEST PASS" in capsys.readouterr().out
    assert execute(["judge", "TEST04", str(test)]) == 2
    said = capsys.readouterr().err
    assert "TEST04 is judged beside the performance run of the same result" in said
    assert "--performance DIR" in said
    assert execute(["judge", "TEST06", str(test)]) == 2
    assert "one of TEST01, TEST04" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["RUN", "--performance", "--accuracy"])
def test_a_directory_that_is_not_there_is_named(
    option: str, foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = words(foreign)
    place = 2 if option == "RUN" else line.index(option) + 1
    line[place] = str(foreign / "nowhere")
    assert execute(line) == 2
    said = capsys.readouterr().err
    assert f"{foreign}/nowhere: {option} is no directory of a run" in said and "found:    nothing" in said


def test_a_log_in_place_of_its_directory_is_answered_with_the_directory(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = words(foreign)
    line[2] = str(foreign / "run" / "mlperf_log_detail.txt")
    assert execute(line) == 2
    assert f"remedy:   {foreign / 'run'}, where that is it" in capsys.readouterr().err


def test_a_run_that_names_no_benchmark_asks_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["judge", "TEST01", str(write(tmp_path / "run", {}))]) == 2
    assert "the run does not say which benchmark it is of" in capsys.readouterr().err


def test_a_test_is_not_judged_by_itself(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(foreign / "run")
    assert execute([*words(foreign), "--performance", run]) == 9
    assert "the performance run was itself made by an audit" in capsys.readouterr().err
    assert execute([*words(foreign), "--accuracy", run]) == 2
    assert "no accuracy run" in capsys.readouterr().err


def test_a_run_of_another_scenario_shows_no_figure(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(words(foreign, "--scenario", "Server")) == 9
    assert "is nothing in the performance run and nothing in the test's" in capsys.readouterr().err


def test_a_missing_accuracy_log_is_told_without_a_number(
    foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (foreign / "run" / "mlperf_log_accuracy.json").unlink()
    assert execute(words(foreign)) == 2
    assert "found:    nothing: there is no such file\n" in capsys.readouterr().err
