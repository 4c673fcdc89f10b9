"""A prepared data set is read back as it was described, and every damage to it is noticed."""

import dataclasses
import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.cache.store import ChecksumMismatch
from mlperf_bake.datasets.prepared import KEYS, OPTIONAL, PreparedDataset, load_prepared
from mlperf_bake.errors import UsageError

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-,. =", min_size=1).map(str.strip).filter(bool)


def write(
    path: Path, count: int = 2, shape: tuple[int, ...] = (1, 2, 2), **changes: object
) -> PreparedDataset:
    samples = bytes(range(256)) * (count * 4 * shape[0] * shape[1] * shape[2] // 256 + 1)
    samples = samples[: count * 4 * shape[0] * shape[1] * shape[2]]
    labels = bytes(4 * count)
    dataset = PreparedDataset(
        path=path,
        name="probe",
        preprocessing="none",
        count=count,
        shape=shape,
        dtype="float32",
        classes=10,
        samples_sha256=hashlib.sha256(samples).hexdigest(),
        labels_sha256=hashlib.sha256(labels).hexdigest(),
        demonstration=True,
        official_count=0,
        source="a test",
    )
    dataset = dataclasses.replace(dataset, **changes)  # type: ignore[arg-type]
    path.mkdir(exist_ok=True)
    (path / "samples.bin").write_bytes(samples)
    (path / "labels.bin").write_bytes(labels)
    (path / "dataset.conf").write_text(dataset.conf())
    return dataset


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    count=st.integers(1, 20),
    shape=st.tuples(*[st.integers(1, 5)] * 3),
    name=WORDS,
    source=WORDS,
    demonstration=st.booleans(),
    official_count=st.integers(0, 10**9),
)
def test_what_was_written_is_read_back(
    tmp_path: Path,
    count: int,
    shape: tuple[int, int, int],
    name: str,
    source: str,
    demonstration: bool,
    official_count: int,
) -> None:
    written = write(
        tmp_path,
        count,
        shape,
        name=name,
        source=source,
        demonstration=demonstration,
        official_count=official_count,
    )
    assert load_prepared(tmp_path) == written


def test_comments_and_blank_lines_are_allowed(tmp_path: Path) -> None:
    written = write(tmp_path)
    (tmp_path / "dataset.conf").write_text("# made by hand\n\n" + written.conf())
    assert load_prepared(tmp_path) == written


@pytest.mark.parametrize("key", [key for key in KEYS if key not in OPTIONAL])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    text = write(tmp_path).conf()
    (tmp_path / "dataset.conf").write_text(
        "".join(line + "\n" for line in text.splitlines() if not line.startswith(f"{key} ="))
    )
    with pytest.raises(UsageError, match=f'"{key}" is missing'):
        load_prepared(tmp_path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("colour = red", 'unknown key "colour"'),
        ("count = 2", "appears twice"),
        ("just words", "not a line of the form"),
    ],
)
def test_a_wrong_line_is_shown_with_its_number(tmp_path: Path, line: str, problem: str) -> None:
    text = write(tmp_path).conf()
    (tmp_path / "dataset.conf").write_text(f"{text}{line}\n")
    with pytest.raises(UsageError, match=problem) as refusal:
        load_prepared(tmp_path)
    assert f"dataset.conf:{len(text.splitlines()) + 1}" in str(refusal.value)


def test_samples_of_different_lengths_are_read_back_by_their_index(tmp_path: Path) -> None:
    index = b"".join(offset.to_bytes(8, "little") for offset in (0, 12, 32))
    written = write(
        tmp_path,
        shape=(1, 2, 4),
        dtype="int32",
        classes=0,
        labels_sha256="",
        index_sha256=hashlib.sha256(index).hexdigest(),
    )
    samples = (tmp_path / "samples.bin").read_bytes()[:32]
    (tmp_path / "samples.bin").write_bytes(samples)
    written = dataclasses.replace(written, shape=(0,), samples_sha256=hashlib.sha256(samples).hexdigest())
    (tmp_path / "dataset.conf").write_text(written.conf())
    (tmp_path / "labels.bin").unlink()
    with pytest.raises(UsageError):
        load_prepared(tmp_path)
    (tmp_path / "index.bin").write_bytes(index)
    assert load_prepared(tmp_path) == written
    assert "shape = n\n" in written.conf()
    assert "labels_sha256" not in written.conf()
    (tmp_path / "samples.bin").write_bytes(samples[:-4])
    with pytest.raises(UsageError, match="incomplete"):
        load_prepared(tmp_path)
    (tmp_path / "index.bin").write_bytes(index[:-8] + bytes(8))
    with pytest.raises(ChecksumMismatch):
        load_prepared(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("shape = 1x2x2", "shape = 1xn", "wrong value of shape"),
        ("classes = 10", "classes = 0", "wrong value of classes"),
        ("dtype = float32", "dtype = float16", "wrong value of dtype"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(
    tmp_path: Path, before: str, after: str, problem: str
) -> None:
    text = write(tmp_path).conf()
    assert before in text
    (tmp_path / "dataset.conf").write_text(text.replace(before, after))
    with pytest.raises(UsageError, match=problem):
        load_prepared(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", "0"),
        ("count", "-2"),
        ("count", "two"),
        ("count", "9" * 30),
        ("shape", "3x224x"),
        ("shape", "0x2x2"),
        ("dtype", "float16"),
        ("demonstration", "true"),
        ("samples_sha256", "abc"),
        ("labels_sha256", "G" * 64),
        ("official_count", ""),
    ],
)
def test_a_wrong_value_is_shown_with_what_was_expected(tmp_path: Path, key: str, value: str) -> None:
    lines = write(tmp_path).conf().splitlines()
    changed = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
    (tmp_path / "dataset.conf").write_text("\n".join(changed))
    with pytest.raises(UsageError, match=f"wrong value of {key}") as refusal:
        load_prepared(tmp_path)
    assert refusal.value.expected


@pytest.mark.parametrize("file", ["samples.bin", "labels.bin"])
def test_a_truncated_file_is_told_with_both_sizes(tmp_path: Path, file: str) -> None:
    write(tmp_path)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-1])
    with pytest.raises(UsageError, match="incomplete") as refusal:
        load_prepared(tmp_path, checksums=False)
    assert f"{len(content) - 1} bytes" in str(refusal.value)
    assert f"{len(content)} bytes" in str(refusal.value)


@pytest.mark.parametrize("file", ["samples.bin", "labels.bin"])
def test_a_changed_byte_is_a_checksum_mismatch(tmp_path: Path, file: str) -> None:
    write(tmp_path)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-1] + b"\xff")
    load_prepared(tmp_path, checksums=False)
    with pytest.raises(ChecksumMismatch):
        load_prepared(tmp_path)


@pytest.mark.parametrize("file", ["dataset.conf", "samples.bin", "labels.bin"])
def test_a_missing_file_is_told(tmp_path: Path, file: str) -> None:
    write(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(UsageError):
        load_prepared(tmp_path)
