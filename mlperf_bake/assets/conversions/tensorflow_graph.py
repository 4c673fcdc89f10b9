"""ONNX to a frozen TensorFlow graph: STEM.pb, a serialised GraphDef, float32, any batch size.

Usage: see accept.py

The graph's input is the placeholder INPUT:0, its output OUTPUT:0 (":0" of the given names is left out of the operations').
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from mlperf_bake.assets.conversions.accept import SAME_ARITHMETIC, Form, Request, Samples, main
from mlperf_bake.assets.conversions.onnx_network import read_network
from mlperf_bake.assets.conversions.tensorflow_network import build

NAME = "tensorflow_graph"


def convert(request: Request, samples: Samples) -> Form:
    """Writes the file and runs it as it was written."""
    network = read_network(request.source, request.input, request.output)
    input, output = request.input.removesuffix(":0"), request.output.removesuffix(":0")
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [None, *request.shape], input)
        tf.identity(build(network, request.input, images, request.output), output)
    file = request.out / f"{request.stem}.pb"
    file.write_bytes(graph.as_graph_def().SerializeToString(deterministic=True))

    written = tf.compat.v1.GraphDef.FromString(file.read_bytes())
    with tf.Graph().as_default():
        tf.import_graph_def(written, name="")
        with tf.compat.v1.Session() as session:
            outputs = [session.run(f"{output}:0", {f"{input}:0": batch}) for batch in samples.batches()]
    return Form((file.name,), ("tensorflow", "onnx"), np.concatenate(outputs))


if __name__ == "__main__":
    main(NAME, convert, {"fp32": SAME_ARITHMETIC})
