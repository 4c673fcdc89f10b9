"""The question answering network of onnx_networks.py in OpenVINO's own form (IR version 11, operators of opset1)."""

from collections.abc import Sequence

PORTS = {"i64": "I64", "f32": "FP32"}


def spans(positions: int) -> str:
    """int64 ids, mask and segments, N x positions; starts = ids + mask and ends = ids - segments, float32."""
    shape = f"<dim>-1</dim><dim>{positions}</dim>"
    layers: list[str] = []
    edges: list[str] = []
    place: dict[str, tuple[int, int]] = {}

    def layer(kind: str, name: str, inputs: Sequence[str], data: str, dtype: str) -> None:
        for port, source in enumerate(inputs):
            number, output = place[source]
            edges.append(
                f'<edge from-layer="{number}" from-port="{output}" to-layer="{len(layers)}" to-port="{port}"/>'
            )
        given = "".join(f'<port id="{port}">{shape}</port>' for port in range(len(inputs)))
        place[name] = (len(layers), len(inputs))
        made = f'<port id="{len(inputs)}" precision="{PORTS[dtype]}" names="{name}">{shape}</port>'
        layers.append(
            f'<layer id="{len(layers)}" name="{name}" type="{kind}" version="opset1">{data}'
            + (f"<input>{given}</input>" if given else "")
            + (f"<output>{made}</output>" if kind != "Result" else "")
            + "</layer>"
        )

    for name in ("segments", "ids", "mask"):
        layer("Parameter", name, (), f'<data shape="?,{positions}" element_type="i64"/>', "i64")
    elementwise, to_float = '<data auto_broadcast="numpy"/>', '<data destination_type="f32"/>'
    layer("Add", "sum", ("ids", "mask"), elementwise, "i64")
    layer("Subtract", "difference", ("ids", "segments"), elementwise, "i64")
    layer("Convert", "starts", ("sum",), to_float, "f32")
    layer("Convert", "ends", ("difference",), to_float, "f32")
    layer("Result", "first", ("starts",), "", "f32")
    layer("Result", "second", ("ends",), "", "f32")
    return (
        f'<?xml version="1.0"?><net name="network" version="11"><layers>{"".join(layers)}</layers>'
        f"<edges>{''.join(edges)}</edges></net>"
    )
