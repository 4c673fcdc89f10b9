"""ONNX Runtime through Python: the shortest whole example of a class, and the compiled backend's comparison.

Options: `provider=CUDAExecutionProvider` or another that the package has. Networks of any number of inputs and outputs.
"""

import numpy as np
import onnxruntime


class OnnxRuntime:
    """A session a worker. The batch is wrapped where it lies; only the answers are made anew."""

    distribution = "onnxruntime"

    def load(self, path, cell, threads, batch, options):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        provider = options.get("provider", "CPUExecutionProvider")
        self.session = onnxruntime.InferenceSession(path, settings, providers=[provider])
        self.input, self.outputs = cell.input_name, [output.name for output in cell.outputs]

    def predict(self, array: np.ndarray | dict[str, np.ndarray]) -> np.ndarray | list[np.ndarray]:
        answers = self.session.run(self.outputs, array if isinstance(array, dict) else {self.input: array})
        return answers if len(answers) > 1 else answers[0]
