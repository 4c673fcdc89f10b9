"""Preparing writes the same bytes whatever the number of processes, all of them or none."""

import hashlib
import io
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
from gzip import compress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlperf_bake.assets.preprocessing import PREPROCESSINGS
from mlperf_bake.assets.reading import DebianIdx, WheelImages
from mlperf_bake.assets.sources import DebianPackage, PypiFile
from mlperf_bake.cache.store import Cache, ChecksumMismatch
from mlperf_bake.datasets import prepare as prepare_module
from mlperf_bake.datasets.declared import Dataset
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.errors import DiskFull, UsageError
from tests.support.debian_package import package

LITE = "imagenet-lite-224"


def photo(number: int) -> bytes:
    """A small JPEG that differs by number."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A directory as a user of ImageNet has it, with 70 photos."""
    directory = tmp_path / "photos"
    directory.mkdir()
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 71)]
    for number, name in enumerate(names):
        (directory / name).write_bytes(photo(number))
    (directory / "val_map.txt").write_text(
        "".join(f"{name} {number * 14}\n" for number, name in enumerate(names))
    )
    return directory


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def nothing_left(directory: Path) -> bool:
    return not [entry for entry in directory.iterdir() if entry.name.startswith(".mlperf-bake-")]


def test_a_directory_of_photos_is_prepared_in_the_order_of_its_list(photos: Path, tmp_path: Path) -> None:
    prepared = prepare("imagenet", LITE, tmp_path / "out", source=photos, workers=1)
    assert prepared == load_prepared(tmp_path / "out")
    assert (prepared.count, prepared.shape, prepared.classes) == (70, (3, 224, 224), 1000)
    assert prepared.demonstration, "70 photos are not the official 50,000"
    labels = np.fromfile(tmp_path / "out" / "labels.bin", "<i4")
    assert labels.tolist() == [number * 14 for number in range(70)]
    samples = np.fromfile(tmp_path / "out" / "samples.bin", "<f4").reshape(70, 3, 224, 224)
    for number in (0, 33, 69):
        assert np.array_equal(samples[number], PREPROCESSINGS[LITE].apply(photo(number)))
    assert nothing_left(tmp_path)


def test_the_number_of_processes_changes_no_byte(photos: Path, tmp_path: Path) -> None:
    one = prepare("imagenet", LITE, tmp_path / "one", source=photos, workers=1)
    three = prepare("imagenet", LITE, tmp_path / "three", source=photos, workers=3)
    assert (one.samples_sha256, one.labels_sha256) == (three.samples_sha256, three.labels_sha256)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unreadable_photo_is_named_and_nothing_is_written(
    photos: Path, tmp_path: Path, workers: int
) -> None:
    broken = photos / "ILSVRC2012_val_00000050.JPEG"
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(UsageError, match="cannot be read") as refusal:
        prepare("imagenet", LITE, tmp_path / "out", source=photos, workers=workers)
    assert refusal.value.where == str(broken)
    assert not (tmp_path / "out").exists()
    assert nothing_left(tmp_path)


def test_a_missing_photo_is_named(photos: Path, tmp_path: Path) -> None:
    (photos / "ILSVRC2012_val_00000002.JPEG").unlink()
    with pytest.raises(UsageError, match="missing") as refusal:
        prepare("imagenet", LITE, tmp_path / "out", source=photos)
    assert "ILSVRC2012_val_00000002.JPEG" in str(refusal.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ILSVRC2012_val_00000001.JPEG 1000", "outside the classes"),
        ("ILSVRC2012_val_00000001.JPEG", "not a line"),
        ("ILSVRC2012_val_00000001.JPEG -1", "not a line"),
        ("", "not a line"),
        ("../../etc/passwd 1", "outside the directory"),
        ("/etc/passwd 1", "outside the directory"),
        ("ILSVRC2012_val_00000002.JPEG 1", "listed twice"),
    ],
)
def test_a_wrong_line_of_the_list_is_refused(photos: Path, tmp_path: Path, line: str, problem: str) -> None:
    lines = (photos / "val_map.txt").read_text().splitlines()
    (photos / "val_map.txt").write_text("\n".join([line, *lines[1:]]) + "\n")
    with pytest.raises(UsageError, match=problem) as refusal:
        prepare("imagenet", LITE, tmp_path / "out", source=photos)
    assert "val_map.txt" in str(refusal.value)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_missing_or_empty_list_is_refused(photos: Path, tmp_path: Path, content: bytes | None) -> None:
    (photos / "val_map.txt").unlink()
    if content is not None:
        (photos / "val_map.txt").write_bytes(content)
    with pytest.raises(UsageError) as refusal:
        prepare("imagenet", LITE, tmp_path / "out", source=photos)
    if content is None:
        assert 'a line "FILE LABEL" a sample, labels 0 to 999' in str(refusal.value.expected)


def test_without_a_directory_the_user_is_told_what_it_must_hold(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be downloaded") as refusal:
        prepare("imagenet", LITE, cache=cache)
    assert "val_map.txt" in str(refusal.value)
    assert f"data prepare imagenet --preprocessing {LITE} --from DIRECTORY" in str(refusal.value)
    with pytest.raises(UsageError, match="there is no such file or directory"):
        prepare("imagenet", LITE, cache=cache, source=tmp_path / "missing")


def test_a_preprocessing_that_does_not_fit_is_refused(cache: Cache) -> None:
    with pytest.raises(UsageError, match="cannot be prepared") as refusal:
        prepare("fashion-mnist", LITE, cache=cache)
    assert "fashion-28" in str(refusal.value)


def test_the_cache_gives_the_same_directory_without_work(photos: Path, cache: Cache) -> None:
    first = prepare("imagenet", LITE, source=photos, cache=cache)
    before = (first.path / "samples.bin").stat()
    assert prepare("imagenet", LITE, source=photos, cache=cache) == first
    assert (first.path / "samples.bin").stat().st_ino == before.st_ino
    other = prepare("imagenet", "imagenet-caffe-224", source=photos, cache=cache)
    assert other.path != first.path


def test_a_damaged_cache_entry_is_made_again(photos: Path, cache: Cache) -> None:
    first = prepare("imagenet", LITE, source=photos, cache=cache)
    with (first.path / "samples.bin").open("r+b") as stream:
        stream.write(b"\0\0\0\0")
    assert prepare("imagenet", LITE, source=photos, cache=cache) == first
    load_prepared(first.path)


def test_changed_photos_are_prepared_anew(photos: Path, cache: Cache) -> None:
    first = prepare("imagenet", LITE, source=photos, cache=cache)
    (photos / "ILSVRC2012_val_00000001.JPEG").write_bytes(photo(1000))
    assert prepare("imagenet", LITE, source=photos, cache=cache).samples_sha256 != first.samples_sha256


def test_an_existing_result_is_verified_and_kept(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()  # an empty directory may be given
    first = prepare("imagenet", LITE, out, source=photos)
    assert prepare("imagenet", LITE, out, source=photos) == first
    with pytest.raises(UsageError, match="another prepared data set"):
        prepare("imagenet", "imagenet-caffe-224", out, source=photos)
    (out / "labels.bin").write_bytes(bytes(4 * 70))
    with pytest.raises(ChecksumMismatch):
        prepare("imagenet", LITE, out, source=photos)


def test_a_directory_with_other_content_is_left_alone(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no prepared data set there"):
        prepare("imagenet", LITE, out, source=photos)
    assert [entry.name for entry in out.iterdir()] == ["thesis.tex"]


def test_too_little_room_is_told_before_the_work(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFull, match="no room") as refusal:
        prepare("imagenet", LITE, tmp_path / "out", source=photos)
    assert "1 MB free" in str(refusal.value)


def test_progress_counts_samples(photos: Path, tmp_path: Path) -> None:
    reports: list[tuple[str, int, int | None]] = []
    prepare(
        "imagenet", LITE, tmp_path / "out", source=photos, progress=lambda *report: reports.append(report)
    )
    assert reports[0] == ("preparing imagenet", 0, 70)
    assert reports[-1] == ("preparing imagenet", 70, 70)
    assert [done for _, done, _ in reports] == sorted(done for _, done, _ in reports)


def test_a_killed_preparation_leaves_no_result_and_the_next_one_ends_well(
    photos: Path, tmp_path: Path
) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from mlperf_bake.datasets.prepare import prepare\n"
        "def wait(step, done, total):\n"
        "    if done: print('half', flush=True); time.sleep(60)\n"
        "prepare('imagenet', 'imagenet-lite-224', Path(sys.argv[1]), source=Path(sys.argv[2]), workers=1, progress=wait)\n"
    )
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", script, str(out), str(photos)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not out.exists()
    assert not nothing_left(tmp_path), "the test came too late"
    prepare("imagenet", LITE, out, source=photos, workers=1)
    load_prepared(out)
    assert nothing_left(tmp_path)


def test_an_interrupted_preparation_ends_its_processes(photos: Path, tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from mlperf_bake.datasets.prepare import prepare\n"
        "def tell(step, done, total):\n"
        "    if done: print('half', flush=True); time.sleep(20)\n"
        "if __name__ == '__main__':\n"
        "    prepare('imagenet', 'imagenet-lite-224', Path(sys.argv[1]), source=Path(sys.argv[2]), workers=2, progress=tell)\n"
    )
    file = tmp_path / "run.py"
    file.write_text(script)
    listed = (photos / "val_map.txt").read_text().splitlines()
    for copy in range(30):  # the other processes are at it when the interruption comes
        for line in listed:
            name, label = line.split()
            os.link(photos / name, photos / f"{copy}-{name}")
            with (photos / "val_map.txt").open("a") as stream:
                stream.write(f"{copy}-{name} {label}\n")
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, str(file), str(out), str(photos)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)  # returns when every process that holds the pipes has ended
    assert process.returncode != 0
    assert told.count(b"KeyboardInterrupt") == 1, "only the first process answers Ctrl-C"
    assert not out.exists()
    deadline = time.monotonic() + 5
    while not nothing_left(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert nothing_left(tmp_path)


def wheel_of(tmp_path: Path, photos: dict[str, bytes]) -> Path:
    file = tmp_path / "photos-1-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        for name, content in photos.items():
            wheel.writestr(name, content)
    return file


def declared(source: Path, count: int, reading: WheelImages | DebianIdx) -> Dataset:
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    if isinstance(reading, DebianIdx):
        return Dataset(
            "probe",
            "",
            "",
            count,
            10,
            0,
            DebianPackage("probe", "1", "all", sha256),
            reading,
            ("fashion-28",),
        )
    return Dataset(
        "probe", "", "", count, 1000, 0, PypiFile("probe", "1", source.name, sha256), reading, (LITE,)
    )


def test_photos_of_a_wheel_are_ordered_by_number_and_labelled_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"data/probe_{number}_{number * 3}.jpg": photo(number) for number in (10, 2, 1)}
    wheel = wheel_of(tmp_path, files | {"data/probe_readme.txt": b"", "data/other_1_1.jpg": b""})
    monkeypatch.setattr(
        prepare_module, "find_dataset", lambda _: declared(wheel, 3, WheelImages("data/probe_"))
    )
    prepare("probe", LITE, tmp_path / "out", source=wheel)
    assert np.fromfile(tmp_path / "out" / "labels.bin", "<i4").tolist() == [3, 6, 30]


def test_a_wheel_with_too_few_photos_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = wheel_of(tmp_path, {"data/probe_1_1.jpg": photo(1)})
    monkeypatch.setattr(
        prepare_module, "find_dataset", lambda _: declared(wheel, 3, WheelImages("data/probe_"))
    )
    with pytest.raises(UsageError, match="wrong number of samples") as refusal:
        prepare("probe", LITE, tmp_path / "out", source=wheel)
    assert (refusal.value.found, refusal.value.expected) == ("1", "3")


def idx(magic: int, shape: tuple[int, ...], values: bytes) -> bytes:
    return compress(struct.pack(f">{1 + len(shape)}I", magic, *shape) + values)


IMAGES = idx(0x803, (2, 28, 28), bytes(range(256)) * 6 + bytes(32))


@pytest.mark.parametrize(
    ("images", "labels", "problem"),
    [
        (IMAGES, idx(0x801, (2,), b"\1\2"), None),
        (IMAGES, idx(0x801, (2,), b"\1"), "not a complete idx file"),
        (IMAGES, idx(0x801, (1,), b"\1"), "wrong number of samples"),
        (IMAGES, idx(0x801, (2,), b"\1\x0a"), "outside the classes"),
        (IMAGES, idx(0x803, (2,), b"\1\2"), "not a complete idx file"),
        (IMAGES, b"no gzip", "not a readable idx file"),
        (IMAGES[:-20], idx(0x801, (2,), b"\1\2"), "not a readable idx file"),
        (idx(0x803, (2, 28, 27), bytes(2 * 28 * 27)), idx(0x801, (2,), b"\1\2"), "sample cannot be read"),
    ],
)
def test_idx_files_of_a_debian_package_are_read_whole_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: bytes, labels: bytes, problem: str | None
) -> None:
    deb = tmp_path / "probe_1_all.deb"
    deb.write_bytes(package({"./usr/images.gz": images, "./usr/labels.gz": labels}))
    reading = DebianIdx("usr/images.gz", "usr/labels.gz")
    monkeypatch.setattr(prepare_module, "find_dataset", lambda _: declared(deb, 2, reading))
    if problem is None:
        prepared = prepare("probe", "fashion-28", tmp_path / "out", source=deb)
        assert np.fromfile(tmp_path / "out" / "labels.bin", "<i4").tolist() == [1, 2]
        assert prepared.shape == (1, 28, 28)
        return
    with pytest.raises(UsageError, match=problem):
        prepare("probe", "fashion-28", tmp_path / "out", source=deb)
    assert not (tmp_path / "out").exists()


def test_another_package_than_the_locked_one_is_refused_with_both_sums(tmp_path: Path, cache: Cache) -> None:
    wheel = wheel_of(tmp_path, {"foolbox/data/imagenet_00_243.jpg": photo(1)})
    with pytest.raises(ChecksumMismatch) as refusal:
        prepare("imagenet-20", LITE, source=wheel, cache=cache)
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() in str(refusal.value)
    assert "11049d515d38e765" in str(refusal.value)
