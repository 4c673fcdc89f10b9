"""The accuracy of a test's answers, measured as that of any accuracy log, over the samples that the test logged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from mlperf_bake.accuracy.measured import Given, Measured


class Measure(Protocol):
    """Measures a log; with ``only``, over these samples. Errors: UsageError where that cannot be done."""

    def __call__(self, log: Path, only: frozenset[int] | None = None) -> Measured: ...


def measuring(benchmark: str, given: Given) -> Measure:
    """How a benchmark is measured against a ground truth.

    Args:
        given: the ground truth in the form that the benchmark takes, and what else it needs.
    """

    def measure(log: Path, only: frozenset[int] | None = None) -> Measured:
        from mlperf_bake.accuracy.registry import task_of

        function: Callable[[Path, Given], Measured] = task_of(benchmark).function()
        return function(log, replace(given, only=only))

    return measure
