"""LiteRT (TensorFlow Lite) through its interpreter, on the CPU or through a delegate such as the Edge TPU's.

Options: `delegate=libedgetpu.so.1` loads a delegate. A batch is copied once into the interpreter's own tensor: its
memory is the interpreter's to place. Networks that take their pixels channels last, as Google publishes them, are told by
the shape of their input; samples are turned for them.
"""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate


class LiteRT:
    """An interpreter a worker; weights of any batch size are resized to the batch at hand."""

    distribution = "ai-edge-litert"

    def load(self, path, cell, threads, batch, options):
        delegates = [load_delegate(options["delegate"])] if "delegate" in options else None
        self.interpreter = Interpreter(model_path=path, num_threads=threads, experimental_delegates=delegates)
        self.shape, self.classes = tuple(cell.input_shape), cell.classes
        wanted = tuple(self.interpreter.get_input_details()[0]["shape"][1:])
        self.channels_last = wanted != self.shape and wanted == (*self.shape[1:], self.shape[0])
        self.resize(batch)

    def resize(self, count: int) -> None:
        """Makes room for `count` samples."""
        self.count = count
        self.interpreter.resize_tensor_input(
            self.interpreter.get_input_details()[0]["index"],
            (count, *self.shape[1:], self.shape[0]) if self.channels_last else (count, *self.shape),
        )
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def predict(self, array: np.ndarray) -> np.ndarray:
        if len(array) != self.count:
            self.resize(len(array))
        if self.channels_last:
            array = np.ascontiguousarray(array.transpose(0, 2, 3, 1))
        self.interpreter.set_tensor(self.input["index"], quantised(array, self.input))
        self.interpreter.invoke()
        scores = self.interpreter.get_tensor(self.output["index"])
        return dequantised(scores, self.output).reshape(len(array), self.classes)


def quantised(array: np.ndarray, tensor: dict) -> np.ndarray:
    """The array as the tensor takes it: as it is, or in the 8-bit steps of a quantised one."""
    if tensor["dtype"] == array.dtype:
        return array
    scale, zero = tensor["quantization"]
    limits = np.iinfo(tensor["dtype"])
    return np.clip(np.rint(array / scale) + zero, limits.min, limits.max).astype(tensor["dtype"])


def dequantised(scores: np.ndarray, tensor: dict) -> np.ndarray:
    """The scores as float32, out of a quantised tensor's 8-bit steps where it is one."""
    if scores.dtype == np.float32:
        return scores
    scale, zero = tensor["quantization"]
    return (scores.astype(np.float32) - zero) * np.float32(scale)
