"""ONNX Runtime through Python: the shortest whole example of a class, and the compiled backend's comparison."""

import numpy as np
import onnxruntime


class OnnxRuntime:
    """A session a worker. The batch is wrapped where it lies; only the scores are made anew."""

    distribution = "onnxruntime"

    def load(self, path, cell, threads, batch, options):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        provider = options.get("provider", "CPUExecutionProvider")
        self.session = onnxruntime.InferenceSession(path, settings, providers=[provider])
        self.input, self.outputs = cell.input_name, [cell.output_name]

    def predict(self, array: np.ndarray) -> np.ndarray:
        return self.session.run(self.outputs, {self.input: array})[0]
