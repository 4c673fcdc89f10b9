"""Printing: data for machines on stdout, plain tables for people that survive a pipe and a narrow terminal."""

import json
import sys
from collections.abc import Sequence

from mlperf_bake.program import pasteable

_ENCODER = json.JSONEncoder(sort_keys=True)


def print_json(value: object) -> None:
    """One JSON document on stdout, keys sorted, so that equal data are equal bytes; each entry of a list of the
    outermost object on a line of its own, to be compared by line and, by the tens of thousands, written fast."""
    if not isinstance(value, dict):
        sys.stdout.write(_json(value) + "\n")
        return
    members = []
    for key in sorted(value):
        member = value[key]
        if isinstance(member, list) and member:
            text = "[\n" + ",\n".join(f"    {_json(entry)}" for entry in member) + "\n  ]"
        elif isinstance(member, dict) and member:
            text = (
                "{\n"
                + ",\n".join(f"    {_json(name)}: {_json(member[name])}" for name in sorted(member))
                + "\n  }"
            )
        else:
            text = _json(member)
        members.append(f"  {_json(key)}: {text}")
    sys.stdout.write("{\n" + ",\n".join(members) + "\n}\n")


def _json(value: object) -> str:
    return _ENCODER.encode(value)


def print_line(text: str = "") -> None:
    """One line on stdout, its commands as this user can type them."""
    sys.stdout.write(pasteable(text) + "\n")


def note(text: str) -> None:
    """One line for people on stderr, its commands as this user can type them."""
    sys.stderr.write(pasteable(text) + "\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned with spaces, on stdout; the last column is never padded."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    for row in (header, *rows):
        print_line(
            "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]])
        )
