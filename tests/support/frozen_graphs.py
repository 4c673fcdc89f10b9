"""The question answering network of onnx_networks.py as a frozen TensorFlow graph.

Field numbers are those of graph.proto, node_def.proto, attr_value.proto, tensor_shape.proto and types.proto.
"""

from collections.abc import Sequence

from tests.support.protocol_buffers import field, number

FLOAT, INT64 = 1, 9


def spans(positions: int) -> bytes:
    """int64 ids, mask and segments, N x positions; starts = ids + mask and ends = ids - segments, float32."""
    shape = field(7, field(2, number(1, -1)) + field(2, number(1, positions)))
    number_type = {"T": number(6, INT64)}
    cast = {"SrcT": number(6, INT64), "DstT": number(6, FLOAT), "Truncate": number(5, 0)}
    return b"".join(
        (
            *(
                _node("Placeholder", name, (), {"dtype": number(6, INT64), "shape": shape})
                for name in ("segments", "ids", "mask")
            ),
            _node("AddV2", "sum", ("ids", "mask"), number_type),
            _node("Sub", "difference", ("ids", "segments"), number_type),
            _node("Cast", "starts", ("sum",), cast),
            _node("Cast", "ends", ("difference",), cast),
        )
    )


def _node(operation: str, name: str, inputs: Sequence[str], attributes: dict[str, bytes]) -> bytes:
    return field(
        1,
        b"".join(
            (
                field(1, name.encode()),
                field(2, operation.encode()),
                *(field(3, source.encode()) for source in inputs),
                *(field(5, field(1, key.encode()) + field(2, value)) for key, value in attributes.items()),
            )
        ),
    )
