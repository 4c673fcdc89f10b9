"""A JSON or YAML mapping read strictly: every key by name and type, none left over.

``Record`` is how a loader turns raw data into frozen values: it asks for each key once, and ``close`` refuses
the keys nobody asked for. What a breach becomes is the loader's choice (``refuse``), so that one file's
errors carry line and column and another's the path of the key.
"""

import math
from collections.abc import Callable, Iterator
from typing import NoReturn

Path = tuple[str, ...]
Refuse = Callable[[Path, str, str], NoReturn]
"""Called with the path of the key, what was found there, and what was expected."""

INTEGER_LIMIT = 2**64


def shown(value: object) -> str:
    """A value as it reads in an error: short, on one line, with its type where that is the point."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a mapping of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Record:
    """One mapping of a file, read key by key.

    Args:
        data: what the parser gave; anything but a mapping with string keys is refused.
        path: where it lies in the file.
        refuse: raises the loader's error.
    """

    def __init__(self, data: object, path: Path, refuse: Refuse) -> None:
        self.path = path
        self._refuse = refuse
        if not isinstance(data, dict):
            refuse(path, shown(data), "a mapping")
        self._data: dict[str, object] = {}
        for key, value in data.items():
            if not isinstance(key, str):
                refuse(path, f"the key {shown(key)}", "keys that are text")
            self._data[key] = value
        self._asked: set[str] = set()

    def fail(self, key: str, found: str, expected: str) -> NoReturn:
        """Refuses the value of one key."""
        self._refuse((*self.path, key), found, expected)

    def names(self) -> Iterator[str]:
        """The keys in file order; each counts as asked for."""
        for key in self._data:
            self._asked.add(key)
            yield key

    def _get(self, key: str, expected: str) -> object:
        self._asked.add(key)
        if key not in self._data:
            self._refuse((*self.path, key), "nothing", expected)
        return self._data[key]

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        self._asked.add(key)
        return self._data.get(key) is not None

    def given(self, key: str) -> bool:
        """Whether a key that must be there holds a value: False for null; a missing key is refused."""
        return self._get(key, "a value or null") is not None

    def is_mapping(self, key: str) -> bool:
        """Whether the key holds a mapping, where a file may give one or a plain value."""
        return isinstance(self._data.get(key), dict)

    def text(self, key: str, *, among: tuple[str, ...] | None = None) -> str:
        """A string, of the choices where there are some."""
        expected = "text" if among is None else "one of " + ", ".join(among)
        value = self._get(key, expected)
        if not isinstance(value, str) or (among is not None and value not in among):
            self.fail(key, shown(value), expected)
        return value

    def value(self, key: str) -> object:
        """Whatever the key holds."""
        return self._get(key, "a value")

    def boolean(self, key: str) -> bool:
        """true or false."""
        value = self._get(key, "true or false")
        if not isinstance(value, bool):
            self.fail(key, shown(value), "true or false")
        return value

    def integer(self, key: str, *, minimum: int = 0) -> int:
        """A whole number from ``minimum`` up to 2**64 - 1."""
        expected = f"a whole number of at least {minimum}"
        value = self._get(key, expected)
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < INTEGER_LIMIT:
            self.fail(key, shown(value), expected)
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        value = self._get(key, "a number")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.fail(key, shown(value), "a finite number")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._get(key, "a list of texts")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fail(key, shown(value), "a list of texts")
        return tuple(value)

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers of at least 0."""
        value = self._get(key, "a list of whole numbers")
        good = isinstance(value, list) and all(
            isinstance(item, int) and not isinstance(item, bool) and 0 <= item < INTEGER_LIMIT
            for item in value
        )
        if not isinstance(value, list) or not good:
            self.fail(key, shown(value), "a list of whole numbers")
        return tuple(value)

    def record(self, key: str) -> "Record":
        """A mapping."""
        return Record(self._get(key, "a mapping"), (*self.path, key), self._refuse)

    def items(self, key: str) -> tuple[object, ...]:
        """A list of anything."""
        value = self._get(key, "a list")
        if not isinstance(value, list):
            self.fail(key, shown(value), "a list")
        return tuple(value)

    def close(self) -> None:
        """Refuses keys that no one asked for."""
        for key in self._data:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                self.fail(key, f"unknown key {key!r}", f"one of {known}")
