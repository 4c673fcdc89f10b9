"""Samples that need no preparation: raw bytes to the values that they are."""

from typing import TYPE_CHECKING, Final

from mlperf_bake.assets.preprocessing import Unreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VALUES: Final = 13
INDICES: Final = (3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1)
"""Of each of the 26 features of a click: multi_hot_sizes of DLRM-v2's reference model."""
WIDTH: Final = VALUES + sum(INDICES)


def utf8(raw: bytes) -> "NDArray[np.uint8]":
    """A text's bytes: [bytes]."""
    import numpy as np

    if not raw:
        raise Unreadable("an empty text")
    return np.frombuffer(raw, np.uint8)


def clicks(raw: bytes) -> "NDArray[np.int32]":
    """Rows of click prediction: [rows, 227], 13 values (the bits of a float32) and 214 indices."""
    import numpy as np

    return np.frombuffer(raw, "<i4").reshape(-1, WIDTH)
