"""YAML that people fill in by hand, such as a system file: every value as text, no key twice."""

from pathlib import Path
from typing import Any

from mlperf_bake.errors import UsageError
from mlperf_bake.plain_yaml import plain_yaml
from mlperf_bake.unreadable import unreadable


def read_said(path: Path, name: str) -> object:
    """The content of a YAML file with every scalar as the text that stands there.

    Args:
        name: what the file is to the user: ``the system file``.

    Raises:
        UsageError: not readable, not YAML, or a key that stands there twice, with both lines.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        said = plain_yaml(text, as_text=True)
        node = yaml.compose(text, Loader=yaml.CBaseLoader)
        _refuse_twice(node, path)
        return said
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(
            f"{name} cannot be read", path, error, expected="lines of the form key: value"
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise UsageError(
            "not valid YAML", where=where, found=str(getattr(error, "problem", error))
        ) from error


def _refuse_twice(node: Any, path: Path) -> None:
    """Refuses mappings of which YAML would keep the last of two values and say nothing."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(item, path)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = str(key.value)
        if name in lines:
            raise UsageError(
                f'"{name}" stands there twice',
                where=f"{path}:{line}:{key.start_mark.column + 1}",
                found=f"line {lines[name]} and line {line}",
                expected="each key once",
                remedy="remove the line that is wrong",
            )
        lines[name] = line
        _refuse_twice(value, path)
