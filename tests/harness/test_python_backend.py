"""The harness's Python backend, over the machine's own CPython and NumPy: as released and under sanitizers."""

import hashlib
import json
import signal
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.conftest import BUILD, PACKAGES, build_harness
from tests.support.cell_parts import CellParts

COUNT, CLASSES = 40, 10
BACKEND_FAILED, WRONG_ANSWER, USAGE, INTERRUPTED = 6, 14, 2, 12

ECHO = '''
import numpy as np

class Echo:
    """The class of a sample is its first value, so that wrong pointers, orders or copies show as wrong answers."""

    def load(self, path, cell, threads, batch, options):
        with open(path) as file:
            assert file.read() == "weights", "not the weights"
        assert (cell.input_shape, cell.classes, threads, batch) == ((2, 3), 10, 1, 3), (cell, threads, batch)
        assert options == {"volume": "low"}, options
        print("loaded", cell.model)

    def predict(self, array):
        assert array.shape[1:] == (2, 3) and len(array) <= 3 and array.dtype == np.float32, array.shape
        assert not array.flags.owndata and not array.flags.writeable and array.flags.c_contiguous
        return np.eye(10, dtype=np.float32)[array[:, 0, 0].astype(int)]
'''
PREDICTING = """
import numpy as np

class Odd:
    def load(self, path, cell, threads, batch, options):
        pass

    def predict(self, array):
        {body}
"""


@dataclass(frozen=True)
class Place:
    """A cell, a data set and room for results, and the program to run over them."""

    program: Path
    root: Path

    def cell(self, source: str, *lines: str, output_kind: str = "scores") -> Path:
        """A cell.conf whose class is ``source``, written beside it."""
        (self.root / "mine.py").write_text(source, encoding="utf-8")
        (self.root / "weights.bin").write_text("weights", encoding="utf-8")
        conf = self.root / "cell.conf"
        conf.write_text(
            "\n".join(
                (
                    "cell = m-i-f-h-o\nmodel = m\nimplementation = i\nframework = f\nhardware = h\nos = o",
                    "division = open\nround = v6.1\nbenchmark = resnet\nloadgen_model = resnet50",
                    "task = image-classification\nbackend = python\nbackend.class = mine.py",
                    f"backend.packages = {PACKAGES}\nprecision = fp32",
                    "weights = weights.bin\nweights_sha256 = unlocked\ninput_name = x\ninput_shape = 2x3",
                    f"input_dtype = float32\noutput_name = y\noutput_kind = {output_kind}\nclasses = {CLASSES}",
                    "label_offset = 0\npreprocessing = none\nperformance_sample_count = 1024",
                    "server_target_latency_ms = 15\nqsl_rng_seed = 2085463073848966840",
                    "sample_index_rng_seed = 2747215439041700203\nschedule_rng_seed = 16159082839903944936",
                    *lines,
                    "",
                )
            ),
            encoding="utf-8",
        )
        return conf

    def data(self) -> Path:
        """Sample i is full of i % 10, and so is its label."""
        place = self.root / "data"
        place.mkdir()
        samples = b"".join(struct.pack("<6f", *[i % CLASSES] * 6) for i in range(COUNT))
        labels = b"".join(struct.pack("<i", i % CLASSES) for i in range(COUNT))
        (place / "samples.bin").write_bytes(samples)
        (place / "labels.bin").write_bytes(labels)
        (place / "dataset.conf").write_text(
            f"name = ramp\npreprocessing = none\ncount = {COUNT}\nshape = 2x3\ndtype = float32\nclasses = {CLASSES}\n"
            f"samples_sha256 = {hashlib.sha256(samples).hexdigest()}\n"
            f"labels_sha256 = {hashlib.sha256(labels).hexdigest()}\n"
            "demonstration = yes\nofficial_count = 0\nsource = a test\n",
            encoding="utf-8",
        )
        return place

    def command(
        self, conf: Path, *options: str, data: Path | None = None, mode: str = "accuracy"
    ) -> list[str]:
        """The harness's command line; results go to ``results`` below the root."""
        results = self.root / "results"
        results.mkdir(exist_ok=True)
        return [
            *(str(self.program), "--cell", str(conf), "--scenario", "Offline", "--mode", mode),
            *("--results", str(results), "--workers", "2", "--threads", "1"),
            *("--data", str(data) if data else "synthetic"),
            *(() if "--run-id" in options else ("--run-id", "r")),
            *options,
        ]

    def run(self, conf: Path, *options: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """An accuracy run to its end."""
        command = self.command(conf, *options, data=data)
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    def manifest(self) -> dict[str, dict[str, object]]:
        """Of the run."""
        text = (self.root / "results" / "r" / "manifest.json").read_text(encoding="utf-8")
        manifest: dict[str, dict[str, object]] = json.loads(text)
        return manifest


@pytest.fixture(scope="module", params=["release", "address"])
def program(request: pytest.FixtureRequest, parts: CellParts, toolchain: None) -> Iterator[Path]:
    """The harness with this backend; Python's own leaks at its end are not the harness's."""
    build_harness(request.param, parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASAN_OPTIONS", "detect_leaks=0")
        patch.setenv("LD_LIBRARY_PATH", str(parts.lib))
        yield BUILD / request.param / "mlperf-harness"


@pytest.fixture
def place(program: Path, tmp_path: Path) -> Place:
    return Place(program, tmp_path)


def test_a_class_is_handed_the_samples_where_they_lie_and_its_answers_are_taken(place: Place) -> None:
    ended = place.run(
        place.cell(ECHO),
        *("--batch", "3", "--backend-option", "python.volume=low", "--progress", "json"),
        data=place.data(),
    )
    assert ended.returncode == 0, ended.stderr
    assert place.manifest()["accuracy"] == {"metric": "top1", "correct": COUNT, "total": COUNT, "value": 1}
    assert all(json.loads(line)["event"] for line in ended.stdout.splitlines())
    assert "loaded m" in ended.stderr


def test_the_manifest_names_the_class_and_the_sum_of_its_file(place: Place) -> None:
    conf = place.cell(ECHO.replace("class Echo:", 'class Echo:\n    distribution = "numpy"'))
    ended = place.run(conf, "--batch", "3", "--backend-option", "python.volume=low", data=place.data())
    assert ended.returncode == 0, ended.stderr
    backend = place.manifest()["backend"]
    assert backend["provider"] == "mine.py:Echo"
    assert " with numpy " in str(backend["version"])
    assert backend["files"] == {"mine.py": hashlib.sha256((place.root / "mine.py").read_bytes()).hexdigest()}


def test_a_user_names_another_class_of_another_file(place: Place) -> None:
    other = place.root / "other.py"
    other.write_text(
        PREDICTING.format(body="return array[:, 0, 0].astype(np.int64)") + "\nclass Second(Odd): pass\n"
    )
    conf = place.cell(ECHO, output_kind="argmax")
    ended = place.run(conf, "--backend-option", f"class={other}:Second", data=place.data())
    assert ended.returncode == 0, ended.stderr
    assert place.manifest()["accuracy"]["correct"] == COUNT
    assert place.manifest()["backend"]["provider"] == "other.py:Second"
    assert not any("own" in reason for reason in place.manifest()["demonstration"])


def test_a_class_of_the_users_in_the_closed_division_makes_a_demonstration(place: Place) -> None:
    conf = place.cell(PREDICTING.format(body="return np.zeros((len(array), 10), np.float32)"))
    conf.write_text(
        conf.read_text(encoding="utf-8").replace("division = open", "division = closed"), encoding="utf-8"
    )
    assert place.run(conf).returncode == 0
    assert not any("own" in reason for reason in place.manifest()["demonstration"])
    again = place.run(conf, "--run-id", "again", "--backend-option", "class=mine.py:Odd")
    assert (
        "demonstration: samples are synthetic; program mine.py of the user's own in the closed division"
        in again.stdout
    )


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return np.zeros((len(array), 10))", "ndarray float64 of shape 1x10"),
        ("return np.zeros((len(array), 9), np.float32)", "ndarray float32 of shape 1x9"),
        ("return np.zeros((len(array) + 1, 10), np.float32)", "ndarray float32 of shape 2x10"),
        ("return np.zeros(10 * len(array), np.float32)", "ndarray float32 of shape 10"),
        ("return np.zeros((len(array), 10), '>f4')", "ndarray >f4 of shape 1x10"),
        ("return np.zeros((2 * len(array), 20), np.float32)[::2, ::2]", "ndarray float32 of shape 1x10"),
        ("return [[0.0] * 10]", "returned list"),
        ("return None", "returned NoneType"),
    ],
)
def test_an_answer_of_the_wrong_kind_ends_the_run_and_is_named(place: Place, body: str, found: str) -> None:
    ended = place.run(place.cell(PREDICTING.format(body=body)))
    assert ended.returncode == WRONG_ANSWER
    assert found in ended.stderr
    assert "expected a C-contiguous array of float32 of shape 1x10" in ended.stderr
    assert list((place.root / "results").iterdir()) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            PREDICTING.format(body="raise ValueError('two\\nlines')"),
            "failed in predict: ValueError: two lines (ROOT/mine.py:9)",
        ),
        (PREDICTING.format(body="np.zeros(-1)"), "(ROOT/mine.py:9)"),
        (PREDICTING.format(body="array[:] = 0"), "ValueError: assignment destination is read-only"),
        (ECHO, "could not load ROOT/weights.bin: AssertionError: "),
        ("def f(:", 'cannot be had: File "ROOT/mine.py", line 1'),
        ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
        ("x = 1", "expected one class with load and predict, found 0"),
        (ECHO + ECHO.replace("Echo", "Echo2"), "found 2; FILE:CLASS names one"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
    ],
)
def test_a_class_that_fails_ends_the_run_with_one_sentence(place: Place, source: str, sentence: str) -> None:
    ended = place.run(place.cell(source))
    assert ended.returncode == BACKEND_FAILED
    assert sentence.replace("ROOT", str(place.root)) in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if line.startswith("mlperf-harness:")]) == 1


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("class=missing.py", "missing.py cannot be opened"),
        ("class=mine.py:Nobody", "expected class Nobody with load and predict, found 0"),
        ("packages=/nowhere", "packages: /nowhere is not a directory"),
        ("home=/nowhere", "home: /nowhere has no Python"),
    ],
)
def test_an_option_that_names_nothing_is_refused(place: Place, option: str, sentence: str) -> None:
    ended = place.run(place.cell(ECHO), "--backend-option", option)
    assert ended.returncode == BACKEND_FAILED
    assert sentence in ended.stderr


def test_a_precision_counts_only_where_the_class_offers_it(place: Place) -> None:
    body = "return np.zeros((len(array), 10), np.float32)"
    refused = place.run(place.cell(PREDICTING.format(body=body)), "--precision", "bf16")
    assert refused.returncode == USAGE
    assert "does not offer precision bf16" in refused.stderr
    source = PREDICTING.format(body=body).replace("class Odd:", "class Odd:\n    precisions = ('bf16',)")
    assert place.run(place.cell(source), "--precision", "bf16").returncode == 0


def test_what_a_class_says_it_has_loaded_follows_its_package_in_the_manifest(place: Place) -> None:
    source = PREDICTING.format(body="return np.zeros((len(array), 10), np.float32)")
    ended = place.run(place.cell(source.replace("        pass", "        Odd.runtime = 'server\\n2.51'")))
    assert ended.returncode == 0, ended.stderr
    assert str(place.manifest()["backend"]["version"]).endswith("; server 2.51")


def test_signals_stay_the_harness_s(place: Place) -> None:
    conf = place.cell(PREDICTING.format(body="return np.zeros((len(array), 10), np.float32)"))
    command = place.command(conf, "--duration", "60", "--progress", "json", mode="performance")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        while '"run"' not in running.stdout.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=120)
    assert running.returncode == INTERRUPTED
