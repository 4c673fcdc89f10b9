"""The ground truth of prepared data sets, and `accuracy` that finds it: by directory, by name, and by what a run read."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlperf_bake.cache.store import Cache, ChecksumMismatch, default_root
from mlperf_bake.cli.app import execute
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import PreparedDataset
from mlperf_bake.datasets.truth import SUMS, TRUTH, truth_of
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_log
from tests.support.synthetic_runs import RunSpec, write_run

CLASSES = [3, 1, 2]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path / "cache"))
    return Cache(default_root())


@pytest.fixture
def imagenet(tmp_path: Path, cache: Cache) -> PreparedDataset:
    """Three labelled photos, prepared in the cache."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        Image.fromarray(np.full((30, 30, 3), number, np.uint8)).save(photos / f"{number}.png")
    lines = [f"{number}.png {label}\n" for number, label in enumerate(CLASSES)]
    (photos / "val_map.txt").write_text("".join(lines))
    return prepare("imagenet", "imagenet-lite-224", source=photos, cache=cache)


@pytest.fixture
def run(tmp_path: Path, imagenet: PreparedDataset) -> Path:
    """An accuracy run over them; two of three answers are right."""
    return written(tmp_path, name="imagenet", count=3, samples_sha256=imagenet.samples_sha256)


def written(tmp_path: Path, **dataset: object) -> Path:
    run = write_run(tmp_path, RunSpec(mode="accuracy", samples=3))
    write_log(run, [struct.pack("<q", label) for label in (3, 1, 1)])
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["dataset"] |= dataset
    manifest["accuracy"] = None
    (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def test_a_run_is_held_against_the_data_set_it_read(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["accuracy", str(run)]) == 0
    out, err = capsys.readouterr()
    assert "good=2, total=3" in out
    assert "held against the data set that the run read" in err


@pytest.mark.parametrize("way", ["name", "sample", "directory"])
def test_the_truth_may_be_a_prepared_data_set(
    run: Path, imagenet: PreparedDataset, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"name": "imagenet", "sample": "sample", "directory": str(imagenet.path)}[way]
    assert execute(["accuracy", str(run), "--truth", given]) == 0
    assert "good=2, total=3" in capsys.readouterr().out


def test_another_data_set_than_was_read_is_refused(
    tmp_path: Path, imagenet: PreparedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = written(tmp_path, name="imagenet", count=3, samples_sha256="34" * 32)
    for given in ("imagenet", str(imagenet.path)):
        assert execute(["accuracy", str(run), "--truth", given]) == 2
        said = capsys.readouterr().err
        assert "not the data set that the run read" in said
        assert imagenet.samples_sha256 in said
        assert "34" * 32 in said
    assert execute(["accuracy", str(run)]) == 2
    assert "imagenet is not in the cache" in capsys.readouterr().err


def test_the_same_labels_serve_samples_prepared_another_way(
    tmp_path: Path, imagenet: PreparedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = written(
        tmp_path, name="imagenet", count=3, samples_sha256="34" * 32, labels_sha256=imagenet.labels_sha256
    )
    assert execute(["accuracy", str(run), "--truth", "imagenet"]) == 0
    assert "good=2, total=3" in capsys.readouterr().out


def test_generated_samples_have_no_truth(
    tmp_path: Path, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    run = written(tmp_path, name="synthetic", synthetic=True)
    assert execute(["accuracy", str(run), "--truth", "sample"]) == 2
    assert "generated samples, which have no truth" in capsys.readouterr().err


def test_a_name_of_nothing_gets_the_nearest(
    run: Path, imagenet: PreparedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["accuracy", str(run), "--truth", "imagnet"]) == 2
    assert 'no ground truth "imagnet" (did you mean "imagenet"?)' in capsys.readouterr().err


def test_a_data_set_that_only_the_user_has_says_how_it_is_prepared(
    tmp_path: Path, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path, [b"\0" * 8])
    assert execute(["accuracy", str(log), "--benchmark", "3d-unet-99", "--truth", "kits19"]) == 2
    assert "data prepare kits19 --preprocessing volume-kits19 --from DIRECTORY" in capsys.readouterr().err


@pytest.fixture
def articles(tmp_path: Path, cache: Cache) -> Path:
    file = tmp_path / "cnn_eval.json"
    file.write_text(json.dumps([{"tok_input": [1, 2], "output": "kürz"}, {"tok_input": [3], "output": "b"}]))
    return prepare("cnn-dailymail", "token-ids", tmp_path / "out", source=file).path


def test_the_truth_lies_beside_the_samples_with_its_checksum(articles: Path) -> None:
    assert truth_of(articles) == articles / TRUTH / "output.json"
    assert json.loads(truth_of(articles).read_text()) == {"output": ["kürz", "b"]}
    assert (articles / TRUTH / SUMS).read_text().endswith("  output.json\n")


def test_a_truth_that_was_changed_is_refused(articles: Path) -> None:
    (articles / TRUTH / "output.json").write_text("{}")
    with pytest.raises(ChecksumMismatch):
        truth_of(articles)


@pytest.mark.parametrize("line", ["", "x", f"{'0' * 64}  ../../secret", f"{'0' * 64}  /etc/passwd"])
def test_checksums_that_name_other_files_are_refused(articles: Path, line: str) -> None:
    (articles / TRUTH / SUMS).write_text(f"{line}\n")
    with pytest.raises(UsageError, match="not a line of sha256sum"):
        truth_of(articles)


def test_a_source_without_truth_makes_a_set_without(tmp_path: Path) -> None:
    file = tmp_path / "cnn_eval.json"
    file.write_text(json.dumps([{"tok_input": [1, 2]}]))
    made = prepare("cnn-dailymail", "token-ids", tmp_path / "out", source=file)
    with pytest.raises(UsageError, match="holds no ground truth"):
        truth_of(made.path)
