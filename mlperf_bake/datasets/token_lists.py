"""Texts that their makers have split into token ids, in a JSON file: a list of objects, one a sample."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.assets.reading import TokenLists
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.datasets.truth import Truth
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress
from mlperf_bake.unreadable import unreadable

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset

MOST = 2**31
TARGET = "output"  # the key of what the answers are held against


def open_token_lists(dataset: "Dataset", reading: TokenLists, source: Path) -> Collection:
    """The token ids of a file, or of the one in a directory.

    Errors:
        UsageError: no such file, not of this form, or too many samples.
    """
    file = source / reading.file if source.is_dir() else source
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise unreadable(
            "not a readable JSON file",
            file,
            error,
            expected=f'a list of objects with token ids under "{reading.key}"',
        ) from error
    if not isinstance(data, list) or not 0 < len(data) <= dataset.count:
        found = len(data) if isinstance(data, list) else 0
        raise wrong_count(file, found, dataset.count)
    samples = [
        RawSample(
            f"{file}[{number}]",
            0,
            token_row(
                entry.get(reading.key) if isinstance(entry, dict) else None, reading.key, f"{file}[{number}]"
            ),
        )
        for number, entry in enumerate(data)
    ]
    targets = [entry.get(TARGET) for entry in data]
    return Collection(
        len(samples),
        lambda start: iter(samples[start:]),
        truth=_targets(targets) if all(isinstance(target, str) for target in targets) else None,
        size=sum(len(sample.data) for sample in samples),
    )


def _targets(targets: list[Any]) -> Truth:
    def write(place: Path, progress: Progress) -> None:
        (place / f"{TARGET}.json").write_text(
            json.dumps({TARGET: targets}, ensure_ascii=False), encoding="utf-8"
        )

    return write


def token_row(ids: Any, key: str, where: str) -> bytes:
    """The ids of a text as 32-bit integers.

    Errors:
        UsageError: not a list of token ids.
    """
    import numpy as np

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
