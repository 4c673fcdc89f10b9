"""JSON from files that others may have written: bounded, UTF-8, no key twice, no NaN, no traceback.

Bytes in, plain Python data out; every breach is one ``UsageError`` naming the file.
"""

import json
from pathlib import Path
from typing import NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.results.regular import open_regular
from mlperf_bake.unreadable import unreadable

DEFAULT_LIMIT = 16 * 2**20


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} stands there twice")
        values[key] = value
    return values


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_half_characters(value: object) -> None:
    """JSON can spell half a surrogate pair; such a text could be neither printed nor written."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half a character") from error


def parse(data: bytes | str, where: str) -> object:
    """The value of a JSON text.

    Raises:
        UsageError: not UTF-8, not JSON, a key twice, NaN or Infinity, nested too deeply.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
        if "\\u" in text:
            _refuse_half_characters(value)
        return value
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip())
        raise UsageError(
            "the file ends in the middle of a value" if cut else "not valid JSON",
            where=f"{where}:{error.lineno}:{error.colno}",
            found=error.msg,
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError("not valid JSON", where=where, found=str(error)[:200]) from error


def read(path: Path, limit: int = DEFAULT_LIMIT) -> object:
    """The value of a JSON file of at most ``limit`` bytes; errors as in ``parse``, or it cannot be read."""
    try:
        with open_regular(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise unreadable("the file cannot be read", path, error, expected="a JSON file") from error
    if len(data) > limit:
        raise UsageError("the file is too long", where=str(path), expected=f"at most {limit} bytes")
    return parse(data, str(path))
