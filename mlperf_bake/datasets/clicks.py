"""Criteo's 24th day as the reference makes it for DLRM-v2: rows of 13 values and 214 indices, gathered to samples of 100 to 700.

Follows MultihotCriteo of mlcommons/inference (recommendation/dlrm_v2/pytorch/python/multihot_criteo.py): the first half of the
day's rows; how many rows each sample takes is drawn from the quantiles of tools/dist_quantile.txt by NumPy's generator with
seed 123. The 330,067 samples drawn so are those of the published dlrm_trace_of_aggregated_samples.txt: written in its form they
have its MD5, 3db90209564316f2506c99cc994ad0b2. Calibration:
the first 128,000 rows of the second half (calibration/CriteoTerabyte), a sample each.

The arrays, 160 GB, stay in their files; what is held in memory is a few thousand rows.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.accuracy.arrays import FAULTS, fault, read_array
from mlperf_bake.assets.raw_samples import RawSample
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.datasets.official_readings import Clicks
from mlperf_bake.datasets.stored import INDICES, VALUES, WIDTH
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlperf_bake.progress import Progress

DENSE, SPARSE, LABELS = "day_23_dense.npy", "day_23_sparse_multi_hot.npz", "day_23_labels.npy"
SEED: Final = 123
QUANTILES: Final = (100,) * 2 + (200,) * 12 + (300,) * 2 + (400, 500, 600, 700)
CALIBRATION: Final = 128_000  # rows
AT_ONCE: Final = 4096  # rows read at once
VALUE_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Day:
    """The day's arrays, in their files.

    Attributes:
        dense: rows x 13, float32.
        sparse: of each feature, rows x its indices, int32.
        labels: rows.
        start: of the rows that count.
        bounds: where each sample's rows start, from there on, and the end.
    """

    dense: NDArray[np.float32]
    sparse: tuple[NDArray[np.int32], ...]
    labels: NDArray[Any]
    start: int
    bounds: NDArray[np.int64]


def open_clicks(reading: Clicks, source: Path) -> Collection:
    """The day's rows in a directory.

    Errors:
        UsageError: an array is missing, of another form, or of another number of rows than the others.
    """
    dense = _array(source / DENSE)
    labels = _array(source / LABELS)
    rows = len(dense)
    _require(dense, (rows, VALUES), "float32", source / DENSE)
    if labels.shape not in ((rows,), (rows, 1)):
        raise UsageError(
            "not one label a row",
            where=str(source / LABELS),
            found=str(labels.shape),
            expected=f"{rows} rows",
        )
    sparse = tuple(
        _member(source / SPARSE, f"{number}.npy", (rows, size)) for number, size in enumerate(INDICES)
    )
    half = rows // 2 + rows % 2
    if reading.part == "calibration":
        import numpy as np

        count = min(CALIBRATION, rows - half)
        start, bounds = half, np.arange(count + 1)
    else:
        start, bounds = 0, drawn_bounds(half)
    count = len(bounds) - 1
    if count < 1:
        raise UsageError("too few rows", where=str(source / DENSE), found=str(rows), expected="at least 2")
    day = Day(dense, sparse, labels.reshape(-1), start, bounds)
    return Collection(
        count,
        lambda first: _samples(day, first, source / DENSE),
        truth=lambda place, progress: _write_truth(day, place, progress),
        size=VALUE_BYTES * WIDTH * int(bounds[-1]),
        official=rows == reading.rows,
    )


def drawn_bounds(rows: int) -> NDArray[np.int64]:
    """Where each sample's rows start, and the end: 0, 200, 400, 600, 800, 1300, ..."""
    import numpy as np

    sizes = np.asarray(QUANTILES, np.int64)
    generator = np.random.RandomState(SEED)
    draws = generator.randint(0, len(sizes), size=rows // int(sizes.min()) + 1)
    ends = np.cumsum(sizes[draws])
    ends = ends[: int(np.searchsorted(ends, rows)) + 1]
    ends[-1] = rows
    return np.concatenate(([0], ends))


def _samples(day: Day, first: int, where: Path) -> Iterator[RawSample]:
    import numpy as np

    at = first
    while at < len(day.bounds) - 1:
        end = max(at + 1, int(np.searchsorted(day.bounds, day.bounds[at] + AT_ONCE, "right")) - 1)
        start, stop = day.start + int(day.bounds[at]), day.start + int(day.bounds[end])
        block = np.empty((stop - start, WIDTH), "<i4")
        block[:, :VALUES] = np.ascontiguousarray(day.dense[start:stop], "<f4").view("<i4")
        column = VALUES
        for feature in day.sparse:
            block[:, column : column + feature.shape[1]] = feature[start:stop]
            column += feature.shape[1]
        for sample in range(at, end):
            rows = block[
                int(day.bounds[sample] - day.bounds[at]) : int(day.bounds[sample + 1] - day.bounds[at])
            ]
            yield RawSample(f"{where}:{start}", 0, rows.tobytes())
        at = end


def _write_truth(day: Day, place: Path, progress: Progress) -> None:
    import numpy as np

    progress("writing the labels", 0, None)
    end = day.start + int(day.bounds[-1])
    np.save(place / "labels.npy", (day.labels[day.start : end] != 0).astype(np.int8))
    np.save(place / "boundaries.npy", day.bounds)


def _array(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise UsageError("an array is missing", where=str(path), expected=f"{DENSE}, {SPARSE}, {LABELS}")
    return read_array(path, mapped=True)


def _member(path: Path, name: str, shape: tuple[int, int]) -> NDArray[np.int32]:
    """An array of an archive, mapped: NumPy itself reads such into memory as a whole."""
    import numpy as np

    if not path.is_file():
        raise UsageError("an array is missing", where=str(path), expected=f"{DENSE}, {SPARSE}, {LABELS}")
    where = f"{path}:{name}"
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
            member = archive.getinfo(name)
            if member.compress_type != zipfile.ZIP_STORED:
                raise UsageError(
                    "the arrays are compressed",
                    where=where,
                    expected="as numpy.savez writes them, uncompressed",
                )
            stream.seek(member.header_offset)
            head = stream.read(30)
            lengths = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            stream.seek(member.header_offset + len(head) + lengths)
            version = np.lib.format.read_magic(stream)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            found, columnwise, dtype = read(stream)
            if dtype.hasobject:
                raise ValueError("objects")
            array = np.memmap(path, dtype, "r", stream.tell(), found, "F" if columnwise else "C")
    except KeyError as error:
        raise UsageError(
            "an array is missing",
            where=where,
            expected=f"{len(INDICES)} of them, 0.npy to {len(INDICES) - 1}.npy",
        ) from error
    except FAULTS as error:
        raise UsageError("the array cannot be read", where=where, found=fault(error)) from error
    _require(array, shape, "int32", where)
    return array


def _require(array: NDArray[Any], shape: tuple[int, int], dtype: str, where: object) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise UsageError(
            "an array of another form",
            where=str(where),
            found=f"{'x'.join(map(str, array.shape))} of {array.dtype}",
            expected=f"{'x'.join(map(str, shape))} of {dtype}",
        )
