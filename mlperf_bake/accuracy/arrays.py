"""NumPy files that users give: read without running what they hold, refused in a sentence where they are none."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAULTS: Final = (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises for a file that is empty, cut off, damaged, pickled, or claims a size that no memory holds."""


def fault(error: BaseException) -> str:
    """What stood in the way of reading an array; never NumPy's advice to unpickle a file, which runs what is in it."""
    return "no array of NumPy's, or one of Python objects" if "pickle" in str(error) else reason(error)


def read_array(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    """The array in an .npy file.

    Args:
        mapped: leave it in the file, for arrays larger than memory.

    Raises:
        UsageError: not readable, or no single array.
    """
    import numpy as np

    try:
        values = np.load(path, allow_pickle=False, mmap_mode="r" if mapped else None)
    except FAULTS as error:
        found = fault(error)
        raise UsageError("the array cannot be read", where=str(path), found=found, expected=".npy") from error
    if not isinstance(values, np.ndarray):
        values.close()
        raise UsageError("no array", where=str(path), found="an archive of arrays", expected=".npy")
    return values
