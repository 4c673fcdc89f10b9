"""torchvision's operators where its compiled library cannot be loaded.

The registry's torchvision is compiled for torch with CUDA. Beside a torch without, its library does not load, and importing
torchvision ends at the first operator that it describes. The two that it describes by themselves are declared here, and `nms` is
given; whatever else is called says that it is not there.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

NAME = "torchvision"


def surviving(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> np.ndarray:
    """Non-maximum suppression: indices of the boxes that no better box overlaps by more than the threshold.

    Args:
        boxes: (N, 4), two opposite corners as x1, y1, x2, y2.
        scores: (N,).
        threshold: of the intersection over the union.

    Returns:
        int64 indices, best score first.
    """
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    left, top, right, bottom = boxes.astype(np.float32).T
    areas = (right - left) * (bottom - top)
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        width = np.minimum(right[best], right[order]) - np.maximum(left[best], left[order])
        height = np.minimum(bottom[best], bottom[order]) - np.maximum(top[best], top[order])
        common = np.clip(width, 0, None) * np.clip(height, 0, None)
        order = order[common <= threshold * (areas[best] + areas[order] - common)]
    return np.array(kept, dtype=np.int64)


class OperatorsFirst(MetaPathFinder):
    """Has the operators known before torchvision is imported, whoever imports it."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """torchvision's own spec, with the loader told to give it what it lacks; None for every other module."""
        if name != NAME:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None or spec.origin is None or _loads(Path(spec.origin).parent):
            return spec
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            library = _define()
            run(module)
            module.mlperf_reference_library = library  # type: ignore[attr-defined]
            sys.modules[f"{NAME}.extension"]._has_ops = lambda: True  # type: ignore[attr-defined]

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _loads(directory: Path) -> bool:
    """Whether the compiled operators are there and fit the torch that is."""
    import torch

    for library in directory.glob("_C*.so"):
        try:
            torch.ops.load_library(str(library))
        except OSError:
            return False
        return True
    return False


def _define() -> Any:
    """The library that holds the operator; it lives as long as it is referred to."""
    import torch

    def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
        kept = surviving(boxes.detach().cpu().numpy(), scores.detach().cpu().numpy(), iou_threshold)
        return torch.from_numpy(kept)

    library = torch.library.Library(NAME, "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", nms, "CPU")
    return library
