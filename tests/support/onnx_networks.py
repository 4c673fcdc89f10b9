"""Small ONNX networks, written as the protocol buffers that they are, for tests of backends.

Field numbers are those of onnx.proto (ONNX 1.17, IR version 8); operators are those of opset 13.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.protocol_buffers import field, number

FLOAT, INT64 = 1, 7
"""Element types of TensorProto."""
ATTRIBUTE_INT = 2

Extents = Sequence[int | str]
"""Of a shape; a text names an extent that is not fixed."""


@dataclass(frozen=True)
class Value:
    """An input or output of a network."""

    name: str
    dtype: int
    shape: Extents


def spans(positions: int) -> bytes:
    """Question answering: int64 ids, mask and segments, N x positions; starts = ids + mask and ends = ids - segments,
    float32 of the same shape. The inputs are declared in another order than BERT's."""
    shape = ("N", positions)
    return _model(
        (
            _node("Add", ("ids", "mask"), "sum"),
            _node("Sub", ("ids", "segments"), "difference"),
            _node("Cast", ("sum",), "starts", to=FLOAT),
            _node("Cast", ("difference",), "ends", to=FLOAT),
        ),
        (),
        [Value(name, INT64, shape) for name in ("segments", "ids", "mask")],
        [Value(name, FLOAT, shape) for name in ("starts", "ends")],
    )


def boxes(rows: int) -> bytes:
    """Object detection: a float32 picture, 1 x 1 x rows x 4, each row of which is a box whose score is its last value;
    those above 0.5 are found, in the order of their rows, which are their labels (int64)."""
    return _model(
        (
            _node("Reshape", ("images", "rows_of_four"), "all"),
            _node("Gather", ("all", "last"), "certainty", axis=1),
            _node("Greater", ("certainty", "half"), "likely"),
            _node("NonZero", ("likely",), "places"),
            _node("Reshape", ("places", "flat"), "labels"),
            _node("Gather", ("all", "labels"), "boxes", axis=0),
            _node("Gather", ("certainty", "labels"), "scores", axis=0),
        ),
        (
            _tensor("rows_of_four", INT64, (2,), struct.pack("<2q", rows, 4)),
            _tensor("last", INT64, (), struct.pack("<q", 3)),
            _tensor("half", FLOAT, (), struct.pack("<f", 0.5)),
            _tensor("flat", INT64, (1,), struct.pack("<q", -1)),
        ),
        [Value("images", FLOAT, (1, 1, rows, 4))],
        [Value("boxes", FLOAT, ("n", 4)), Value("labels", INT64, ("n",)), Value("scores", FLOAT, ("n",))],
    )


def _model(
    nodes: Sequence[bytes], constants: Sequence[bytes], inputs: Sequence[Value], outputs: Sequence[Value]
) -> bytes:
    graph = b"".join(
        (
            *(field(1, node) for node in nodes),
            field(2, b"network"),
            *(field(5, constant) for constant in constants),
            *(field(11, _value(value)) for value in inputs),
            *(field(12, _value(value)) for value in outputs),
        )
    )
    return number(1, 8) + field(7, graph) + field(8, number(2, 13))


def _node(operator: str, inputs: Sequence[str], output: str, **attributes: int) -> bytes:
    return b"".join(
        (
            *(field(1, name.encode()) for name in inputs),
            field(2, output.encode()),
            field(4, operator.encode()),
            *(
                field(5, field(1, name.encode()) + number(3, value) + number(20, ATTRIBUTE_INT))
                for name, value in attributes.items()
            ),
        )
    )


def _tensor(name: str, dtype: int, shape: Sequence[int], raw: bytes) -> bytes:
    dims = b"".join(number(1, extent) for extent in shape)
    return dims + number(2, dtype) + field(8, name.encode()) + field(9, raw)


def _value(value: Value) -> bytes:
    extents = b"".join(
        field(1, field(2, extent.encode()) if isinstance(extent, str) else number(1, extent))
        for extent in value.shape
    )
    return field(1, value.name.encode()) + field(2, field(1, number(1, value.dtype) + field(2, extents)))
