"""Texts that MLCommons has split into token ids, in a pickled table: Open Orca and others. The pickle is read, never run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlperf_bake.assets.raw_samples import RawSample, wrong_count
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.datasets.official_readings import PickledTable
from mlperf_bake.datasets.pickled_table import read_columns
from mlperf_bake.datasets.token_lists import token_row
from mlperf_bake.datasets.truth import Truth
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress

if TYPE_CHECKING:
    from mlperf_bake.datasets.declared import Dataset

TABLE = "table.json"


def open_pickled(dataset: "Dataset", reading: PickledTable, source: Path, progress: Progress) -> Collection:
    """The token ids of a pickled table, or of the one in a directory, gzipped or not.

    Errors:
        UsageError: no such file, one that holds more than a table, or too many samples.
    """
    file = _find(reading, source)
    progress(f"reading {file.name}", 0, None)
    columns = read_columns(file, (reading.key,), reading.truth)
    ids = columns.pop(reading.key)
    if not 0 < len(ids) <= dataset.count:
        raise wrong_count(file, len(ids), dataset.count)
    samples = [
        RawSample(f"{file}[{number}]", 0, token_row(row, reading.key, f"{file}[{number}]"))
        for number, row in enumerate(ids)
    ]
    whole = set(columns) == set(reading.truth) and all(map(_plain, columns.values()))
    return Collection(
        len(samples),
        lambda start: iter(samples[start:]),
        truth=_table(columns) if whole and columns else None,
        size=sum(len(sample.data) for sample in samples),
    )


def _find(reading: PickledTable, source: Path) -> Path:
    if not source.is_dir():
        return source
    for name in (reading.file, f"{reading.file}.gz"):
        if (source / name).is_file():
            return source / name
    raise UsageError(
        "the table is not there", where=str(source), expected=f"{reading.file} or {reading.file}.gz"
    )


def _plain(values: list[Any]) -> bool:
    return all(isinstance(value, str | int | float) for value in values)


def _table(columns: dict[str, list[Any]]) -> Truth:
    def write(place: Path, progress: Progress) -> None:
        (place / TABLE).write_text(json.dumps(columns, ensure_ascii=False), encoding="utf-8")

    return write
