"""A file of a round as plain data; what a text was loaded as is remembered in the cache, since libyaml takes far longer."""

import hashlib
import marshal
from contextlib import suppress
from functools import cache
from pathlib import Path

from mlperf_bake.cache.remembered import Remembered
from mlperf_bake.errors import UsageError
from mlperf_bake.plain_yaml import plain_yaml
from mlperf_bake.unreadable import unreadable


def plain_data(path: Path, until: str | None = None) -> tuple[str, object]:
    """The file's text and what it holds.

    Args:
        until: where in the text to stop; its end where not given.

    Errors:
        UsageError: it cannot be read, or is not YAML; with the place.
    """
    try:
        text = path.read_text(encoding="utf-8")
        text = text.partition(until)[0] if until else text
        return text, _loaded(text, path)
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable("the file of a round cannot be read", path, error, expected="YAML") from error


def _loaded(text: str, path: Path) -> object:
    known, key = _remembered(), hashlib.sha256(text.encode()).hexdigest()
    if (content := known.get(key)) is not None:
        return marshal.loads(content)
    import yaml

    try:
        data = plain_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(
            "not valid YAML", where=where, found=str(getattr(error, "problem", error))
        ) from error
    with suppress(ValueError):  # such as a date, which no round has
        known.keep(key, marshal.dumps(data))
    return data


@cache
def _remembered() -> Remembered:
    return Remembered("rounds", (Path(__file__),))
