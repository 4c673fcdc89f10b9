"""TensorFlow: a frozen graph, in a session a worker with threads of its own."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

one = tf.compat.v1


class TensorFlow:
    """A graph of one input and one output, found by being the first placeholder and the last operation."""

    distribution = "tensorflow-cpu"

    def load(self, path, cell, threads, batch, options):
        definition = one.GraphDef()
        definition.ParseFromString(Path(path).read_bytes())
        graph = tf.Graph()
        with graph.as_default():
            one.import_graph_def(definition, name="")
        operations = graph.get_operations()
        self.input = next(operation for operation in operations if operation.type == "Placeholder").outputs[0]
        self.output = operations[-1].outputs[0]
        config = one.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1, use_per_session_threads=True
        )
        self.run = one.Session(graph=graph, config=config).make_callable(self.output, feed_list=[self.input])

    def predict(self, array: np.ndarray) -> np.ndarray:
        return self.run(array)
