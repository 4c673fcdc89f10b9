"""Writes a tiny ONNX file that looks like the official resnet50_v1.onnx from outside: for build tests, not results.

Same input (``input_tensor:0``, float32 [N, 3, 224, 224]) and outputs (``ArgMax:0``, int64 [N]; ``softmax_tensor:0``,
float32 [N, 1001]), opset 11, fixed weights; 12 kB for 100 MB. Needs no library: the few protobuf fields are written
by hand, numbers as in onnx/onnx.proto.

Usage: python3 resnet50_stand_in.py FILE
"""

import struct
import sys
from pathlib import Path

CLASSES = 1001
CHANNELS = 3
FLOAT, INT64 = 1, 7  # TensorProto.DataType
INT_ATTRIBUTE = 2  # AttributeProto.AttributeType
IR_VERSION, OPSET = 6, 11


def varint(value: int) -> bytes:
    """Base-128, least significant group first."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes | str) -> bytes:
    """A length-delimited field: text, bytes or a message."""
    data = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name: str, shape: tuple[int, ...], values: list[float]) -> bytes:
    """A float TensorProto."""
    dims = b"".join(number(1, extent) for extent in shape)
    return dims + number(2, FLOAT) + block(8, name) + block(9, struct.pack(f"<{len(values)}f", *values))


def node(op: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    """A NodeProto with integer attributes."""
    names = b"".join(block(1, name) for name in inputs)
    settings = b"".join(
        block(5, block(1, key) + number(3, value) + number(20, INT_ATTRIBUTE))
        for key, value in attributes.items()
    )
    return names + block(2, output) + block(3, output) + block(4, op) + settings


def value_info(name: str, kind: int, shape: tuple[int, ...]) -> bytes:
    """A ValueInfoProto; the batch dimension before `shape` is free."""
    dims = block(1, block(2, "batch")) + b"".join(block(1, number(1, extent)) for extent in shape)
    return block(1, name) + block(2, block(1, number(1, kind) + block(2, dims)))


def resnet50_stand_in() -> bytes:
    """The file's content, always the same."""
    weights = [
        ((17 * channel + 31 * label) % 101 - 50) / 50
        for channel in range(CHANNELS)
        for label in range(CLASSES)
    ]
    graph = b"".join(
        (
            block(1, node("GlobalAveragePool", ["input_tensor:0"], "pool")),
            block(1, node("Flatten", ["pool"], "features", axis=1)),
            block(1, node("MatMul", ["features", "weights"], "scores")),
            block(1, node("Softmax", ["scores"], "softmax_tensor:0", axis=1)),
            block(1, node("ArgMax", ["scores"], "ArgMax:0", axis=1, keepdims=0)),
            block(2, "resnet50-stand-in"),
            block(5, tensor("weights", (CHANNELS, CLASSES), weights)),
            block(11, value_info("input_tensor:0", FLOAT, (3, 224, 224))),
            block(12, value_info("ArgMax:0", INT64, ())),
            block(12, value_info("softmax_tensor:0", FLOAT, (CLASSES,))),
        )
    )
    return number(1, IR_VERSION) + block(2, "stand-in") + block(7, graph) + block(8, number(2, OPSET))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(resnet50_stand_in())
