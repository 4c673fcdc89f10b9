"""Networks of several inputs and outputs, end to end: the harness as released and sanitized, ONNX Runtime and Python."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.conftest import BUILD, PACKAGES, build_harness
from tests.support.cell_parts import CellParts
from tests.support.tensor_cells import POSITIONS, TensorCell, box_cell, logged_responses, span_cell

WRONG_ANSWER, CELL = 14, 3

SPANS = """
import numpy as np

class Spans:
    def load(self, path, cell, threads, batch, options):
        assert [one.name for one in cell.inputs] == ["ids", "mask", "segments"], cell.inputs
        assert (cell.outputs[1].shape, cell.outputs[1].dtype, cell.output_kind) == ((4,), "float32", "tensors"), cell

    def predict(self, arrays):
        ids, mask, segments = (arrays[name] for name in ("ids", "mask", "segments"))
        assert ids.shape[1:] == (4,) and ids.dtype == np.int64 and not ids.flags.writeable
        {answer}
"""
STARTS, ENDS = "(ids + mask).astype(np.float32)", "(ids - segments).astype(np.float32)"
BY_NAME = f'return {{"ends": {ENDS}, "starts": {STARTS}, "further": None}}'
IN_ORDER = f"return {STARTS}, {ENDS}"

THREE_INPUTS = """\
input_name = ids, mask, segments
input_shape = 4, 4, 4
input_dtype = int64, int64, int64
input_values = 0..99, 1, 0..1"""

BOXES = """
import numpy as np

class Boxes:
    def load(self, path, cell, threads, batch, options):
        assert cell.outputs[0].shape == (None, 4), cell.outputs

    def predict(self, array):
        rows = array.reshape(-1, 4)
        found = np.flatnonzero(rows[:, 3] > 0.5)
        return rows[found], found, rows[found, 3]
"""


@pytest.fixture(scope="module", params=["release", "address"])
def program(request: pytest.FixtureRequest, parts: CellParts, toolchain: None) -> Path:
    """The harness with both backends."""
    variant: str = request.param
    build_harness(variant, parts)
    return BUILD / variant / "mlperf-harness"


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(program: Path, parts: CellParts, tmp_path: Path) -> Run:
    """An accuracy run of a cell; its results go to ``results``."""

    def call(cell: TensorCell, *options: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "results").mkdir(exist_ok=True)
        return subprocess.run(
            [
                *(str(program), "--cell", str(cell.conf), "--data", str(cell.data), "--mode", "accuracy"),
                *(
                    "--results",
                    str(tmp_path / "results"),
                    "--run-id",
                    "r",
                    "--workers",
                    "2",
                    "--threads",
                    "1",
                ),
                *(options if "--scenario" in options else ("--scenario", "Offline", *options)),
            ],
            env={"LD_LIBRARY_PATH": str(parts.lib), "ASAN_OPTIONS": "detect_leaks=0"},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return call


def python_class(root: Path, source: str) -> tuple[str, ...]:
    """The lines of cell.conf for a class of this source."""
    (root / "mine.py").write_text(source, encoding="utf-8")
    return ("backend.class = mine.py", f"backend.packages = {PACKAGES}")


@pytest.mark.parametrize("batch", ["1", "3"])
@pytest.mark.parametrize("scenario", ["Offline", "MultiStream"])
def test_onnx_runtime_answers_questions(run: Run, tmp_path: Path, scenario: str, batch: str) -> None:
    cell = span_cell(tmp_path, "onnxruntime")
    ended = run(cell, "--scenario", scenario, "--batch", batch)
    assert ended.returncode == 0, ended.stderr
    assert logged_responses(tmp_path / "results" / "r") == cell.responses
    assert "accuracy: measured by mlperf-bake accuracy" in ended.stdout


def test_onnx_runtime_finds_as_many_boxes_as_there_are(run: Run, tmp_path: Path) -> None:
    cell = box_cell(tmp_path, "onnxruntime")
    ended = run(cell)
    assert ended.returncode == 0, ended.stderr
    assert logged_responses(tmp_path / "results" / "r") == cell.responses


@pytest.mark.parametrize("answer", [BY_NAME, IN_ORDER])
def test_a_class_gets_inputs_by_name_and_answers_by_name_or_in_order(
    run: Run, tmp_path: Path, answer: str
) -> None:
    cell = span_cell(tmp_path, "python", *python_class(tmp_path, SPANS.format(answer=answer)))
    ended = run(cell, "--batch", "3")
    assert ended.returncode == 0, ended.stderr
    assert logged_responses(tmp_path / "results" / "r") == cell.responses


def test_a_class_finds_as_many_boxes_as_there_are(run: Run, tmp_path: Path) -> None:
    cell = box_cell(tmp_path, "python", *python_class(tmp_path, BOXES))
    ended = run(cell)
    assert ended.returncode == 0, ended.stderr
    assert logged_responses(tmp_path / "results" / "r") == cell.responses


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (f"return {STARTS}", "expected a dict, or a tuple in this order, of starts, ends"),
        (f'return {{"starts": {STARTS}}}', "expected a dict, or a tuple in this order, of starts, ends"),
        (
            f"return {STARTS}, ids",
            f'int64 of shape 3x{POSITIONS} as "ends" from predict; expected a C-contiguous array of float32 of shape 3x4',
        ),
        (f"return {STARTS}[:1], {ENDS}", 'float32 of shape 1x4 as "starts" from predict'),
        (f"return {STARTS}, {ENDS}.T.copy().T", "numpy.ascontiguousarray(x, dtype) makes one"),
    ],
)
def test_other_answers_of_a_class_are_refused_with_what_was_expected(
    run: Run, tmp_path: Path, answer: str, says: str
) -> None:
    cell = span_cell(tmp_path, "python", *python_class(tmp_path, SPANS.format(answer=answer)))
    ended = run(cell, "--batch", "3")
    assert ended.returncode == WRONG_ANSWER
    assert says in ended.stderr


@pytest.mark.parametrize(
    ("line", "instead", "says"),
    [
        (
            "input_name = ids, mask, segments",
            "input_name = ids, mask, types",
            'the network has no input "types"',
        ),
        ("output_shape = 4, 4", "output_shape = 5, 5", 'output_shape 5 of "starts" is another'),
        ("int64, int64, int64", "int64, int64, int32", 'input_dtype of "segments" is another'),
        (
            THREE_INPUTS,
            "input_name = ids, mask\ninput_shape = 4, 4\ninput_dtype = int64, int64",
            "the network needs as inputs also segments",
        ),
    ],
)
def test_a_cell_that_does_not_describe_the_network_is_refused(
    run: Run, tmp_path: Path, line: str, instead: str, says: str
) -> None:
    cell = span_cell(tmp_path, "onnxruntime")
    text = cell.conf.read_text(encoding="utf-8")
    assert line in text
    cell.conf.write_text(text.replace(line, instead), encoding="utf-8")
    ended = run(replace(cell, data=Path("synthetic")))
    assert ended.returncode == CELL
    assert says in ended.stderr, ended.stderr
