"""The raw samples of a data set as one value: how many there are, and reading them from any of them on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.assets.raw_samples import RawSample
from mlperf_bake.datasets.truth import Truth
from mlperf_bake.results.printable import printable


@dataclass(frozen=True)
class Collection:
    """Raw samples in the data set's order.

    Attributes:
        count: how many.
        read: those from an index on; raises UsageError for what is missing, damaged or mislabelled.
        part: which part of the data set it is, in words; empty where it is all that the source has.
        truth: writes what answers are held against; None where the labels are all of it, or the source has none.
        size: bytes of the prepared samples where these differ in size, as far as it is known before.
        official: whether it can be the official data set at all.
    """

    count: int
    read: Callable[[int], Iterator[RawSample]]
    part: str = ""
    truth: Truth | None = None
    size: int = 0
    official: bool = True


def list_name(only: Path) -> str:
    """What a list of files is called in ``Collection.part``: one line of text, whatever its name is."""
    return printable(only.name).strip()
