"""The LiteRT class with an interpreter that stands in for LiteRT's: networks that take their pixels channels last."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

CLASS = Path(__file__).parents[2] / "harness" / "python" / "litert.py"


class Interpreter:
    """Answers each sample with the sums of its channels, wherever they lie."""

    shape: tuple[int, ...] = (1, 4, 5, 3)
    channels = 3

    def __init__(self, **_: object) -> None:
        self.given = np.zeros(self.shape, np.float32)

    def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None:
        assert index == 0 and shape[1:] == self.shape[1:]
        self.given = np.zeros(shape, np.float32)

    def allocate_tensors(self) -> None: ...

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": np.array(self.given.shape), "dtype": np.float32}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 1, "dtype": np.float32}]

    def set_tensor(self, index: int, array: np.ndarray) -> None:
        assert array.shape == self.given.shape and array.flags.c_contiguous
        self.given = array

    def invoke(self) -> None: ...

    def get_tensor(self, index: int) -> np.ndarray:
        others = tuple(axis for axis in (1, 2, 3) if self.given.shape[axis] != self.channels)
        sums: np.ndarray = self.given.sum(axis=others)
        return sums


@pytest.mark.parametrize("shape", [(1, 4, 5, 3), (1, 3, 4, 5)])
def test_samples_are_turned_for_a_network_that_takes_channels_last(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    runtime = ModuleType("ai_edge_litert.interpreter")
    monkeypatch.setattr(Interpreter, "shape", shape)
    runtime.__dict__.update(Interpreter=Interpreter, load_delegate=None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", runtime)
    namespace: dict[str, Any] = {}
    exec(compile(CLASS.read_text(encoding="utf-8"), str(CLASS), "exec"), namespace)
    network = namespace["LiteRT"]()
    network.load(
        "net.tflite", SimpleNamespace(input_shape=(3, 4, 5), classes=3), threads=1, batch=2, options={}
    )
    samples = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    assert np.array_equal(network.predict(samples), samples.sum(axis=(2, 3)))
    assert np.array_equal(network.predict(samples[:1]), samples[:1].sum(axis=(2, 3)))
