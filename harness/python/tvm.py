"""Apache TVM: a library compiled beforehand for a fixed batch size, run by its virtual machine.

A batch is handed over in pieces of the size the library was compiled for (`compiled_batch`, 1 unless stated).
"""

import os

import numpy as np

os.environ.setdefault("TVM_BIND_THREADS", "0")  # else every worker's pool is bound to the same CPUs
os.environ.setdefault("TVM_USE_RUNTIME_LIB", "1")  # the compiler, 259 MB, is not needed to run

import tvm
from tvm.runtime.vm import VirtualMachine


class Tvm:
    """A virtual machine a worker; each thread that calls one has a pool of its own of `threads` threads."""

    distribution = "apache-tvm"

    def load(self, path, cell, threads, batch, options):
        os.environ["TVM_NUM_THREADS"] = str(threads)
        machine = VirtualMachine(tvm.runtime.load_module(path), tvm.cpu())
        self.main = machine["main"]
        self.piece = int(options.get("compiled_batch", "1"))
        self.input = tvm.runtime.empty((self.piece, *cell.input_shape), cell.input_dtype)
        self.scores = np.empty((batch, cell.classes), np.float32)

    def predict(self, array: np.ndarray) -> np.ndarray:
        for start in range(0, len(array), self.piece):
            samples = array[start : start + self.piece]
            if len(samples) < self.piece:
                samples = np.resize(samples, self.input.shape)
            self.input.copyfrom(samples)
            output = self.main(self.input)
            scores = output if hasattr(output, "numpy") else output[0]
            kept = min(self.piece, len(array) - start)
            self.scores[start : start + kept] = scores.numpy()[:kept]
        return self.scores[: len(array)]
