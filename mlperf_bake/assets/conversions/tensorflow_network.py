"""An ONNX network in TensorFlow's operations, for the conversions that TensorFlow writes.

TensorFlow's convolutions on a CPU take channels last, ONNX's channels first. Each value knows how it lies and is
turned only where an operation needs it otherwise: once, after the input, in a usual network.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numpy.typing import NDArray

from mlperf_bake.assets.conversions.accept import Refused
from mlperf_bake.assets.conversions.onnx_network import Network, Node, carry_out

Constant = NDArray[Any]


@dataclass(frozen=True)
class Value:
    """A tensor, and whether it lies channels last; ONNX's order of axes is channels first."""

    tensor: Any
    channels_last: bool = False

    def first(self) -> Any:
        """The tensor in ONNX's order."""
        return tf.transpose(self.tensor, [0, 3, 1, 2]) if self.channels_last else self.tensor

    def last(self) -> Any:
        """The tensor, [N, H, W, C]."""
        return self.tensor if self.channels_last else tf.transpose(self.tensor, [0, 2, 3, 1])

    def with_tensor(self, tensor: Any) -> "Value":
        """Another tensor that lies in the same way."""
        return Value(tensor, self.channels_last)


def padded(node: Node, x: Any, kernel: Sequence[int], fill: float) -> tuple[Any, str]:
    """The tensor [N, H, W, C] and TensorFlow's word for the padding; pads that have no word are carried out here."""
    pads, strides = node.attributes.get("pads", [0, 0, 0, 0]), node.attributes.get("strides", [1, 1])
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Refused(
            f"{node.op} {node.output} pads as {node.attributes['auto_pad']}; only explicit pads are known"
        )
    if not any(pads):
        return x, "VALID"
    if all(
        (pads[axis], pads[axis + 2]) == same_pads(x.shape[1 + axis], kernel[axis], strides[axis])
        for axis in (0, 1)
    ):
        return x, "SAME"
    margins = [[0, 0], [pads[0], pads[2]], [pads[1], pads[3]], [0, 0]]
    return tf.pad(x, margins, constant_values=fill), "VALID"


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """What SAME pads along one axis, before and after."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def convolution(node: Node, x: Value, weight: Constant, bias: Constant | None = None) -> Value:
    groups, channels = node.attributes.get("group", 1), x.last().shape[-1]
    strides, dilations = node.attributes.get("strides", [1, 1]), node.attributes.get("dilations", [1, 1])
    if list(dilations) != [1, 1] or groups not in (1, channels):
        raise Refused(f"Conv {node.output} is dilated or grouped in a way that is not known yet")
    tensor, padding = padded(node, x.last(), weight.shape[2:], 0.0)
    kernel = np.ascontiguousarray(weight.transpose(2, 3, 1, 0))
    if groups == 1:
        y = tf.nn.conv2d(tensor, tf.constant(kernel), strides, padding)
    else:
        kernel = kernel.reshape(*weight.shape[2:], channels, weight.shape[0] // channels)
        y = tf.nn.depthwise_conv2d(tensor, tf.constant(kernel), [1, *strides, 1], padding)
    return Value(y if bias is None else tf.nn.bias_add(y, tf.constant(bias)), channels_last=True)


def max_pool(node: Node, x: Value) -> Value:
    if node.attributes.get("ceil_mode", 0):
        raise Refused(f"MaxPool {node.output} rounds its size up, which is not known yet")
    kernel = node.attribute("kernel_shape")
    tensor, padding = padded(node, x.last(), kernel, -math.inf)
    return Value(
        tf.nn.max_pool2d(tensor, kernel, node.attributes.get("strides", [1, 1]), padding), channels_last=True
    )


def clip(node: Node, x: Value, low: Constant | None = None, high: Constant | None = None) -> Value:
    lower, upper = (-math.inf if low is None else float(low)), (math.inf if high is None else float(high))
    y = tf.nn.relu6(x.tensor) if (lower, upper) == (0, 6) else tf.clip_by_value(x.tensor, lower, upper)
    return x.with_tensor(y)


def gemm(node: Node, a: Value, b: Constant, c: Constant | None = None) -> Value:
    attributes = node.attributes
    if attributes.get("transA", 0) or attributes.get("alpha", 1.0) != 1 or attributes.get("beta", 1.0) != 1:
        raise Refused(f"Gemm {node.output} scales or transposes its input, which is not known yet")
    weight = np.ascontiguousarray(b.T if attributes.get("transB", 0) else b)
    y = tf.matmul(a.tensor, tf.constant(weight))
    return Value(y if c is None else tf.nn.bias_add(y, tf.constant(c)))


def add(node: Node, a: "Value | Constant", b: "Value | Constant") -> Value:
    left, right = (
        operand if isinstance(operand, Value) else Value(tf.constant(operand)) for operand in (a, b)
    )
    if left.channels_last and right.channels_last:
        return left.with_tensor(left.tensor + right.tensor)
    return Value(left.first() + right.first())


def matmul(node: Node, a: Value, b: Constant) -> Value:
    return Value(tf.matmul(a.first(), tf.constant(b)))


def global_average_pool(node: Node, x: Value) -> Value:
    return Value(tf.reduce_mean(x.last(), [1, 2], keepdims=True), channels_last=True)


def reduce_mean(node: Node, x: Value) -> Value:
    return Value(
        tf.reduce_mean(x.first(), node.attribute("axes"), keepdims=bool(node.attributes.get("keepdims", 1)))
    )


def flatten(node: Node, x: Value) -> Value:
    if node.attributes.get("axis", 1) != 1:
        raise Refused(f"Flatten {node.output} keeps more than the batch, which is not known yet")
    tensor = x.first()
    return Value(tf.reshape(tensor, [-1, math.prod(tensor.shape[1:])]))


def arg_max(node: Node, x: Value) -> Value:
    axis = node.attributes.get("axis", 0)
    y = tf.argmax(x.first(), axis, output_type=tf.int64)
    return Value(tf.expand_dims(y, axis) if node.attributes.get("keepdims", 1) else y)


def batch_normalization(
    node: Node, x: Value, scale: Constant, bias: Constant, mean: Constant, variance: Constant
) -> Value:
    factor = scale.astype(np.float64) / np.sqrt(
        variance.astype(np.float64) + node.attributes.get("epsilon", 1e-5)
    )
    offset = bias - mean * factor
    return Value(x.last() * factor.astype(np.float32) + offset.astype(np.float32), channels_last=True)


OPERATIONS: Mapping[str, Callable[..., Value]] = {
    "Add": add,
    "ArgMax": arg_max,
    "BatchNormalization": batch_normalization,
    "Clip": clip,
    "Conv": convolution,
    "Flatten": flatten,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "Identity": lambda node, x: x,
    "MatMul": matmul,
    "MaxPool": max_pool,
    "ReduceMean": reduce_mean,
    "Relu": lambda node, x: x.with_tensor(tf.nn.relu(x.tensor)),
    "Softmax": lambda node, x: Value(tf.nn.softmax(x.first(), node.attributes.get("axis", -1))),
    "Squeeze": lambda node, x: Value(tf.squeeze(x.first(), node.attribute("axes"))),
}


def build(network: Network, input: str, tensor: Any, output: str) -> Any:
    """The output's tensor for the input's, [N, C, H, W] or [N, ...].

    Raises:
        Refused: an operation is unknown, or used in a way that is.
    """
    values = {input: Value(tensor), **network.constants}
    return carry_out(network, OPERATIONS, values, output).first()
