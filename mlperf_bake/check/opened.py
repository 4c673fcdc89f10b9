"""A file of the tree, read or not: what it holds, that it is missing, or why it cannot be read.

Only regular files are opened: a link is never followed out of the tree, a pipe never waited for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from mlperf_bake.check.inventory import Inventory, Kind
from mlperf_bake.errors import UsageError
from mlperf_bake.plain_yaml import plain_yaml
from mlperf_bake.results import strict_json
from mlperf_bake.unreadable import unreadable

T = TypeVar("T")
TEXT_LIMIT: Final = 2**20
_REFUSED: Final = {
    Kind.LINK: "a link, and links are not followed",
    Kind.DIRECTORY: "a directory where a file is expected",
    Kind.OTHER: "no regular file",
}


@dataclass(frozen=True)
class Opened(Generic[T]):
    """A file of the tree: its value, or why there is none (``error`` None: it is missing)."""

    path: Path
    value: T | None
    error: UsageError | None = None

    @property
    def missing(self) -> bool:
        """Whether there is no such file."""
        return self.value is None and self.error is None


def open_listed(inventory: Inventory, path: Path, read: Callable[[Path], T]) -> Opened[T]:
    """Reads a file if the inventory has it."""
    entry = inventory.find(path)
    if entry is None:
        return Opened(path, None)
    if entry.kind is not Kind.FILE:
        return Opened(path, None, UsageError(_REFUSED[entry.kind], where=str(path), expected="a file"))
    try:
        return Opened(path, read(path))
    except UsageError as error:
        return Opened(path, None, error)


def read_text(path: Path) -> str:
    """A small text file.

    Raises:
        UsageError: not readable, not UTF-8 (the official checker ends in a traceback), or longer than a text of the tree
            can be.
    """
    try:
        return read_bytes(path, TEXT_LIMIT).decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"the byte {error.object[error.start]:#04x} at {error.start}"
        raise UsageError("the file is not UTF-8", where=str(path), found=found, expected="UTF-8") from error


def read_bytes(path: Path, limit: int) -> bytes:
    """A file of at most ``limit`` bytes.

    Raises:
        UsageError: not readable, or longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise unreadable("the file cannot be read", path, error) from error
    if len(data) > limit:
        raise UsageError("the file is too long", where=str(path), expected=f"at most {limit} bytes")
    return data


def read_mapping(path: Path) -> dict[str, object]:
    """A JSON file that holds a mapping.

    Raises:
        UsageError: not readable, not JSON, or no mapping.
    """
    data = strict_json.read(path)
    if not isinstance(data, dict):
        raise UsageError(
            "not a mapping", where=str(path), found=f"a {type(data).__name__}", expected="a JSON mapping"
        )
    return data


def read_yaml(path: Path) -> object:
    """A small YAML file.

    Raises:
        UsageError: not readable, or not YAML.
    """
    import yaml

    try:
        return plain_yaml(read_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = str(error).splitlines()[0][:200]
        raise UsageError("not valid YAML", where=str(path), found=found) from error
