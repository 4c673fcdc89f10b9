"""The accuracy of runs that are not judged by top-1: measured now, measured before beside the run, or by nobody."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.datasets.patches import true_boxes
from mlperf_bake.datasets.truth import write_truth
from mlperf_bake.errors import NothingSelected, UsageError
from mlperf_bake.progress import Progress, silent
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import Run, read_runs
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.score import counts_classes, labels_needed, score
from tests.support.accuracy_logs import write_log
from tests.support.synthetic_runs import RunSpec, write_run

V60, V61 = load_round("v6.0"), load_round("v6.1")
BERT: dict[str, Any] = {
    "cell": {"benchmark": "bert-99"},
    "dataset": {"name": "squad", "labels_sha256": None},
    "accuracy": None,
}
BOXES = true_boxes(200, 100)
LABELS = struct.pack("<200i", *[1] * 100, *[0] * 100)
FACE_LABELS = hashlib.sha256(LABELS).hexdigest()
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


def found_faces() -> list[bytes]:
    """The true box of each face, and a box of little score in each other picture."""
    boxes = {entry["image_id"]: entry["bbox"] for entry in BOXES["annotations"]}
    return [box(row, 0.9, *boxes[row]) if row in boxes else box(row, 0.3, 0, 0, 9, 9) for row in range(200)]


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
    truth.write_text(json.dumps(BOXES), encoding="utf-8")
    beside(directory, "mAP=1.000%")
    found = score(accuracy_run(directory), V60, None, truth)
    assert found.line == "mAP=100.000%"
    assert found.rows[0] == ("mAP", "100, measured with annotations.json")


def prepared(directory: Path, samples: bytes) -> Path:
    """A prepared data set with the boxes beside its samples."""
    directory.mkdir(parents=True)
    (directory / "samples.bin").write_bytes(samples)
    (directory / "labels.bin").write_bytes(LABELS)
    values = {
        "name": "lfw-faces",
        "preprocessing": "grey-128",
        "count": 200,
        "shape": 1,
        "dtype": "float32",
        "classes": 2,
        "samples_sha256": hashlib.sha256(samples).hexdigest(),
        "labels_sha256": FACE_LABELS,
        "demonstration": "yes",
        "official_count": 0,
        "source": "test",
    }
    conf = "".join(f"{key} = {value}\n" for key, value in values.items())
    (directory / "dataset.conf").write_text(conf, encoding="utf-8")

    def boxes(place: Path, progress: Progress) -> None:
        (place / "annotations.json").write_text(json.dumps(BOXES), encoding="utf-8")

    write_truth(directory, boxes, silent)
    return directory


def test_a_prepared_data_set_measures_by_the_truth_that_it_brings(tmp_path: Path) -> None:
    directory = written(tmp_path / "results", FACE)
    write_log(directory, found_faces())
    data = prepared(tmp_path / "faces", bytes(800))
    assert score(accuracy_run(directory), V60, None, data).line == "mAP=100.000%"


def test_the_data_set_that_the_run_read_is_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = written(tmp_path / "results", FACE)
    write_log(directory, found_faces())
    run = accuracy_run(directory)
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="nobody has measured"):
        score(run, V60, None, None)
    prepared(tmp_path / "cache" / "made" / "datasets" / "lfw-faces-grey-128-0", bytes(800))
    found = score(run, V60, None, None)
    assert found.line == "mAP=100.000%"
    assert found.rows[0] == ("mAP", "100, measured with the truth of lfw-faces")


def test_labels_are_for_top_one_alone(tmp_path: Path) -> None:
    bert = accuracy_run(written(tmp_path / "bert" / "results", BERT)).manifest
    lite = accuracy_run(written(tmp_path / "lite" / "results", {})).manifest
    assert (counts_classes(bert, V61), counts_classes(lite, V61)) == (False, True)
    assert labels_needed([bert, lite], V61)
    assert labels_needed([], V61)
    assert not labels_needed([bert], V61)
