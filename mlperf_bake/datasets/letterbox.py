"""Photos for YOLO: brought to 640 pixels at the longer side, grey around, [3, height, width], pixel / 255, red first.

The reference (vision/classification_and_detection/yolo of mlcommons/inference) leaves this to Ultralytics' LetterBox: the
photo resized by OpenCV's bilinear filter of 8-bit pixels, which is written out below, centred on grey 114. With weights of
PyTorch it pads each side only to the next multiple of 32 (yolo-rect-640); networks of a fixed input, as exported to ONNX, take
the square (yolo-640). Held against OpenCV 5.0 on random photos: of 160 sizes 1 pixel in 1,400 differs, by 1 of 255.
"""

from typing import TYPE_CHECKING, Final

from mlperf_bake.assets.preprocessing import (
    _photo as decoded_photo,
)  # private: builds copy that module, and its bytes name images

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EDGE: Final = 640
STRIDE: Final = 32
GREY: Final = 114
SHARES: Final = 2048  # of a pixel: OpenCV's filter counts in whole ones


def yolo_640(raw: bytes) -> "NDArray[np.float32]":
    """A photo for YOLO: [3, 640, 640]."""
    return _letterboxed(raw, 1)


def yolo_rect_640(raw: bytes) -> "NDArray[np.float32]":
    """A photo for YOLO with as little grey as its strides allow: [3, height, width], multiples of 32 up to 640."""
    return _letterboxed(raw, EDGE // STRIDE)


def _letterboxed(raw: bytes, parts: int) -> "NDArray[np.float32]":
    """Padded to the next multiple of EDGE / parts."""
    import numpy as np

    pixels = np.asarray(decoded_photo(raw))
    height, width = pixels.shape[:2]
    scale = min(EDGE / height, EDGE / width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if size != (height, width):
        pixels = resized(pixels, *size)
    multiple = EDGE // parts
    canvas = np.full((*(side + -side % multiple for side in size), 3), GREY, np.uint8)
    top, left = (round((whole - side) / 2 - 0.1) for whole, side in zip(canvas.shape[:2], size, strict=True))
    canvas[top : top + size[0], left : left + size[1]] = pixels
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)


def resized(pixels: "NDArray[np.uint8]", height: int, width: int) -> "NDArray[np.uint8]":
    """An image at another size by OpenCV's INTER_LINEAR for 8-bit pixels."""
    import numpy as np

    above, below, upper, lower = _shares(pixels.shape[0], height)
    left, right, near, far = _shares(pixels.shape[1], width)
    whole = pixels.astype(np.int64)
    rows = (whole[:, left] * near[:, None] + whole[:, right] * far[:, None]) >> 4
    both = (rows[above] * upper[:, None, None] >> 16) + (rows[below] * lower[:, None, None] >> 16)
    return np.asarray(np.clip((both + 2) >> 2, 0, 255), np.uint8)


def _shares(
    length: int, wanted: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]":
    """For each new position the two old ones it lies between, and the share of each, in SHARES."""
    import numpy as np

    place = ((np.arange(wanted) + 0.5) * (1 / (wanted / length)) - 0.5).astype(np.float32)
    first = np.floor(place)
    share = (place - first).astype(np.float32)
    share[(first < 0) | (first >= length - 1)] = 0
    first = np.clip(first.astype(np.int64), 0, length - 1)
    far = np.rint(share * np.float32(SHARES)).astype(np.int64)
    near = np.rint((np.float32(1) - share) * np.float32(SHARES)).astype(np.int64)
    return first, np.minimum(first + 1, length - 1), near, far
