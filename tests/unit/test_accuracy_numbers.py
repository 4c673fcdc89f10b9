"""Numbers in responses: little-endian, whole rows, the type that was named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.numbers import DTYPES, check_dtype, numbers
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response

LOG = Path("mlperf_log_accuracy.json")


@given(st.sampled_from(sorted(DTYPES)), st.binary(max_size=64))
def test_numbers_are_those_written(dtype: str, data: bytes) -> None:
    size = np.dtype(dtype).itemsize
    whole = data[: len(data) // size * size]
    if not np.isfinite(np.frombuffer(whole, dtype)).all():
        whole = bytes(len(whole))
    found = numbers(Response(0, 0, whole), dtype, LOG)
    assert found.tobytes() == whole
    assert found.dtype.name == dtype


@pytest.mark.parametrize(
    ("data", "row", "rows", "expected"),
    [
        (bytes(6), 1, None, "a multiple of 4 bytes"),
        (bytes(12), 2, None, "a multiple of 8 bytes"),
        (bytes(8), 1, 3, "12 bytes"),
        (b"", 1, 1, "4 bytes"),
    ],
)
def test_another_count_of_bytes_is_refused_with_its_line(
    data: bytes, row: int, rows: int | None, expected: str
) -> None:
    with pytest.raises(UsageError) as raised:
        numbers(Response(4, 7, data, line=9), "float32", LOG, row=row, rows=rows)
    assert raised.value.where == f"{LOG}:9"
    assert raised.value.found == f"{len(data)} bytes for sample 7"
    assert raised.value.expected == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_number_that_is_not_finite_is_refused(dtype: str, value: float) -> None:
    data = np.array([1, value], dtype).tobytes()
    with pytest.raises(UsageError, match="not finite") as raised:
        numbers(Response(4, 7, data, line=9), dtype, LOG)
    assert raised.value.found == f"{value} for sample 7"


def test_an_unknown_type_is_refused() -> None:
    assert check_dtype("int64") == "int64"
    with pytest.raises(UsageError, match='unknown type "double"'):
        check_dtype("double")
