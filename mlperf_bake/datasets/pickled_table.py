"""Reads a pickled table (a pandas DataFrame) without running what a pickle may hold, and without pandas.

A pickle names functions and classes that whoever reads it calls. Here every name must be one of NAMES, and stands for a class
of this module that only keeps what it is given; nothing is imported. Any other name ends the reading. Read are the forms that
pandas 1.5 and 2 write: columns of lists, texts and numbers.
"""

import gzip
import pickle
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import reason, unreadable

GZIP: Final = b"\x1f\x8b"
NUMBERS: Final = frozenset({"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "b1"})


class Forbidden(ValueError):
    """The pickle asks for something that no table of lists, texts and numbers needs."""


class _DType:
    """numpy.dtype: its name; the state that follows tells the byte order."""

    def __init__(self, name: str, align: object = False, copy: object = False) -> None:
        self.name, self.order = name, "|"

    def __setstate__(self, state: Sequence[Any]) -> None:
        self.order = str(state[1])


class _Array:
    """numpy.ndarray: shape, type and values."""

    def __init__(self, *_: object) -> None:
        self.shape: tuple[int, ...] = (0,)
        self.values: list[Any] = []
        self.columnwise = False

    def __setstate__(self, state: Sequence[Any]) -> None:
        _, shape, dtype, columnwise, data = state
        self.fill(shape, dtype, bool(columnwise), data)

    def fill(self, shape: Any, dtype: Any, columnwise: bool, data: Any) -> None:
        """Takes the values over; those of numbers as Python's."""
        self.shape, self.columnwise = tuple(int(side) for side in shape), columnwise
        if not isinstance(dtype, _DType):
            raise Forbidden("an array without a type")
        if isinstance(data, list):
            self.values = data
        elif dtype.name in NUMBERS and isinstance(data, bytes | bytearray | memoryview):
            import numpy as np

            kind = np.dtype((">" if dtype.order == ">" else "<") + dtype.name)
            self.values = np.frombuffer(data, kind).tolist()
        else:
            raise Forbidden(f"an array of {dtype.name}")
        count = 1
        for side in self.shape:
            count *= side
        if count != len(self.values):
            raise Forbidden(f"an array of {len(self.values)} values that says {count}")

    def rows(self) -> list[list[Any]]:
        """The values by the first of at most two axes."""
        if len(self.shape) == 1:
            return [self.values]
        rows, columns = self.shape
        if self.columnwise:
            return [self.values[row::rows] for row in range(rows)]
        return [self.values[row * columns : (row + 1) * columns] for row in range(rows)]


class _Block:
    """pandas' block: columns of one type, and their places in the table."""

    def __init__(self, values: object, places: object, dimensions: object = 2) -> None:
        if not isinstance(values, _Array) or len(values.shape) != 2:
            raise Forbidden("columns that are no plain array")
        self.columns, self.places = values.rows(), _places(places)


class _Index:
    """pandas' index: the names of columns; of rows, nothing that is needed."""

    def __init__(self, kind: object, state: Mapping[str, Any]) -> None:
        data = state.get("data")
        self.names = [str(name) for name in data.values] if isinstance(data, _Array) else []


class _Manager:
    """pandas' BlockManager: blocks, and the axes (columns, rows)."""

    def __init__(self, blocks: Sequence[Any] = (), axes: Sequence[Any] = ()) -> None:
        self.blocks, self.axes = blocks, axes


class _Frame:
    """pandas.DataFrame."""

    def __init__(self) -> None:
        self.manager: _Manager | None = None

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        manager = state.get("_mgr")
        if isinstance(manager, _Manager):
            self.manager = manager


class _Type:
    """A class that is named as an argument, and never called."""


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _from_buffer(data: object, dtype: object, shape: object, order: str) -> _Array:
    array = _Array()
    array.fill(shape, dtype, order == "F", data)
    return array


def _scalar(dtype: object, data: object) -> object:
    array = _Array()
    array.fill((1,), dtype, False, data)
    return array.values[0]


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise Forbidden(f"bytes in {encoding}")
    return text.encode("latin1")


_INDEXES: Final = {
    ("pandas.core.indexes.base", "Index"): _Type,
    ("pandas.core.indexes.numeric", "Int64Index"): _Type,
    ("pandas.core.indexes.range", "RangeIndex"): _Type,
}
NAMES: Final[Mapping[tuple[str, str], Callable[..., Any]]] = {
    ("pandas.core.frame", "DataFrame"): _Frame,
    ("pandas.core.internals.managers", "BlockManager"): _Manager,
    ("pandas.core.indexes.base", "_new_Index"): _Index,
    ("pandas._libs.internals", "_unpickle_block"): _Block,
    **_INDEXES,
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("builtins", "slice"): slice,
    ("__builtin__", "slice"): slice,
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    """An unpickler that finds nothing but NAMES."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return NAMES[(module, name)]
        except KeyError:
            raise Forbidden(f"{module}.{name}") from None

    def persistent_load(self, identity: object) -> NoReturn:
        raise Forbidden("an object outside of the file")


def read_columns(path: Path, needed: Sequence[str], wanted: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Columns of a pickled table, gzipped or not, by name.

    Args:
        needed: that it must have.
        wanted: taken where it has them.

    Raises:
        UsageError: not readable, no table of this kind, or without a needed column.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
            file.seek(0)
            if packed:
                with gzip.open(file) as unpacked:
                    columns = _columns(unpacked)
            else:
                columns = _columns(file)
    except Forbidden as error:
        raise UsageError(
            "the pickle holds more than a table of lists, texts and numbers: it was not read further",
            where=str(path),
            found=str(error)[:200],
            expected="the file as MLCommons gives it out",
            remedy="give that file; who trusts this one writes it anew, with pandas 2, as a plain DataFrame",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable("the file cannot be read", path, error, expected="a pickled table") from error
    except FAULTS as error:
        raise UsageError("no pickled table", where=str(path), found=reason(error)) from error
    if missing := [name for name in needed if name not in columns]:
        raise UsageError(
            "the table lacks a column",
            where=str(path),
            found="columns " + ", ".join(columns),
            expected=", ".join(missing),
        )
    return {name: columns[name] for name in (*needed, *wanted) if name in columns}


FAULTS: Final = (
    pickle.UnpicklingError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    ImportError,
)
"""What a damaged pickle makes the unpickler or the classes above raise."""


def _columns(stream: IO[bytes] | gzip.GzipFile) -> dict[str, list[Any]]:
    frame = _Reader(stream).load()
    if not isinstance(frame, _Frame) or frame.manager is None:
        raise TypeError(f"a {type(frame).__name__.strip('_')}, no DataFrame")
    manager = frame.manager
    if len(manager.axes) != 2 or not isinstance(manager.axes[0], _Index):
        raise TypeError("no two axes")
    names = manager.axes[0].names
    columns: dict[str, list[Any]] = {}
    for block in manager.blocks:
        for place, values in zip(block.places, block.columns, strict=True):
            columns[names[place]] = [one.values if isinstance(one, _Array) else one for one in values]
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError("columns of different lengths")
    return columns


def _places(places: object) -> list[int]:
    """The places of a block's columns: a slice or an array of numbers."""
    if isinstance(places, slice):
        return list(range(places.start, places.stop, places.step or 1))
    if isinstance(places, _Array):
        return [int(place) for place in places.values]
    raise Forbidden("columns without places")
