"""The accuracy of runs that are not judged by top-1: measured now, measured before beside the run, or by nobody."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mlperf_bake.assets.datasets import find_dataset
from mlperf_bake.assets.patches import made_up_dataset, true_boxes
from mlperf_bake.cli.accuracy import accuracy
from mlperf_bake.errors import NothingSelected, UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import Run, read_runs
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.score import counts_classes, labels_needed, score
from tests.support.accuracy_logs import write_log
from tests.support.synthetic_runs import RunSpec, write_run

app = typer.Typer()
app.command()(accuracy)
V60, V61 = load_round("v6.0"), load_round("v6.1")
BERT: dict[str, Any] = {
    "cell": {"benchmark": "bert-99"},
    "dataset": {"name": "squad", "labels_sha256": None},
    "accuracy": None,
}
FACES = find_dataset("lfw-faces")
FACE_LABELS = hashlib.sha256(struct.pack("<200i", *[1] * 100, *[0] * 100)).hexdigest()
FACE: dict[str, Any] = {
    "cell": {"benchmark": "retinanet", "round": "v6.0"},
    "dataset": {"name": "lfw-faces", "labels_sha256": FACE_LABELS, "count": 200},
    "accuracy": {"metric": "presence", "correct": 200, "total": 200, "value": 1.0},
}


def written(root: Path, changes: dict[str, Any]) -> Path:
    """An accuracy run beside its performance run; the directory of the first."""
    count = changes.get("dataset", {}).get("count", 20)
    write_run(root, RunSpec(samples=count, manifest={**changes, "accuracy": None}))
    return write_run(root, RunSpec(samples=count, mode="accuracy", manifest={"accuracy": None, **changes}))


def accuracy_run(directory: Path) -> Run:
    scratch = directory.parent.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    runs = read_runs([DirectoryPlace(directory.parent)], scratch)
    return next(run for run in runs.complete if run.manifest.mode == "accuracy")


def box(sample: int, score: float, x: int, y: int, width: int, height: int) -> bytes:
    edges = (y / 128, x / 128, (y + height) / 128, (x + width) / 128)
    return struct.pack("<7f", sample, *edges, score, 1)


def found_faces(wrong: int = 0) -> list[bytes]:
    """The true box of each face; of the other pictures the last ``wrong`` have a box as well."""
    boxes = {entry["image_id"]: entry["bbox"] for entry in true_boxes(FACES)["annotations"]}
    return [
        box(row, 0.9, *boxes[row])
        if row in boxes
        else box(row, 0.6 if row >= 200 - wrong else 0.3, 0, 0, 9, 9)
        for row in range(200)
    ]


def beside(directory: Path, line: str = '{"exact_match": 80.0, "f1": 90.5}', log: str | None = None) -> Path:
    content = (directory / "mlperf_log_accuracy.json").read_bytes()
    file = directory / "accuracy.txt"
    file.write_text(f"{line}\n\nhash={log or hashlib.sha256(content).hexdigest()}\n", encoding="utf-8")
    return file


def test_a_run_that_nobody_measured_is_left_out_with_the_command_that_measures_it(tmp_path: Path) -> None:
    directory = written(tmp_path / "results", BERT)
    with pytest.raises(NothingSelected) as refusal:
        collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions("Me"))
    told = str(refusal.value)
    assert "nobody has measured the accuracy" in told
    assert f"mlperf-bake accuracy {directory} --truth PATH --out {directory}/accuracy.txt" in told


def test_what_was_measured_beside_the_run_goes_into_the_tree(tmp_path: Path) -> None:
    file = beside(written(tmp_path / "results", BERT))
    done = collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions("Me"))
    (result,) = done.results
    assert (result.directory / "accuracy" / "accuracy.txt").read_text(encoding="utf-8") == file.read_text(
        encoding="utf-8"
    )
    assert "90.5, as measured beside the run" in (result.directory / "README.md").read_text(encoding="utf-8")
    assert (result.score.correct, result.score.total) == (None, None)


@pytest.mark.parametrize(
    ("line", "log", "problem"),
    [
        ('{"exact_match": 80.0, "f1": 90.5}', "ab" * 32, "is of another accuracy log"),
        ("accuracy=90.000%, good=18, total=20", None, "gives no figure of bert-99"),
    ],
)
def test_an_accuracy_text_of_something_else_is_refused(
    tmp_path: Path, line: str, log: str | None, problem: str
) -> None:
    directory = written(tmp_path / "results", BERT)
    beside(directory, line, log)
    with pytest.raises(UsageError, match=problem) as refusal:
        score(accuracy_run(directory), V61, None, None)
    assert "mlperf-bake accuracy" in (refusal.value.remedy or "")


def test_a_ground_truth_measures_the_run_now(tmp_path: Path) -> None:
    directory = written(tmp_path / "results", {**FACE, "dataset": {"name": "openimages", "count": 200}})
    write_log(directory, found_faces())
    truth = tmp_path / "annotations.json"
    truth.write_text(json.dumps(true_boxes(FACES)), encoding="utf-8")
    beside(directory, "mAP=1.000%")
    found = score(accuracy_run(directory), V60, None, truth)
    assert found.line == "mAP=100.000%"
    assert found.rows[0] == ("mAP", "100, measured with annotations.json")


def test_pictures_made_here_need_no_ground_truth(tmp_path: Path) -> None:
    directory = written(tmp_path / "results", FACE)
    write_log(directory, found_faces(wrong=3))
    found = score(accuracy_run(directory), V60, None, None)
    assert (found.line.startswith("mAP=") and found.line != "mAP=100.000%") or found.rows
    right = dict(found.rows)
    (name,) = (name for name in right if name.startswith("Pictures, of 200"))
    assert right[name] == "197"


def test_the_command_measures_such_a_run_without_a_ground_truth(tmp_path: Path) -> None:
    directory = written(tmp_path / "results", FACE)
    write_log(directory, found_faces())
    outcome = CliRunner().invoke(app, [str(directory)])
    assert outcome.exit_code == 0, outcome.output
    assert "mAP=100.000%" in outcome.stdout
    other = written(tmp_path / "other", {**FACE, "dataset": {"name": "openimages", "count": 200}})
    with pytest.raises(UsageError, match="no ground truth was given"):
        CliRunner().invoke(app, [str(other)], catch_exceptions=False)


def test_a_data_set_of_the_same_name_with_other_labels_is_not_the_one_made_here() -> None:
    assert made_up_dataset("lfw-faces", FACE_LABELS) is FACES
    assert made_up_dataset("lfw-faces", "ab" * 32) is None
    assert made_up_dataset("imagenet-20", FACE_LABELS) is None
    with pytest.raises(ValueError, match="not made of patches"):
        true_boxes(find_dataset("imagenet-20"))


def test_labels_are_for_top_one_alone(tmp_path: Path) -> None:
    bert = accuracy_run(written(tmp_path / "bert" / "results", BERT)).manifest
    lite = accuracy_run(written(tmp_path / "lite" / "results", {})).manifest
    assert (counts_classes(bert, V61), counts_classes(lite, V61)) == (False, True)
    assert labels_needed([bert, lite], V61)
    assert labels_needed([], V61)
    assert not labels_needed([bert], V61)
