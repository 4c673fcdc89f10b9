"""Printing: data for machines on stdout, plain tables for people that survive a pipe and a narrow terminal."""

import json
import sys
from collections.abc import Sequence


def print_json(value: object) -> None:
    """One JSON document on stdout, keys sorted, so that equal data are equal bytes."""
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")


def print_line(text: str = "") -> None:
    """One line on stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """One line for people on stderr."""
    sys.stderr.write(text + "\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned with spaces, on stdout; the last column is never padded."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header) - 1)]
    for row in (header, *rows):
        print_line(
            "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]])
        )
