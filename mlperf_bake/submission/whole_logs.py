"""Where the whole accuracy logs lie of which a tree holds both ends: a file beside the tree, found again by their hash.

The review of a submission may ask for a whole log. ``collect`` copies and never moves, so the log is still where it was
when it was collected; this file says where. It is not part of the tree, since it names places of one's own machine.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.written import replace_text

SCHEMA: Final = "mlperf-bake/accuracy-logs/1"


@dataclass(frozen=True, slots=True)
class WholeLog:
    """A whole log.

    Attributes:
        sha256: of its bytes, as accuracy.txt has it.
        bytes: its size.
        place: where the user has it.
        shortened: the file in the tree that holds both its ends, relative to the tree.
    """

    sha256: str
    bytes: int
    place: str
    shortened: str


def record_file(tree: Path) -> Path:
    """Where the record of a tree lies."""
    return tree.parent / f"{tree.name or 'tree'}.accuracy-logs.json"


def record(tree: Path, logs: Iterable[WholeLog]) -> None:
    """Adds logs to the record, whole or not at all; entries of earlier calls stay.

    Raises:
        UsageError: the file there is no such record.
    """
    added = {log.sha256: {"bytes": log.bytes, "place": log.place, "shortened": log.shortened} for log in logs}
    if not added:
        return
    file = record_file(tree)
    entries = {**_entries(file), **added}
    text = json.dumps({"schema": SCHEMA, "logs": dict(sorted(entries.items()))}, indent=2, ensure_ascii=False)
    replace_text(file, text + "\n")


def _entries(file: Path) -> Mapping[str, object]:
    if not file.exists():
        return {}
    data = strict_json.read(file)
    logs = data.get("logs") if isinstance(data, dict) and data.get("schema") == SCHEMA else None
    if not isinstance(logs, dict):
        raise UsageError(
            "not a record of accuracy logs",
            where=str(file),
            expected=f'a JSON mapping with "schema": "{SCHEMA}"',
            remedy=f"move {file} away",
        )
    return logs
