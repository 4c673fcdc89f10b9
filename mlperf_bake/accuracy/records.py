"""Tables of ground truth: one record a sample, in the order of the sample library.

JSON (a list of mappings, or a mapping of columns), JSON lines, CSV and TSV. Pickled tables, as some MLCommons data
sets come, are refused: reading one runs whatever program it holds.
"""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import reason

_CONVERSION: Final = (
    'python -c \'import pandas; pandas.{read}("{path}").to_json("{stem}.json", orient="records")\''
)
_FOREIGN: Final = {".pkl": "read_pickle", ".pickle": "read_pickle", ".parquet": "read_parquet"}


def read_records(path: Path) -> Sequence[Mapping[str, object]]:
    """The records of a table.

    Raises:
        UsageError: not readable, or no table.
    """
    suffix = path.suffix.lower()
    if suffix in _FOREIGN:
        remedy = _CONVERSION.format(read=_FOREIGN[suffix], path=path, stem=path.with_suffix(""))
        raise UsageError(
            "a table in this form is not read here",
            where=str(path),
            found=suffix,
            expected="JSON, JSON lines, CSV or TSV",
            remedy=f"convert it, if you trust it, where pandas is installed: {remedy}",
        )
    try:
        if suffix in (".csv", ".tsv"):
            return _delimited(path, "\t" if suffix == ".tsv" else ",")
        if suffix == ".jsonl":
            return [_mapping(path, json.loads(line), f":{n}") for n, line in _lines(path)]
        return _rows(path, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the ground truth cannot be read", where=str(path), found=reason(error)) from error
    except csv.Error as error:
        raise UsageError("the ground truth is no table", where=str(path), found=reason(error)) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "the ground truth is not valid JSON", where=str(path), found=reason(error)
        ) from error


def texts(records: Sequence[Mapping[str, object]], path: Path, *names: str) -> list[str]:
    """A column of texts, by the first of these names that the first record has; numbers as they are written.

    Raises:
        UsageError: no such column, or a record without a value in it.
    """
    name = column(records, path, *names)
    found = []
    for number, record in enumerate(records):
        value = record.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            _refuse(path, f'record {number} has no text in "{name}"', repr(value)[:80], "a text")
        found.append(str(value))
    return found


def column(records: Sequence[Mapping[str, object]], path: Path, *names: str) -> str:
    """The first of the names that the table has as a column.

    Raises:
        UsageError: it has none of them.
    """
    if not records:
        _refuse(path, "the ground truth is empty", "no records", "one record a sample")
    for name in names:
        if name in records[0]:
            return name
    raise UsageError(
        "the ground truth lacks a column",
        where=str(path),
        found="columns " + ", ".join(records[0]),
        expected=" or ".join(f'"{name}"' for name in names),
    )


def _lines(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _delimited(path: Path, delimiter: str) -> Sequence[Mapping[str, object]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {key: value for key, value in row.items() if key}
            for row in csv.DictReader(file, delimiter=delimiter)
        ]


def _rows(path: Path, data: object) -> Sequence[Mapping[str, object]]:
    if isinstance(data, list):
        return [_mapping(path, row, f": record {number}") for number, row in enumerate(data)]
    columns = _mapping(path, data, "")
    lengths = {len(values) for values in columns.values() if isinstance(values, list)}
    if not columns or len(lengths) != 1 or not all(isinstance(values, list) for values in columns.values()):
        _refuse(
            path, "the ground truth is no table", "a mapping", "a list of records, or columns of one length"
        )
    (length,) = lengths
    lists = {name: values for name, values in columns.items() if isinstance(values, list)}
    return [{name: values[row] for name, values in lists.items()} for row in range(length)]


def _mapping(path: Path, value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        _refuse(path, "a record of the ground truth is not a mapping" + where, repr(value)[:80], "a mapping")
    return value


def _refuse(path: Path, problem: str, found: str, expected: str) -> NoReturn:
    raise UsageError(problem, where=str(path), found=found, expected=expected)
