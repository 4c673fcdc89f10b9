"""Runs whose ground truth this program knows by itself, since it made their pictures: nobody needs to give it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlperf_bake.accuracy.measured import Measured

DETECTION = frozenset({"retinanet"})


def measure_by_known_truth(log: Path, benchmark: str, dataset: str, labels_sha256: str) -> Measured | None:
    """The accuracy of a run on a data set of this name and these labels; None where its truth is not known here.

    Raises:
        UsageError: as the benchmark's own measure.
    """
    from mlperf_bake.assets.patches import made_up_dataset

    known = made_up_dataset(dataset, labels_sha256) if benchmark in DETECTION else None
    if known is None:
        return None
    from mlperf_bake.accuracy.detection import measure_made_up

    return measure_made_up(log, known)
