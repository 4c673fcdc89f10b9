"""ImageNet as its users have it: loose photos or the tar file, lists of calibration photos, and going on after a kill."""

import hashlib
import io
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlperf_bake.assets.raw_samples import RawSample
from mlperf_bake.assets.reading import Photos
from mlperf_bake.cache.store import Cache, ChecksumMismatch
from mlperf_bake.datasets import prepare as prepare_module
from mlperf_bake.datasets.declared import find_dataset
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import PreparedDataset, load_prepared
from mlperf_bake.datasets.unfinished import Unfinished, unfinished
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import silent
from mlperf_bake.project import open_project
from mlperf_bake.run.data import data_for

ROOT = Path(__file__).parents[2]

CAFFE = "imagenet-caffe-224"
NAMES = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 41)]


def photo(number: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    directory = tmp_path / "photos"
    directory.mkdir()
    for number, name in enumerate(NAMES):
        (directory / name).write_bytes(photo(number))
    (directory / "val_map.txt").write_text("".join(f"{name} {number}\n" for number, name in enumerate(NAMES)))
    return directory


@pytest.fixture
def archive(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tar file as ImageNet's, in another order than the list; its MD5 is the declared one."""
    directory = tmp_path / "packed"
    directory.mkdir()
    file = directory / "ILSVRC2012_img_val.tar"
    with tarfile.open(file, "w") as packed:
        for name in reversed(NAMES):
            packed.add(photos / name, name)
    (directory / "val_map.txt").write_bytes((photos / "val_map.txt").read_bytes())
    declare(monkeypatch, hashlib.md5(file.read_bytes()).hexdigest())
    return file


def declare(monkeypatch: pytest.MonkeyPatch, md5: str) -> None:
    imagenet = find_dataset("imagenet")
    assert isinstance(imagenet.reading, Photos)
    mine = replace(imagenet, reading=replace(imagenet.reading, md5=md5))
    monkeypatch.setattr(prepare_module, "find_dataset", lambda _: mine)


def content(prepared: PreparedDataset) -> tuple[str, str, int]:
    return prepared.samples_sha256, prepared.labels_sha256, prepared.count


def test_the_archive_gives_what_the_loose_photos_give(photos: Path, archive: Path, tmp_path: Path) -> None:
    loose = prepare("imagenet", CAFFE, tmp_path / "loose", source=photos)
    packed = prepare("imagenet", CAFFE, tmp_path / "packed-out", source=archive)
    beside = prepare("imagenet", CAFFE, tmp_path / "beside-out", source=archive.parent)
    assert content(loose) == content(packed) == content(beside)
    assert np.fromfile(tmp_path / "packed-out" / "labels.bin", "<i4").tolist() == list(range(40))
    assert loose.demonstration, "40 photos are not the official 50,000"


def test_loose_photos_are_taken_before_an_archive_beside_them(
    photos: Path, archive: Path, tmp_path: Path
) -> None:
    (photos / archive.name).write_bytes(b"not even a tar file")
    assert prepare("imagenet", CAFFE, tmp_path / "out", source=photos).count == 40


def test_an_archive_of_another_checksum_is_refused_with_both(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, "0" * 32)
    with pytest.raises(ChecksumMismatch) as raised:
        prepare("imagenet", CAFFE, tmp_path / "out", source=archive)
    assert hashlib.md5(archive.read_bytes()).hexdigest() in str(raised.value)
    assert "0" * 32 in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_photo_that_the_archive_lacks_is_named(archive: Path, tmp_path: Path) -> None:
    with (archive.parent / "val_map.txt").open("a") as stream:
        stream.write("ILSVRC2012_val_00000099.JPEG 3\n")
    with pytest.raises(UsageError, match="lacks 1 of the 41 photos") as raised:
        prepare("imagenet", CAFFE, tmp_path / "out", source=archive)
    assert raised.value.found == "no ILSVRC2012_val_00000099.JPEG"


def test_a_list_of_calibration_photos_chooses_them_in_its_order(
    photos: Path, archive: Path, tmp_path: Path
) -> None:
    chosen = tmp_path / "cal_image_list_option_1.txt"
    chosen.write_text("\n".join(NAMES[number] for number in (7, 3, 21)) + "\n")
    prepared = prepare("imagenet", CAFFE, tmp_path / "out", source=photos, only=chosen)
    assert np.fromfile(tmp_path / "out" / "labels.bin", "<i4").tolist() == [7, 3, 21]
    assert prepared.demonstration
    assert prepared.source == "a directory of the user, the 3 of cal_image_list_option_1.txt"
    packed = prepare("imagenet", CAFFE, tmp_path / "packed-out", source=archive, only=chosen)
    assert content(packed) == content(prepared)


def test_in_the_cache_a_part_and_the_whole_lie_apart(photos: Path, tmp_path: Path) -> None:
    cache, chosen = Cache(tmp_path / "cache"), tmp_path / "list.txt"
    chosen.write_text(NAMES[0])
    whole = prepare("imagenet", CAFFE, source=photos, cache=cache)
    part = prepare("imagenet", CAFFE, source=photos, cache=cache, only=chosen)
    assert (whole.count, part.count) == (40, 1)
    assert whole.path != part.path
    model = open_project(ROOT).matrix.models["resnet50"]
    assert data_for("imagenet", model, silent, cache) == whole.path, "the newer one is only a part"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no photo"),
        ("other.JPEG\n", "none of the data set"),
        (f"{NAMES[0]}\n{NAMES[0]}\n", "listed twice"),
    ],
)
def test_a_wrong_list_is_refused(photos: Path, tmp_path: Path, text: str, problem: str) -> None:
    chosen = tmp_path / "list.txt"
    chosen.write_text(text)
    with pytest.raises(UsageError, match=problem):
        prepare("imagenet", CAFFE, tmp_path / "out", source=photos, only=chosen)


def test_only_photos_can_be_chosen_by_a_list(tmp_path: Path) -> None:
    chosen = tmp_path / "list.txt"
    chosen.write_text("x\n")
    from mlperf_bake.datasets.opening import open_collection

    with pytest.raises(UsageError, match="no part of the data set fashion-mnist"):
        open_collection(find_dataset("fashion-mnist"), tmp_path, chosen, silent)


def killed_after(rows: int, photos: Path, out: Path) -> None:
    """Prepares in another process that kills itself when so many samples are done; every sample is recorded."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from mlperf_bake.datasets import batches, prepare as module, row_files\n"
        "row_files.RECORDED_EVERY = 1; batches.BATCH = 8\n"
        "def tell(step, done, total):\n"
        f"    if done >= {rows}: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"module.prepare('imagenet', '{CAFFE}', Path(sys.argv[1]), source=Path(sys.argv[2]), progress=tell)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(out), str(photos)], check=False)
    assert done.returncode == -signal.SIGKILL


def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From where the samples are read, each time."""
    from mlperf_bake.datasets import photos as module

    seen: list[int] = []
    original = module._loose

    def counted(directory: Path, entries: list[tuple[str, int]], listed: str) -> Iterator[RawSample]:
        seen.append(40 - len(entries))
        return original(directory, entries, listed)

    monkeypatch.setattr(module, "_loose", counted)
    return seen


def test_a_killed_preparation_goes_on_where_it_stopped(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare("imagenet", CAFFE, tmp_path / "whole", source=photos)
    killed_after(16, photos, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    seen = reads(monkeypatch)
    resumed = prepare("imagenet", CAFFE, tmp_path / "out", source=photos)
    assert seen == [16]
    assert content(resumed) == content(whole)
    assert load_prepared(tmp_path / "out") == resumed
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset.conf",
        "labels.bin",
        "samples.bin",
    ]
    assert not list(tmp_path.glob(".mlperf-bake-*"))


def test_after_a_change_it_begins_anew(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(16, photos, tmp_path / "out")
    (photos / NAMES[2]).write_bytes(photo(99))
    seen = reads(monkeypatch)
    resumed = prepare("imagenet", CAFFE, tmp_path / "out", source=photos)
    assert seen == [0]
    assert (
        resumed.samples_sha256 == prepare("imagenet", CAFFE, tmp_path / "new", source=photos).samples_sha256
    )


def test_rows_that_were_not_recorded_are_cut_off(tmp_path: Path) -> None:
    with unfinished(tmp_path / "out", lambda *_: None) as directory:
        files = Unfinished(directory, {"a.bin": 4}, "one")
        (directory / "a.bin").write_bytes(b"x" * 13)
        files.record(2)
    with unfinished(tmp_path / "out", lambda *_: None) as directory:
        assert Unfinished(directory, {"a.bin": 4}, "one").rows == 2
        assert (directory / "a.bin").stat().st_size == 8
        assert Unfinished(directory, {"a.bin": 4}, "another").rows == 0
        assert (directory / "a.bin").stat().st_size == 0
    assert not list(tmp_path.iterdir()), "nothing was recorded for the other identity"


@pytest.mark.parametrize("damage", ["rows", "short"])
def test_a_damaged_record_begins_anew(tmp_path: Path, damage: str) -> None:
    with unfinished(tmp_path / "out", lambda *_: None) as directory:
        files = Unfinished(directory, {"a.bin": 4}, "one")
        (directory / "a.bin").write_bytes(b"x" * 8)
        files.record(2)
        if damage == "rows":
            (directory / ".rows").write_text("two")
        else:
            (directory / "a.bin").write_bytes(b"x" * 7)
        assert Unfinished(directory, {"a.bin": 4}, "one").rows == 0
