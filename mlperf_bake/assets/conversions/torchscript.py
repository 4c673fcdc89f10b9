"""ONNX to TorchScript: STEM.ts, traced and frozen, float32, any batch size.

Usage: see accept.py

The module takes one tensor [N, *shape] and gives one tensor. Nothing in it is bound to a processor: a runtime may
still arrange it for its own with torch::jit::optimize_for_inference.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from torch import Tensor
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]

from mlperf_bake.assets.conversions.accept import SAME_ARITHMETIC, Form, Refused, Request, Samples, main
from mlperf_bake.assets.conversions.onnx_network import Network, Node, carry_out, read_network

NAME = "torchscript"
WRITERS_OWN = ("version", "byteorder", ".data/serialization_id")  # records that PyTorch's writer adds itself


def pads(node: Node, spatial: int = 2) -> tuple[int, ...]:
    """ONNX's pads (all begins, then all ends) in torch.nn.functional.pad's order: last dimension first, begin and end."""
    given = node.attributes.get("pads", [0] * 2 * spatial)
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Refused(
            f"{node.op} {node.output} pads as {node.attributes['auto_pad']}; only explicit pads are known"
        )
    return tuple(pad for axis in reversed(range(spatial)) for pad in (given[axis], given[axis + spatial]))


def convolution(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    left, right, top, bottom = pads(node)
    symmetric = left == right and top == bottom
    return functional.conv2d(
        x if symmetric else functional.pad(x, (left, right, top, bottom)),
        weight,
        bias,
        stride=node.attributes.get("strides", 1),
        padding=(top, left) if symmetric else 0,
        dilation=node.attributes.get("dilations", 1),
        groups=node.attributes.get("group", 1),
    )


def max_pool(node: Node, x: Tensor) -> Tensor:
    return functional.max_pool2d(
        functional.pad(x, pads(node), value=-torch.inf),
        node.attribute("kernel_shape"),
        node.attributes.get("strides", 1),
        ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
    )


def clip(node: Node, x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    return functional.relu6(x) if (low, high) == (0, 6) else torch.clamp(x, low, high)


def gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    if (
        node.attributes.get("transA", 0)
        or node.attributes.get("alpha", 1.0) != 1
        or node.attributes.get("beta", 1.0) != 1
    ):
        raise Refused(f"Gemm {node.output} scales or transposes its input, which is not known yet")
    return functional.linear(a, b if node.attributes.get("transB", 0) else b.T, c)


def flatten(node: Node, x: Tensor) -> Tensor:
    if node.attributes.get("axis", 1) != 1:
        raise Refused(f"Flatten {node.output} keeps more than the batch, which is not known yet")
    return x.flatten(1)


def reduce_mean(node: Node, x: Tensor) -> Tensor:
    return x.mean(node.attribute("axes"), keepdim=bool(node.attributes.get("keepdims", 1)))


def squeeze(node: Node, x: Tensor) -> Tensor:
    return x.squeeze(node.attribute("axes"))


def batch_normalization(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    return functional.batch_norm(x, mean, variance, scale, bias, eps=node.attributes.get("epsilon", 1e-5))


OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    "Add": lambda node, a, b: a + b,
    "ArgMax": lambda node, x: x.argmax(
        node.attributes.get("axis", 0), bool(node.attributes.get("keepdims", 1))
    ),
    "BatchNormalization": batch_normalization,
    "Clip": clip,
    "Conv": convolution,
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": lambda node, x: x.mean((2, 3), keepdim=True),
    "Identity": lambda node, x: x,
    "MatMul": lambda node, a, b: a @ b,
    "MaxPool": max_pool,
    "ReduceMean": reduce_mean,
    "Relu": lambda node, x: functional.relu(x),
    "Softmax": lambda node, x: x.softmax(node.attributes.get("axis", -1)),
    "Squeeze": squeeze,
}


class Module(torch.nn.Module):  # type: ignore[misc,unused-ignore]
    """The network with its constants as buffers, single values as numbers; called on one tensor."""

    def __init__(self, network: Network, request: Request) -> None:
        super().__init__()
        self.network, self.input, self.output = network, request.input, request.output
        self.numbers = {name: value.item() for name, value in network.constants.items() if value.ndim == 0}
        tensors = [name for name in network.constants if name not in self.numbers]
        self.names = {name: f"constant{index}" for index, name in enumerate(tensors)}
        for name, buffer in self.names.items():
            self.register_buffer(buffer, torch.from_numpy(network.constants[name].copy()))

    def forward(self, x: Tensor) -> Tensor:
        tensors = {name: getattr(self, buffer) for name, buffer in self.names.items()}
        values = {self.input: x, **self.numbers, **tensors}
        return carry_out(self.network, OPERATIONS, values, self.output)


def convert(request: Request, samples: Samples) -> Form:
    """Writes the file and runs it as it was written."""
    network = read_network(request.source, request.input, request.output)
    module = Module(network, request).eval()
    file = request.out / f"{request.stem}.ts"
    with torch.inference_mode():
        traced = torch.jit.freeze(torch.jit.trace(module, torch.zeros(2, *request.shape)))
        torch.jit.save(traced, str(file))
        strip_origin(file)
        loaded = torch.jit.load(str(file))
        outputs = [loaded(torch.from_numpy(batch)).numpy() for batch in samples.batches()]
    return Form((file.name,), ("torch", "onnx"), np.concatenate(outputs))


def strip_origin(file: Path) -> None:
    """Leaves out where each line of the module was written: the paths of the machine that traced it.

    The rest is written again by PyTorch's own writer, which adds what it always adds and keeps values aligned.
    """
    reader = torch._C.PyTorchFileReader(str(file))
    records = {name: reader.get_record(name) for name in reader.get_all_records()}
    del reader
    writer = torch._C.PyTorchFileWriter(str(file))
    writer.set_min_version(int(records["version"]))
    for name, content in records.items():
        if not name.endswith(".debug_pkl") and name not in WRITERS_OWN:
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()


if __name__ == "__main__":
    main(NAME, convert, {"fp32": SAME_ARITHMETIC})
