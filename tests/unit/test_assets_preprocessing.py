"""Each preprocessing gives the values its definition says, for any photo, and refuses what is no photo."""

import io
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mlperf_bake.assets.preprocessing import CAFFE_MEANS, PREPROCESSINGS, Unreadable, find_preprocessing
from mlperf_bake.errors import UsageError

PHOTOS = ("imagenet-lite-224", "imagenet-caffe-224")


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(PHOTOS),
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
def test_a_photo_of_one_colour_gives_one_value_a_channel(
    name: str, width: int, height: int, colour: tuple[int, int, int]
) -> None:
    values = PREPROCESSINGS[name].apply(encoded(Image.new("RGB", (width, height), colour)))
    assert values.shape == (3, 224, 224)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    for channel, pixel in enumerate(colour):
        expected = (pixel - 127) / 128 if name == "imagenet-lite-224" else pixel - CAFFE_MEANS[channel]
        assert np.abs(values[channel] - expected).max() < 1e-5


@pytest.mark.parametrize(("name", "share"), [("imagenet-lite-224", 224 / 256), ("imagenet-caffe-224", 0.875)])
@pytest.mark.parametrize("size", [(1024, 512), (512, 1024), (512, 512)])
def test_the_crop_is_the_centre_of_the_shorter_sides_share(
    name: str, share: float, size: tuple[int, int]
) -> None:
    width, height = size
    side = min(size) * share
    ramp = np.linspace(0, 255, width)[None, :].repeat(height, 0).astype(np.uint8)
    values = PREPROCESSINGS[name].apply(encoded(Image.fromarray(ramp).convert("RGB")))
    scale, offset = (128, 127) if name == "imagenet-lite-224" else (1, CAFFE_MEANS[0])
    pixels = values[0, 112] * scale + offset
    left, right = (width - side) / 2 / width * 255, (width + side) / 2 / width * 255
    assert pixels[0] == pytest.approx(left, abs=1.5)
    assert pixels[-1] == pytest.approx(right, abs=1.5)
    assert np.diff(pixels).min() >= 0


@settings(max_examples=15, deadline=None)
@given(width=st.integers(256, 330), height=st.integers(256, 330), seed=st.integers(0, 1000))
def test_shrinking_by_area_follows_its_definition(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    values = PREPROCESSINGS["imagenet-caffe-224"].apply(encoded(Image.fromarray(pixels)))
    shorter = min(width, height)
    resized = (256 * width // shorter, 256 * height // shorter)
    row, column = 17, 200
    top = Fraction(row + (resized[1] - 224) // 2) * height / resized[1]
    left = Fraction(column + (resized[0] - 224) // 2) * width / resized[0]
    bottom, right = top + Fraction(height, resized[1]), left + Fraction(width, resized[0])
    total = Fraction(0)
    for y in range(int(top), ceil(bottom)):
        for x in range(int(left), ceil(right)):
            covered = (min(bottom, Fraction(y + 1)) - max(top, Fraction(y))) * (
                min(right, Fraction(x + 1)) - max(left, Fraction(x))
            )
            total += covered * int(pixels[y, x, 1])
    mean = floor(total / ((bottom - top) * (right - left)) + Fraction(1, 2))
    assert values[1, row, column] == np.float32(mean) - np.float32(CAFFE_MEANS[1])


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "1"])
def test_photos_in_other_colour_modes_are_read_as_rgb(name: str, mode: str) -> None:
    image = Image.new("RGB", (300, 260), (200, 200, 200)).convert(mode)
    raw = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    expected = PREPROCESSINGS[name].apply(encoded(image.convert("RGB")))
    assert np.array_equal(PREPROCESSINGS[name].apply(raw), expected)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize(
    "raw", [b"", b"no image at all", b"\xff\xd8\xff\xe0broken", b"\x89PNG\r\n\x1a\n\0\0\0"]
)
def test_what_is_no_image_is_unreadable(name: str, raw: bytes) -> None:
    with pytest.raises(Unreadable):
        PREPROCESSINGS[name].apply(raw)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_image_is_unreadable(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    raw = encoded(Image.fromarray(noise), kind)
    for length in (20, 200, len(raw) // 2, len(raw) - 200):
        with pytest.raises(Unreadable):
            PREPROCESSINGS["imagenet-lite-224"].apply(raw[:length])


@given(st.binary(min_size=784, max_size=784))
def test_a_fashion_image_is_its_pixels_over_255(raw: bytes) -> None:
    values = PREPROCESSINGS["fashion-28"].apply(raw)
    assert values.shape == (1, 28, 28)
    assert [round(float(value) * 255) for value in values.ravel()] == list(raw)


@pytest.mark.parametrize("length", [0, 783, 785])
def test_a_fashion_image_of_another_size_is_unreadable(length: int) -> None:
    with pytest.raises(Unreadable, match=str(length)):
        PREPROCESSINGS["fashion-28"].apply(bytes(length))


def test_an_unknown_preprocessing_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match='"imagenet-225"') as refusal:
        find_preprocessing("imagenet-225")
    assert "imagenet-lite-224" in str(refusal.value)


def test_a_mobilenet_reads_the_same_pixels_as_resnet50_between_minus_and_plus_one() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (300, 400, 3), np.uint8)
    raw = encoded(Image.fromarray(pixels))
    caffe = (
        PREPROCESSINGS["imagenet-caffe-224"].apply(raw) + np.asarray(CAFFE_MEANS, np.float32)[:, None, None]
    )
    mobile = PREPROCESSINGS["imagenet-mobilenet-224"].apply(raw)
    np.testing.assert_allclose(mobile, caffe / 127.5 - 1, atol=1e-5)
    assert mobile.min() >= -1 and mobile.max() <= 1


@pytest.mark.parametrize("edge", [224, 240, 260, 280, 300])
def test_each_efficientnet_lite_leaves_32_pixels_out_at_its_own_edge(edge: int) -> None:
    """A photo of edge + 32 pixels with a frame of 16: only the frame is cut off, and nothing is resized."""
    pixels = np.zeros((edge + 32, edge + 32, 3), np.uint8)
    pixels[16:-16, 16:-16] = 255
    made = PREPROCESSINGS[f"imagenet-lite-{edge}"].apply(encoded(Image.fromarray(pixels)))
    assert made.shape == (3, edge, edge)
    assert np.array_equal(made, np.full_like(made, 1))
