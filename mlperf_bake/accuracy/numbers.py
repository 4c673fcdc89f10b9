"""The numbers in a response: little-endian, of a type that the benchmark or the user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DTYPES: Final = {
    "int8": "<i1",
    "uint8": "<u1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
}


def check_dtype(name: str) -> str:
    """The name, if there is such a type.

    Raises:
        UsageError: there is none.
    """
    if name not in DTYPES:
        raise UsageError(f'unknown type "{name}"', expected="one of " + ", ".join(DTYPES))
    return name


def numbers(
    response: Response, dtype: str, log: Path, *, row: int = 1, rows: int | None = None
) -> NDArray[np.generic]:
    """The response as a vector of finite numbers.

    Args:
        dtype: a key of DTYPES.
        row: the count must be a multiple of this.
        rows: exactly so many rows, if given.

    Raises:
        UsageError: another count of bytes, or a number that is not finite.
    """
    import numpy as np

    kind = np.dtype(DTYPES[dtype])
    size = kind.itemsize * row
    length = len(response.data)
    if length % size or (rows is not None and length != size * rows):
        raise UsageError(
            f"a response is not made of {dtype} numbers",
            where=f"{log}:{response.line}",
            found=f"{length} bytes for sample {response.qsl_idx}",
            expected=f"{size * rows} bytes" if rows is not None else f"a multiple of {size} bytes",
            remedy="name the type that the system under test answered with: --dtype " + "|".join(DTYPES),
        )
    found = np.frombuffer(response.data, kind)
    if kind.kind == "f" and not np.isfinite(found).all():
        raise UsageError(
            "a response holds a number that is not finite",
            where=f"{log}:{response.line}",
            found=f"{found[~np.isfinite(found)][0]} for sample {response.qsl_idx}",
            expected=f"finite {dtype} numbers",
        )
    return found
