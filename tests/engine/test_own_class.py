"""A user's own Python class, run by its path in an image that was built for another."""

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.engine.find import Engine
from tests.engine.conftest import CHECKOUT

TARGET = "fashion-net-cpp-ncnn-cpu-debian12"
CORRECT, COUNT = 8816, 10_000
WITHIN = 100
"""The network is trained anew on each machine."""

MINE = '''
import ncnn
import numpy as np

class Mine:
    """What the image's own class does, in another way: every sample is copied into ncnn's own memory."""

    def load(self, path, cell, threads, batch, options):
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        for half in ("packed", "storage", "arithmetic"):
            setattr(self.net.opt, f"use_fp16_{half}", False)
        self.net.load_param(path)
        self.net.load_model(path.replace(".param", ".bin"))
        self.classes = cell.classes

    def predict(self, array):
        return np.stack([self.one(sample) for sample in array])

    def one(self, sample):
        extractor = self.net.create_extractor()
        extractor.input(self.net.input_names()[0], ncnn.Mat(sample).clone())
        return np.array(extractor.extract(self.net.output_names()[0])[1], dtype=np.float32).reshape(self.classes)
'''


def mlperf_bake(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, in this checkout."""
    program = Path(sys.executable).with_name("mlperf-bake")
    return subprocess.run([program, *arguments], cwd=CHECKOUT, capture_output=True, text=True)


@pytest.fixture(scope="module", autouse=True)
def built(engine: Engine) -> None:
    """The image, with the class that it was made for."""
    done = mlperf_bake("build", "--target", TARGET)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture
def results(engine: Engine) -> Iterator[str]:
    """A volume of its own, removed afterwards."""
    name = f"mlperf-bake-test-{uuid.uuid4().hex[:8]}"
    yield name
    engine.call("volume", "rm", "--force", name)


def run(results: str, *options: str) -> subprocess.CompletedProcess[str]:
    """An accuracy run over all of Fashion-MNIST's test images."""
    data = prepare("fashion-mnist", "fashion-28").path
    what = ("--target", TARGET, "--scenario", "Offline", "--mode", "accuracy", "--data", str(data))
    return mlperf_bake("run", *what, "--results", results, "--json", *options, "--", "--batch", "16")


@pytest.mark.slow
def test_a_class_by_path_gets_the_accuracy_of_the_image_s_own(results: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(MINE, encoding="utf-8")
    own, other = run(results), run(results, "--class", str(mine))
    assert (own.returncode, other.returncode) == (0, 0), own.stderr + other.stderr
    manifests = [json.loads(done.stdout)["manifest"] for done in (own, other)]
    correct = [manifest["accuracy"]["correct"] for manifest in manifests]
    assert abs(correct[0] - CORRECT) <= WITHIN
    assert correct[0] == correct[1]
    assert manifests[0]["backend"]["provider"] == "ncnn.py:Ncnn"
    assert manifests[1]["backend"]["provider"] == "mine.py:Mine"
    assert manifests[1]["backend"]["files"] == {"mine.py": hashlib.sha256(mine.read_bytes()).hexdigest()}


@pytest.mark.slow
def test_a_class_that_fails_ends_the_run_with_its_own_sentence(results: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(
        MINE.replace("return np.stack", "raise ValueError('no')\n        return np.stack"), encoding="utf-8"
    )
    done = run(results, "--class", f"{mine}:Mine")
    assert done.returncode == 6
    line = mine.read_text(encoding="utf-8").splitlines().index("        raise ValueError('no')") + 1
    assert (
        f"Class Mine of /class/mine.py failed in predict: ValueError: no (/class/mine.py:{line})"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
