"""Preprocessings: what turns one raw sample into one row of samples.bin.

Each has an id (docs/contracts.md, ``preprocessing``), the shape and type it gives, and one function from the raw
sample's bytes to the values. What a model needs is named in matrix.yaml; the ids below are all there are.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

LITE_EDGES = (224, 240, 260, 280, 300)  # pixels, of EfficientNet-Lite0 to 4
LITE_PADDING = 32  # pixels the crop leaves out, at the edge an EfficientNet-Lite was trained with
CAFFE_EDGE = 224
CAFFE_RESIZED = int(100.0 * CAFFE_EDGE / 87.5)  # pixels of the shorter side before the crop
CAFFE_MEANS = (123.68, 116.78, 103.94)  # red, green, blue
FASHION_EDGE = 28
RETINANET_EDGE = 800
GREY_EDGE = 128  # of BlazeFace's pictures
SQUAD_TOKENS = 384


class Unreadable(ValueError):
    """The raw sample is not what the preprocessing reads; the text says why."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """One preprocessing.

    Attributes:
        id: its name in matrix.yaml, dataset.conf and manifests.
        title: one line for people.
        shape: of one sample; an extent of 0 differs from sample to sample.
        apply: raw bytes to values of that shape; raises Unreadable.
        dtype: of the values: float32, int32, int64.
        heavy: whether many samples are worth processes of their own.
    """

    id: str
    title: str
    shape: tuple[int, ...]
    apply: Callable[[bytes], "NDArray[Any]"]
    dtype: str = "float32"
    heavy: bool = True


def lite(edge: int, raw: bytes) -> "NDArray[np.float32]":
    """A photo for an EfficientNet-Lite of that edge: [3, edge, edge], (pixel - 127) / 128.

    The evaluation preprocessing of the reference implementation (tensorflow/tpu, efficientnet/lite): the central
    square of edge/(edge + 32) of the shorter side, bicubic to edge x edge, mean 127 and deviation 128. Pillow's bicubic
    filter widens when it shrinks (no aliasing), TensorFlow's does not: values differ, top-1 of EfficientNet-Lite0 on the
    20 sample photos is the 18 the PyTorch port reaches.
    """
    import numpy as np
    from PIL.Image import Resampling

    image = _photo(raw)
    width, height = image.size
    side = max(1, int(edge / (edge + LITE_PADDING) * min(width, height)))
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    image = image.crop((left, top, left + side, top + side)).resize((edge, edge), Resampling.BICUBIC)
    pixels = np.asarray(image, np.float32)
    return np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1))


def caffe_224(raw: bytes) -> "NDArray[np.float32]":
    """A photo for the official ResNet50: [3, 224, 224], pixel - mean of its channel, red first.

    Follows pre_process_vgg of mlcommons/inference (vision/classification_and_detection/python/dataset.py): the
    shorter side to 256, the central 224 x 224, the means 123.68, 116.78, 103.94 subtracted. The reference resizes
    with OpenCV's INTER_AREA, which is written out below for shrinking: on the 20 sample photos 2 of 3 million
    values differ, by 1 of 255. Photos smaller than 256, which it enlarges, go through Pillow's bilinear filter and
    differ more. For a submission that must match to the bit, prepare the data with the reference code.
    """
    import numpy as np

    return np.ascontiguousarray(_central_224(raw) - np.asarray(CAFFE_MEANS, np.float32)[:, None, None])


def mobilenet_224(raw: bytes) -> "NDArray[np.float32]":
    """A photo for a MobileNet: [3, 224, 224], pixel / 127.5 - 1, red first.

    Follows pre_process_mobilenet of mlcommons/inference (same file): cut and resized as for ResNet50, then brought
    to [-1, 1].
    """
    import numpy as np

    return np.ascontiguousarray(_central_224(raw) / np.float32(127.5) - np.float32(1))


def _central_224(raw: bytes) -> "NDArray[np.float32]":
    """The central 224 x 224 pixels of a photo whose shorter side was brought to 256: RGB, [3, 224, 224]."""
    image = _photo(raw)
    width, height = image.size
    if height > width:
        size = (CAFFE_RESIZED, int(CAFFE_RESIZED * height / width))
    else:
        size = (int(CAFFE_RESIZED * width / height), CAFFE_RESIZED)
    left, top = (size[0] - CAFFE_EDGE) // 2, (size[1] - CAFFE_EDGE) // 2
    return _resize_by_area(image, size, (left, top, left + CAFFE_EDGE, top + CAFFE_EDGE))


def _resize_by_area(
    image: "Image", size: tuple[int, int], box: tuple[int, int, int, int]
) -> "NDArray[np.float32]":
    """A part of the image at another size (width, height): RGB pixels, whole numbers, [3, height, width].

    Shrunk, each pixel is the mean of the area it covers, partly covered pixels by their share, halves rounded
    upwards. All of it is whole numbers below 2**53, so every order of summation gives the same.

    Args:
        box: the part, in pixels of the new size: left, top, right, bottom.
    """
    import numpy as np
    from PIL.Image import Resampling

    width, height = image.size
    left, top, right, bottom = box
    if size[0] > width or size[1] > height:
        resized = image.resize(size, Resampling.BILINEAR).crop(box)
        return np.asarray(resized, np.float32).transpose(2, 0, 1)
    channels = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1), np.float64)
    rows, columns = _coverage(height, size[1])[top:bottom], _coverage(width, size[0])[left:right]
    sums, area = (rows @ channels @ columns.T).astype(np.int64), width * height
    return ((2 * sums + area) // (2 * area)).astype(np.float32)


def _coverage(length: int, resized: int) -> "NDArray[np.float64]":
    """[resized, length]: how much of each old pixel each new one covers, along one axis, in old pixels / resized."""
    import numpy as np

    starts, edges = np.arange(length) * resized, np.arange(resized + 1) * length
    upper = np.minimum(edges[1:, None], starts + resized)
    lower = np.maximum(edges[:-1, None], starts)
    return np.asarray(np.clip(upper - lower, 0, None), np.float64)


def fashion_28(raw: bytes) -> "NDArray[np.float32]":
    """A Fashion-MNIST image for fashion-net: 784 grey bytes to [1, 28, 28], pixel / 255."""
    import numpy as np

    if len(raw) != FASHION_EDGE**2:
        raise Unreadable(f"{len(raw)} bytes, expected {FASHION_EDGE**2}")
    pixels = np.frombuffer(raw, np.uint8).reshape(1, FASHION_EDGE, FASHION_EDGE)
    return pixels.astype(np.float32) / np.float32(255)


def grey_128(raw: bytes) -> "NDArray[np.float32]":
    """A grey picture for BlazeFace: 128 x 128 bytes to [3, 128, 128], pixel / 127.5 - 1, three equal channels.

    The values are those of MediaPipe's face detection, which brings its pixels to [-1, 1].
    """
    import numpy as np

    if len(raw) != GREY_EDGE**2:
        raise Unreadable(f"{len(raw)} bytes, expected {GREY_EDGE**2}")
    pixels = np.frombuffer(raw, np.uint8).reshape(GREY_EDGE, GREY_EDGE).astype(np.float32)
    return np.ascontiguousarray(np.broadcast_to(pixels / np.float32(127.5) - 1, (3, *pixels.shape)))


def retinanet_800(raw: bytes) -> "NDArray[np.float32]":
    """A photo for RetinaNet: [3, 800, 800], pixel / 255, red first.

    Follows pre_process_openimages_retinanet of mlcommons/inference (same file), whose cv2.resize of 32-bit floats
    (INTER_LINEAR, no smoothing when it shrinks) is written out below. Where Pillow's JPEG decoder differs from OpenCV's, so
    do the values, by 1 of 255 here and there.
    """
    import numpy as np

    pixels = np.asarray(_photo(raw), np.float32)
    upper, lower, share = neighbours(pixels.shape[0], RETINANET_EDGE)
    left, right, shift = neighbours(pixels.shape[1], RETINANET_EDGE)
    rows = pixels[:, left] * (1 - shift)[:, None] + pixels[:, right] * shift[:, None]
    resized = rows[upper] * (1 - share)[:, None, None] + rows[lower] * share[:, None, None]
    return np.ascontiguousarray((resized / np.float32(255)).transpose(2, 0, 1), np.float32)


def neighbours(
    length: int, resized: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]":
    """For each new position the two old ones it lies between, and how far it is to the second; at the edges the last one."""
    import numpy as np

    place = ((np.arange(resized) + 0.5) * (length / resized) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    share = np.where((first < 0) | (first >= length - 1), 0, place - first).astype(np.float32)
    first = np.clip(first, 0, length - 1)
    return first, np.minimum(first + 1, length - 1), share


def squad_384(raw: bytes) -> "NDArray[np.int64]":
    """A window of SQuAD as BERT takes it: [3, 384], token ids, mask and segment of each token."""
    return _integers(raw, "<i8", 3 * SQUAD_TOKENS).reshape(3, SQUAD_TOKENS)


def token_ids(raw: bytes) -> "NDArray[np.int32]":
    """The token ids of a text, one after the other."""
    return _integers(raw, "<i4", None)


def _integers(raw: bytes, kind: str, count: int | None) -> "NDArray[Any]":
    import numpy as np

    width = np.dtype(kind).itemsize
    if len(raw) % width or not raw or (count is not None and len(raw) != count * width):
        raise Unreadable(f"{len(raw)} bytes, expected {count or 'a number of'} values of {width}")
    return np.frombuffer(raw, kind)


def _photo(raw: bytes) -> "Image":
    """Decodes an image file to 8-bit RGB."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(raw)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow raises the first three, by format, for truncated and malformed files.
        reason = "no image format known here" if isinstance(error, UnidentifiedImageError) else str(error)
        raise Unreadable(reason) from error


PREPROCESSINGS: Mapping[str, Preprocessing] = MappingProxyType(
    {
        item.id: item
        for item in (
            *(
                Preprocessing(
                    f"imagenet-lite-{edge}",
                    f"photo, central crop, {edge} x {edge}, (pixel - 127) / 128",
                    (3, edge, edge),
                    partial(lite, edge),
                )
                for edge in LITE_EDGES
            ),
            Preprocessing(
                "imagenet-mobilenet-224",
                "photo, central crop, 224 x 224, pixel / 127.5 - 1",
                (3, 224, 224),
                mobilenet_224,
            ),
            Preprocessing(
                "imagenet-caffe-224",
                "photo, central crop, 224 x 224, channel means subtracted",
                (3, 224, 224),
                caffe_224,
            ),
            Preprocessing(
                "fashion-28", "28 x 28 grey image, pixel / 255", (1, 28, 28), fashion_28, heavy=False
            ),
            Preprocessing(
                "grey-128",
                "128 x 128 grey picture, pixel / 127.5 - 1, in three channels",
                (3, GREY_EDGE, GREY_EDGE),
                grey_128,
                heavy=False,
            ),
            Preprocessing("retinanet-800", "photo, 800 x 800, pixel / 255", (3, 800, 800), retinanet_800),
            Preprocessing(
                "squad-384",
                "BERT's 384 tokens: ids, mask, segments",
                (3, SQUAD_TOKENS),
                squad_384,
                "int64",
                heavy=False,
            ),
            Preprocessing(
                "token-ids", "token ids, as many as the text has", (0,), token_ids, "int32", heavy=False
            ),
        )
    }
)


def find_preprocessing(name: str) -> Preprocessing:
    """The preprocessing of that id.

    Raises:
        UsageError: there is none.
    """
    try:
        return PREPROCESSINGS[name]
    except KeyError:
        raise UsageError(
            f'unknown preprocessing "{name}"', expected="one of " + ", ".join(PREPROCESSINGS)
        ) from None
