"""ONNX to TensorFlow Lite: STEM.tflite, float32 or 8-bit, any batch size, run by LiteRT.

Usage: see accept.py

int8 is post-training quantisation: the converter learns the range of every value from the samples, so these are seen (their
labels never). Weights get a scale a channel; input and output stay float32 and are turned at the file's edges. What
rounding to 256 steps costs depends on the network, hence wide bounds: they catch a broken file, and do not say how
accurate a good one is. That is measured, as for any model.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numpy.typing import NDArray

from mlperf_bake.assets.conversions.accept import SAME_ARITHMETIC, Bounds, Form, Request, Samples, main
from mlperf_bake.assets.conversions.onnx_network import read_network
from mlperf_bake.assets.conversions.tensorflow_network import build

NAME = "tflite"
TOOLS = ("tensorflow", "ai_edge_litert", "onnx")
QUANTISED = Bounds(0.2, least_agreement=0.9)


def convert(request: Request, samples: Samples) -> Form:
    """Writes the file and runs it."""
    file = request.out / f"{request.stem}.tflite"
    chosen = converter(request)
    if request.precision == "int8":
        chosen = calibrated(chosen, samples)
    file.write_bytes(chosen.convert())
    return Form((file.name,), TOOLS, outputs(file, samples))


def converter(request: Request) -> Any:
    """TensorFlow's converter for the network; its signature has the ONNX file's names, the batch is left open."""
    network = read_network(request.source, request.input, request.output)

    @tf.function(  # type: ignore[untyped-decorator,unused-ignore]
        input_signature=[
            tf.TensorSpec([None, *request.shape], tf.float32, name=request.input.removesuffix(":0"))
        ]
    )
    def apply(images: Any) -> dict[str, Any]:
        return {request.output.removesuffix(":0"): build(network, request.input, images, request.output)}

    module = tf.Module()
    module.apply = apply
    return tf.lite.TFLiteConverter.from_concrete_functions([apply.get_concrete_function()], module)


def outputs(file: Path, samples: Samples) -> NDArray[np.generic]:
    """Every sample through LiteRT, in batches of more than one."""
    interpreter = Interpreter(str(file), num_threads=len(os.sched_getaffinity(0)))
    source, target = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    rows = []
    for batch in samples.batches():
        interpreter.resize_tensor_input(source, batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source, batch)
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target))
    return np.concatenate(rows)


def calibrated(converter: Any, samples: Samples) -> Any:
    """The same converter, set to 8-bit whole numbers; it learns the range of every value from the samples."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples.values)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter


if __name__ == "__main__":
    main(NAME, convert, {"fp32": SAME_ARITHMETIC, "int8": QUANTISED})
