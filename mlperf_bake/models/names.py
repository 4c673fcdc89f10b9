"""Holds the names of preprocessings and data sets in a matrix against those that there are.

The matrix is read without this, so that listing cells loads neither; whatever builds, renders or explains asks first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean

if TYPE_CHECKING:
    from mlperf_bake.matrix.matrix import Matrix
    from mlperf_bake.matrix.values import Model


def require_known_assets(matrix: Matrix, models: Iterable[str]) -> None:
    """Does nothing where these models' preprocessings and sample data exist and fit each other.

    Errors:
        UsageError: everything that is wrong, each with its place in the matrix and the nearest name.
    """
    wrong = [
        f"{matrix.place('models', name, key)}: {sentence}"
        for name in dict.fromkeys(models)
        if matrix.models[name].network is not None
        for key, sentence in _wrong(matrix.models[name])
    ]
    if wrong:
        raise UsageError("\n".join(wrong), remedy=f"correct {matrix.name} and run the same command again")


def _taken(model: Model) -> str:
    """What the network takes of a sample, in words."""
    network = model.known_network
    if network.sample_shape is None:
        return " and ".join(_words(one.shape, one.dtype) for one in network.inputs)
    return _words(network.sample_shape, network.inputs[0].dtype)


def _words(shape: tuple[int, ...], dtype: str) -> str:
    """``3x224x224``; the type where it is not the usual one."""
    extents = "x".join(map(str, shape))
    return extents if dtype == "float32" else f"{extents} {dtype}"


def _wrong(model: Model) -> Iterator[tuple[str, str]]:
    """Each key of a model that is wrong, and what is wrong about it."""
    from mlperf_bake.assets.preprocessing import PREPROCESSINGS
    from mlperf_bake.datasets.declared import datasets

    preprocessing, known = PREPROCESSINGS.get(model.preprocessing), datasets()
    if preprocessing is None:
        suggestion = did_you_mean(model.preprocessing, PREPROCESSINGS)
        yield (
            "preprocessing",
            f'unknown preprocessing "{model.preprocessing}"{suggestion}; expected {", ".join(PREPROCESSINGS)}',
        )
    elif (gives := _words(preprocessing.shape, preprocessing.dtype)) != (takes := _taken(model)):
        yield "preprocessing", f'"{model.preprocessing}" gives {gives}, the model takes {takes}'
    if model.sample_data not in known:
        suggestion = did_you_mean(model.sample_data, known)
        yield (
            "sample_data",
            f'unknown data set "{model.sample_data}"{suggestion}; expected {", ".join(known)}',
        )
    elif preprocessing is not None and model.preprocessing not in known[model.sample_data].preprocessings:
        fitting = ", ".join(known[model.sample_data].preprocessings)
        yield (
            "sample_data",
            f'"{model.sample_data}" is not for preprocessing {model.preprocessing}; it is for {fitting}',
        )
