"""Samples that need no preparation: raw bytes to the values that they are."""

from typing import TYPE_CHECKING

from mlperf_bake.assets.clicks import WIDTH
from mlperf_bake.assets.preprocessing import Unreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def utf8(raw: bytes) -> "NDArray[np.uint8]":
    """A text's bytes: [bytes]."""
    import numpy as np

    if not raw:
        raise Unreadable("an empty text")
    return np.frombuffer(raw, np.uint8)


def clicks(raw: bytes) -> "NDArray[np.int32]":
    """Rows of click prediction: [rows, 227]."""
    import numpy as np

    return np.frombuffer(raw, "<i4").reshape(-1, WIDTH)
