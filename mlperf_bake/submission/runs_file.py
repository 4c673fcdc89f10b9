"""What the user says of runs that no manifest explains: model, system and division, in one file beside the tree.

``collect`` writes the file with one entry a run, what the logs tell as a comment, and takes it back with ``--runs-file``.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.printable import printable
from mlperf_bake.results.said import read_said
from mlperf_bake.results.written import replace_text
from mlperf_bake.unreadable import unreadable

KEYS: Final = ("model", "system", "division")
BENCHMARK: Final = "benchmark"
_ENTRY: Final = ("directory", *KEYS, BENCHMARK)
_MEANING: Final = {
    "model": "the benchmark; in the open division any name, with a line  benchmark: NAME  for what it stands for",
    "system": "a name for the machine, the same for all its runs",
    "division": "open or closed",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that something is not known of.

    Attributes:
        directory: as the user names it.
        known: what is known: values of ``KEYS``.
        facts: what the logs tell, in words.
    """

    directory: str
    known: Mapping[str, str]
    facts: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys that nobody has said."""
        return tuple(key for key in KEYS if not self.known.get(key))


def runs_file(tree: Path) -> Path:
    """Where the file for a tree lies."""
    return tree.parent / f"{tree.name or 'tree'}.runs.yaml"


def ask(tree: Path, asked: Sequence[Asked], command: Sequence[str]) -> Path:
    """Writes the file; in one that is there, only runs that it lacks are added.

    Args:
        command: what to type when it is filled in.
    """
    file = runs_file(tree)
    earlier = _earlier(file)
    there = read_runs_file(file) if earlier.strip() else {}
    lines = [] if earlier.strip() else _header(command)
    for run in asked:
        if run.directory not in there:
            lines += [f"# {printable(run.facts)}", f"- directory: {_quoted(run.directory)}"]
            lines += [f"  {key}: {_quoted(run.known.get(key, ''))}".rstrip() for key in KEYS]
    replace_text(file, earlier + "".join(f"{line}\n" for line in lines))
    return file


def _earlier(file: Path) -> str:
    """What the user has there already; an empty file counts as none."""
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(
            "the runs file cannot be read", file, error, expected="a runs file, or none"
        ) from error
    return text if not text.strip() or text.endswith("\n") else f"{text}\n"


def _header(command: Sequence[str]) -> list[str]:
    return [
        "# Runs without a manifest of ours: LoadGen's logs do not say what was run, and where. Fill in what stands after",
        f"# each colon, then  {printable(shlex.join(command))}",
        *(f"#   {key}: {meaning}" for key, meaning in _MEANING.items()),
        "",
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'" if text else ""


def read_runs_file(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Directory to what is said of it; empty values count as not said.

    Raises:
        UsageError: not readable, or not a list of entries with these keys.
    """
    data = read_said(path, "the runs file")
    if not isinstance(data, list):
        raise UsageError("not a runs file", where=str(path), expected="a list of entries with directory: ...")
    said: dict[str, Mapping[str, str]] = {}
    for entry in data:
        values = _values(entry, path)
        directory = values.pop("directory")
        said[directory] = {key: value for key, value in values.items() if value}
    return said


def _values(entry: object, path: Path) -> dict[str, str]:
    if not isinstance(entry, dict) or not entry.get("directory"):
        raise UsageError("an entry names no directory", where=str(path), expected=", ".join(_ENTRY))
    values: dict[str, str] = {}
    for key, value in entry.items():
        if key not in _ENTRY:
            near = get_close_matches(str(key), _ENTRY, 1)
            hint = f' (did you mean "{near[0]}"?)' if near else ""
            raise UsageError(f'unknown key "{key}"{hint}', where=str(path), expected=", ".join(_ENTRY))
        if not isinstance(value, str):
            raise UsageError(f"{key} must be text", where=str(path))
        values[str(key)] = value.strip()
    return values
