"""torchvision's operators for a torch without CUDA: which boxes non-maximum suppression keeps, and when it is given at all."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.second_matrix import CHECKOUT

sys.path.append(str(CHECKOUT / "harness" / "reference"))
operators: Any = import_module("mlperf_reference.operators")


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes, by its definition."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(common / (sum(areas) - common))


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_a_box_stays_unless_a_better_one_that_stays_overlaps_it(threshold: float) -> None:
    draw = np.random.default_rng(7)
    corners = draw.uniform(0, 80, (60, 2))
    boxes = np.concatenate([corners, corners + draw.uniform(5, 40, (60, 2))], axis=1).astype(np.float32)
    scores = draw.uniform(size=60).astype(np.float32)
    expected: list[int] = []
    for index in np.argsort(-scores):
        if all(overlap(boxes[index], boxes[better]) <= threshold for better in expected):
            expected.append(int(index))
    assert operators.surviving(boxes, scores, threshold).tolist() == expected
    assert 0 < len(expected) <= 60


def test_no_boxes_keep_none() -> None:
    assert operators.surviving(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5).shape == (0,)


def write_torchvision(directory: Path) -> None:
    """A package that ends where torchvision does, as long as nobody declared its operator."""
    package = directory / "torchvision"
    package.mkdir()
    (package / "_C.so").write_bytes(b"")
    (package / "__init__.py").write_text(
        "import torch\nassert torch.declared\nfrom torchvision import extension\n"
    )
    (package / "extension.py").write_text("def _has_ops():\n    return False\n")


class Torch(ModuleType):
    """As much of torch as is asked; ``loads`` says whether torchvision's library fits it."""

    def __init__(self, loads: bool) -> None:
        super().__init__("torch")
        self.declared: list[str] = ["compiled"] if loads else []
        self.ops = SimpleNamespace(load_library=self.load_library)
        self.library = SimpleNamespace(Library=lambda *_: self)
        self.loads = loads

    def load_library(self, path: str) -> None:
        if not self.loads:
            raise OSError(f"libcudart.so: cannot open shared object file, for {path}")

    def define(self, signature: str) -> None:
        self.declared.append(signature.partition("(")[0])

    def impl(self, name: str, kernel: object, device: str) -> None:
        assert name in self.declared and callable(kernel) and device == "CPU"


@pytest.mark.parametrize(("loads", "declared"), [(False, ["nms", "qnms"]), (True, ["compiled"])])
def test_operators_are_given_only_where_the_compiled_ones_do_not_load(
    loads: bool, declared: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_torchvision(tmp_path)
    torch = Torch(loads)
    monkeypatch.setitem(sys.modules, "torch", torch)
    for name in ("torchvision", "torchvision.extension"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [operators.OperatorsFirst(), *sys.meta_path])
    extension = import_module("torchvision.extension")
    assert torch.declared == declared
    assert extension._has_ops() is not loads
    for name in ("torchvision", "torchvision.extension"):
        sys.modules.pop(name)
