"""Texts that their makers have split into token ids, in a JSON file: a list of objects, one a sample."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.assets.collection import Collection
from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.assets.reading import TokenLists
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.assets.datasets import Dataset

MOST = 2**31


def open_token_lists(dataset: "Dataset", reading: TokenLists, source: Path) -> Collection:
    """The token ids of a file, or of the one in a directory.

    Errors:
        UsageError: no such file, not of this form, or too many samples.
    """
    file = source / reading.file if source.is_dir() else source
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise UsageError("not a readable JSON file", where=str(file), found=str(error)[:200]) from error
    if not isinstance(data, list) or not 0 < len(data) <= dataset.count:
        found = len(data) if isinstance(data, list) else 0
        raise wrong_count(file, found, dataset.count)
    samples = [
        RawSample(f"{file}[{number}]", 0, _row(entry, reading.key, f"{file}[{number}]"))
        for number, entry in enumerate(data)
    ]
    return Collection(len(samples), lambda start: iter(samples[start:]))


def _row(entry: Any, key: str, where: str) -> bytes:
    """The ids as 32-bit integers."""
    import numpy as np

    ids = entry.get(key) if isinstance(entry, dict) else None
    if (
        not isinstance(ids, list)
        or not ids
        or not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < MOST for one in ids)
    ):
        raise UsageError(
            "a sample without token ids",
            where=where,
            found=str(ids)[:60],
            expected=f'"{key}": a list of whole numbers from 0',
        )
    return np.asarray(ids, "<i4").tobytes()
