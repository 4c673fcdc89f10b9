"""Attributes as buildx takes them, ``type=local,dest=DIR``: one line of CSV, so that a comma or quote in a path is only that."""

from __future__ import annotations

import csv


def attributes(*fields: str) -> str:
    """The fields in one line."""
    return ",".join(
        '"' + field.replace('"', '""') + '"' if set(field) & {",", '"'} else field for field in fields
    )


def read_attributes(text: str) -> dict[str, str]:
    """The fields of a line by their names, as buildx reads it; the last one counts where a name is given twice.

    Errors:
        csv.Error: a quote is not closed, or something follows it.
    """
    lines = list(csv.reader([text], strict=True))
    return dict(part.partition("=")[::2] for part in lines[0]) if lines else {}
