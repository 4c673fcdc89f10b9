"""Criteo's day as DLRM-v2 reads it: rows gathered to samples as the reference draws them, arrays that stay in their files."""

import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.recommendation import dlrm_v2
from mlperf_bake.datasets.clicks import DENSE, LABELS, SPARSE, drawn_bounds
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.datasets.stored import INDICES, WIDTH
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_log

ROWS = 4801
HALF = 2401  # the first half has the odd row
TRACE_MD5 = "3db90209564316f2506c99cc994ad0b2"
"""Of dlrm_trace_of_aggregated_samples.txt, as the README of mlcommons/inference's dlrm_v2 gives it."""


@pytest.fixture
def day(tmp_path: Path) -> Path:
    directory = tmp_path / "criteo"
    directory.mkdir()
    rng = np.random.default_rng(0)
    np.save(directory / DENSE, rng.normal(size=(ROWS, 13)).astype(np.float32))
    np.save(directory / LABELS, rng.integers(0, 2, (ROWS, 1), np.int32))
    sparse = {
        str(number): rng.integers(0, 1000, (ROWS, size), np.int32) for number, size in enumerate(INDICES)
    }
    np.savez(directory / SPARSE, **sparse)  # type: ignore[arg-type]
    return directory


def test_the_samples_are_those_of_the_published_trace() -> None:
    bounds = drawn_bounds(178_274_637 // 2 + 1).tolist()
    assert len(bounds) - 1 == 330_067
    lines = "".join(f"{start}, {end}, {end - start}\n" for start, end in pairwise(bounds))
    assert hashlib.md5(lines.encode()).hexdigest() == TRACE_MD5


@pytest.mark.parametrize("rows", [1, 99, 200, 201, 2401])
def test_the_last_sample_ends_with_the_rows(rows: int) -> None:
    bounds = drawn_bounds(rows)
    assert (bounds[0], bounds[-1]) == (0, rows)
    assert (np.diff(bounds) > 0).all()


def test_rows_have_the_bits_of_their_values_and_all_indices(day: Path, tmp_path: Path) -> None:
    prepared = prepare("criteo", "clicks-227", tmp_path / "out", source=day)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.shape, prepared.dtype, prepared.demonstration) == ((0, 227), "int32", True)
    rows = np.fromfile(tmp_path / "out" / "samples.bin", "<i4").reshape(HALF, WIDTH)
    assert np.array_equal(np.ascontiguousarray(rows[:, :13]).view("<f4"), np.load(day / DENSE)[:HALF])
    sparse = np.load(day / SPARSE)
    indices = np.concatenate([sparse[str(number)][:HALF] for number in range(26)], axis=1)
    assert np.array_equal(rows[:, 13:], indices)
    offsets = np.fromfile(tmp_path / "out" / "index.bin", "<u8") // (4 * WIDTH)
    assert offsets.tolist() == drawn_bounds(HALF).tolist()
    assert "shape = nx227\n" in (tmp_path / "out" / "dataset.conf").read_text()


def test_the_truth_is_what_accuracy_takes(day: Path, tmp_path: Path) -> None:
    prepare("criteo", "clicks-227", tmp_path / "out", source=day)
    truth = truth_of(tmp_path / "out")
    labels = np.load(day / LABELS)[:HALF, 0]
    answers = [labels[a:b].astype("<f4").tobytes() for a, b in pairwise(drawn_bounds(HALF).tolist())]
    assert dlrm_v2(write_log(tmp_path, answers), Given(truth=truth)).figures["AUC"] == 100


def test_calibration_is_the_beginning_of_the_second_half(day: Path, tmp_path: Path) -> None:
    prepared = prepare("criteo-calibration", "clicks-227", tmp_path / "out", source=day)
    assert (prepared.count, prepared.demonstration) == (ROWS - HALF, True)
    rows = np.fromfile(tmp_path / "out" / "samples.bin", "<i4").reshape(-1, WIDTH)
    assert np.array_equal(np.ascontiguousarray(rows[:, :13]).view("<f4"), np.load(day / DENSE)[HALF:])


def test_it_goes_on_from_any_sample(day: Path) -> None:
    from mlperf_bake.datasets.clicks import open_clicks
    from mlperf_bake.datasets.official_readings import Clicks

    found = open_clicks(Clicks(ROWS, "validation"), day)
    assert found.official
    whole = [sample.data for sample in found.read(0)]
    assert len(whole) == found.count
    for start in (1, found.count // 2, found.count - 1, found.count):
        assert [sample.data for sample in found.read(start)] == whole[start:]


def _without(name: str) -> Callable[[Path], object]:
    return lambda day: (day / name).unlink()


def _replaced(name: str, array: np.ndarray) -> Callable[[Path], object]:
    return lambda day: np.save(day / name, array)


def _compressed(day: Path) -> None:
    np.savez_compressed(day / SPARSE, **{"0": np.zeros((ROWS, 3), np.int32)})  # type: ignore[arg-type]


def _one_feature(day: Path) -> None:
    np.savez(day / SPARSE, **{"0": np.zeros((ROWS, 3), np.int32)})  # type: ignore[arg-type]


def _wide(day: Path) -> None:
    np.savez(day / SPARSE, **{"0": np.zeros((ROWS, 4), np.int32)})  # type: ignore[arg-type]


def _cut(name: str) -> Callable[[Path], object]:
    return lambda day: (day / name).write_bytes((day / name).read_bytes()[:5000])


@pytest.mark.parametrize(
    ("break_", "problem"),
    [
        (_without(DENSE), "an array is missing"),
        (_without(SPARSE), "an array is missing"),
        (_without(LABELS), "an array is missing"),
        (_replaced(LABELS, np.zeros((ROWS - 1, 1), np.int32)), "not one label a row"),
        (_replaced(DENSE, np.zeros((ROWS, 12), np.float32)), "another form"),
        (_replaced(DENSE, np.zeros((ROWS, 13))), "another form"),
        (_compressed, "the arrays are compressed"),
        (_one_feature, "an array is missing"),
        (_wide, "another form"),
        (_cut(DENSE), "the array cannot be read"),
        (_cut(SPARSE), "the array cannot be read"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    day: Path, tmp_path: Path, break_: Callable[[Path], object], problem: str
) -> None:
    break_(day)
    with pytest.raises(UsageError, match=problem) as raised:
        prepare("criteo", "clicks-227", tmp_path / "out", source=day)
    assert "day_23" in str(raised.value.where)
