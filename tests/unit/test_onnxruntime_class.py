"""The ONNX Runtime class with a session that stands in for the runtime's: one input, several, and their outputs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

CLASS = Path(__file__).parents[2] / "harness" / "python" / "onnxruntime.py"


class Session:
    """Answers each output that is asked for with the sum of all inputs times the output's place in the network."""

    NETWORK = ("starts", "ends")

    def __init__(self, path: str, settings: SimpleNamespace, providers: Sequence[str]) -> None:
        assert (path, settings.intra_op_num_threads, providers) == ("net.onnx", 2, ["CPUExecutionProvider"])

    def run(self, outputs: Sequence[str], given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        assert set(given) <= {"ids", "mask"}
        total = sum(given.values(), np.zeros(1, np.float32))
        return [total * (self.NETWORK.index(name) + 1) for name in outputs]


Predict = Callable[[Any], Any]


@pytest.fixture
def predicting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Predict]:
    """The class loaded for a cell of these inputs and outputs."""
    runtime = ModuleType("onnxruntime")
    runtime.__dict__.update(InferenceSession=Session, SessionOptions=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    namespace: dict[str, Any] = {}
    exec(compile(CLASS.read_text(encoding="utf-8"), str(CLASS), "exec"), namespace)

    def load(inputs: Sequence[str], outputs: Sequence[str]) -> Predict:
        network = namespace["OnnxRuntime"]()
        facts = {
            "input_name": inputs[0],
            "inputs": [SimpleNamespace(name=name) for name in inputs],
            "outputs": [SimpleNamespace(name=name) for name in outputs],
        }
        network.load("net.onnx", SimpleNamespace(**facts), threads=2, batch=1, options={})
        predict: Predict = network.predict
        return predict

    return load


def test_several_inputs_go_to_the_network_by_name_and_outputs_come_in_the_cell_s_order(
    predicting: Callable[..., Predict],
) -> None:
    ids, mask = np.full((1, 4), 5, np.float32), np.ones((1, 4), np.float32)
    ends, starts = predicting(("ids", "mask"), ("ends", "starts"))({"ids": ids, "mask": mask})
    assert (ends.tolist(), starts.tolist()) == ([[12] * 4], [[6] * 4])


def test_one_input_and_one_output_are_arrays(predicting: Callable[..., Predict]) -> None:
    scores = predicting(("ids",), ("starts",))(np.full((2, 4), 3, np.float32))
    assert isinstance(scores, np.ndarray)
    assert scores.tolist() == [[3] * 4] * 2
