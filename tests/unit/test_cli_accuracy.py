"""`accuracy` on the command line: its table, its data, accuracy.txt, exit codes, and what wrong use gets."""

import hashlib
import json
import os
import struct
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from tests.support.accuracy_logs import write_log
from tests.support.synthetic_runs import RunSpec, write_run


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "val_map.txt"
    path.write_text("".join(f"{number}.jpg {number}\n" for number in range(20)), encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path, [struct.pack("<q", number if number < 18 else 0) for number in range(20)])


def test_a_foreign_log_gets_a_table_and_the_line(
    log: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["accuracy", str(log), "--benchmark", "resnet50", "--truth", str(truth)]) == 0
    out, err = capsys.readouterr()
    assert "resnet, v6.1, Offline: 20 of 50000 samples" in out
    assert "at least 75.6954" in out
    assert "69.8966 to 97.2134" in out
    assert "accuracy=90.000%, good=18, total=20\n" in out
    assert "a part of it gives no verdict" in err


def test_accuracy_txt_holds_the_line_and_the_hash(log: Path, truth: Path, tmp_path: Path) -> None:
    out = tmp_path / "accuracy.txt"
    command = [
        "accuracy",
        str(log),
        "--benchmark",
        "resnet",
        "--truth",
        str(truth),
        "--out",
        str(out),
        "--json",
    ]
    assert execute(command) == 0
    sha256 = hashlib.sha256(log.read_bytes()).hexdigest()
    assert out.read_text() == f"accuracy=90.000%, good=18, total=20\n\nhash={sha256}\n"


def test_json_has_every_figure(log: Path, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "accuracy",
        str(log),
        "--benchmark",
        "resnet",
        "--truth",
        str(truth),
        "--round",
        "v5.1",
        "--json",
    ]
    assert execute(command) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["round"], data["samples"], data["expected_samples"]) == ("v5.1", 20, 50_000)
    (metric,) = data["metrics"]
    assert (metric["metric"], metric["value"], metric["verdict"]) == ("acc", 90.0, "not the whole data set")


def test_our_own_run_names_its_benchmark_and_round(
    tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path, RunSpec(mode="accuracy", scenario="SingleStream"))
    assert execute(["accuracy", str(run), "--truth", str(truth)]) == 0
    assert "resnet, v6.1, SingleStream: 20 of 50000 samples" in capsys.readouterr().out


def test_a_performance_run_is_refused(
    tmp_path: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path, RunSpec(mode="performance"))
    (run / "mlperf_log_accuracy.json").write_text("[\n]\n")
    assert execute(["accuracy", str(run), "--truth", str(truth)]) == 2
    assert "not an accuracy run but a performance run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "does not say which benchmark"),
        (["--benchmark", "resnet51x"], 'no benchmark "resnet51x"'),
        (["--benchmark", "retinanet"], "--round v6.0"),
        (["--benchmark", "rnnt"], "a round that has it: v4.0, v3.1, v3.0"),
        (["--benchmark", "bert-99"], "bert-99 takes a directory with SQuAD's dev-v1.1.json"),
        (["--benchmark", "e2e-rag-qna"], "a large language model judges"),
        (["--benchmark", "resnet", "--round", "v7.0"], 'unknown round "v7.0"'),
        (["--benchmark", "resnet", "--scenario", "offline"], 'unknown scenario "offline"'),
        (["--benchmark", "resnet", "--dtype", "int33"], 'unknown type "int33"'),
        (["--benchmark", "llama3.1-8b", "--truth", "x.pkl"], "convert it, if you trust it"),
    ],
)
def test_wrong_use_is_one_sentence(
    log: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["accuracy", str(log), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_whole_run_that_misses_its_target_exits_with_9(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tmp_path / "labels.txt"
    truth.write_text("".join(f"{number}.jpg 1\n" for number in range(50_000)), encoding="utf-8")
    log = write_log(tmp_path, [struct.pack("<q", number % 2) for number in range(50_000)])
    assert execute(["accuracy", str(log), "--benchmark", "resnet", "--truth", str(truth)]) == 9
    assert "missed" in capsys.readouterr().out


def test_a_directory_without_a_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["accuracy", str(tmp_path), "--benchmark", "resnet"]) == 2
    assert "no accuracy log there" in capsys.readouterr().err


def test_a_directory_of_runs_is_answered_with_the_command_for_the_last_accuracy_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("1 first", "1 second"):
        (tmp_path / name).mkdir()
        write_log(tmp_path / name, [struct.pack("<q", 1)])
    write_run(tmp_path, RunSpec(mode="performance"))
    assert execute(["accuracy", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "2 in accuracy runs below it" in said and f"mlperf-bake accuracy '{tmp_path}/1 second'" in said


def test_what_is_not_there_is_told_before_anything_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["accuracy", str(tmp_path / "missing")]) == 2
    said = capsys.readouterr().err
    assert "there is no such file or directory" in said and "--mode accuracy" in said
    assert "--benchmark" not in said


def test_a_round_that_does_not_say_how_large_the_data_set_is_gives_no_verdict(
    log: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["accuracy", str(log), "--benchmark", "resnet", "--truth", str(truth), "--round", "v4.1"]
    assert execute(words) == 0
    told = capsys.readouterr()
    assert "not the whole data set" not in told.out and "do not say how many samples" in " ".join(
        told.out.split()
    )


def test_accuracy_txt_replaces_nothing_that_it_is_measured_from(
    log: Path, truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = log.read_bytes(), truth.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe")
    places = (
        (log, "what it is measured from"),
        (truth, "what it is measured from"),
        (tmp_path, "cannot be written there"),
        (tmp_path / "none" / "accuracy.txt", "cannot be written there"),
        (tmp_path / "link", "cannot be written there"),
        (tmp_path / "pipe", "cannot be written there"),
    )
    for place, problem in places:
        command = ["accuracy", str(log), "--benchmark", "resnet", "--truth", str(truth), "--out", str(place)]
        assert execute(command) == 2
        assert problem in capsys.readouterr().err
    assert (log.read_bytes(), truth.read_bytes()) == before
    assert (tmp_path / "pipe").is_fifo()
    assert {path.name for path in tmp_path.iterdir()} == {log.name, truth.name, "link", "pipe"}
