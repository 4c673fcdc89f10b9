"""One line of a LoadGen detail log: ``:::MLLOG {json}``.

Nearly every line has one shape, which LoadGen's own writer gives it, and is taken apart by one expression; whatever
is of another shape is read as JSON. Both ways give the same line: the expression matches nothing that JSON would
read otherwise. Source: mlcommons/inference, loadgen/logging.cc, and real logs of the rounds v5.1 and v6.1.
"""

import json
import math
import re
from typing import Final, NamedTuple, NoReturn

from mlperf_bake.results.printable import printable

MARKER: Final = b":::MLLOG"
GREATEST: Final = 2**64
"""No number that LoadGen logs reaches it."""

Value = str | int | float | bool | None

_NUMBER: Final = rb"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,20})?(?:e[+-]?\d{1,2})?"
_LIST: Final = rb"\[(?:(?:0|[1-9]\d*+),)*+(?:0|[1-9]\d*+)\]"
_TEXT: Final = rb'"[ !#-\[\]-~]*"'
_PLAIN: Final = re.compile(
    rb':::MLLOG \{"key": "([ !#-\[\]-~]{1,200})", '
    rb'"value": (' + _NUMBER + rb"|true|false|" + _TEXT + rb"|" + _LIST + rb"), "
    rb'"time_ms": ((?:0|[1-9]\d{0,14})\.\d{1,20}), "namespace": '
    + _TEXT
    + rb', "event_type": '
    + _TEXT
    + rb", "
    rb'"metadata": \{"is_error": false, "is_warning": false, "file": ' + _TEXT + rb", "
    rb'"line_no": (?:0|[1-9]\d{0,8}), "pid": ([1-9]\d{0,9}), "tid": [1-9]\d{0,19}\}\}[ \t]*\r?\n?'
)


class BadLine(Exception):
    """A line that is none of LoadGen's, with what is wrong with it."""


class Line(NamedTuple):
    """What a line says.

    Attributes:
        key: the name of what is logged.
        value: None for lists, mappings and null.
        said: the value in words, where the line is an error or a warning; else empty.
        elapsed_ms: since LoadGen started; None where the line does not say.
        process: the id of the process; None where the line does not say.
        marked: whether it has metadata at all.
        fault: what is wrong with the value; empty for a sound one.
    """

    key: str
    value: Value
    said: str
    elapsed_ms: float | None
    process: object
    error: bool
    warning: bool
    marked: bool
    fault: str


def read_line(data: bytes) -> Line | None:
    """What a line says; None for an empty one.

    Raises:
        BadLine: another encoding, no marker, not JSON, or no key and value.
    """
    plain = _PLAIN.fullmatch(data)
    if plain is None:
        return _read_json(data)
    key, raw, elapsed, process = plain.groups()
    return Line(key.decode("ascii"), _value(raw), "", float(elapsed), int(process), False, False, True, "")


def _value(raw: bytes) -> Value:
    first = raw[:1]
    if first == b'"':
        return raw[1:-1].decode("ascii")
    if first == b"[":
        return None
    if first in (b"t", b"f"):
        return first == b"t"
    return float(raw) if b"." in raw or b"e" in raw else int(raw)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _read_json(data: bytes) -> Line | None:
    try:
        text = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BadLine("not UTF-8") from error
    marker = MARKER.decode()
    if not text.startswith(marker):
        if text.strip():
            raise BadLine(f"the line does not start with {marker}")
        return None
    try:
        entry = _DECODER.decode(text[len(marker) :])
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not valid JSON: {str(error)[:120]}") from error
    key = entry.get("key") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(key, str) or "value" not in entry:
        raise BadLine("no key and value")
    value, fault = _sound(entry["value"])
    metadata, elapsed = entry.get("metadata"), entry.get("time_ms")
    marks = metadata if isinstance(metadata, dict) else {}
    marked = marks.get("is_error") is True, marks.get("is_warning") is True
    return Line(
        printable(key),
        printable(value) if isinstance(value, str) else value,
        printable(str(entry["value"])[:400]) if True in marked else "",
        float(elapsed) if isinstance(elapsed, int | float) and abs(elapsed) < GREATEST else None,
        marks.get("pid"),
        *marked,
        isinstance(metadata, dict),
        fault,
    )


def _sound(raw: object) -> tuple[Value, str]:
    """The value, and what is wrong with it."""
    if not isinstance(raw, str | int | float):
        return None, ""
    if isinstance(raw, float) and not math.isfinite(raw):
        return None, "is not a finite number"
    if isinstance(raw, int) and abs(raw) >= GREATEST:
        return None, "is larger than any LoadGen value"
    return raw, ""
