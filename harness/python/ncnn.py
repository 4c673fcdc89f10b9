"""ncnn on the CPU: weights as NAME.ncnn.param with NAME.ncnn.bin beside it, as pnnx makes them.

ncnn computes one sample at a time; a batch is a loop. Samples are wrapped where they lie.
"""

from pathlib import Path

import ncnn
import numpy as np


class Ncnn:
    """A network a worker, in float32."""

    distribution = "ncnn"

    def load(self, path, cell, threads, batch, options):
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_vulkan_compute = False
        for half in ("packed", "storage", "arithmetic"):
            setattr(self.net.opt, f"use_fp16_{half}", False)
        weights = Path(path).with_suffix(".bin")
        if self.net.load_param(path) or self.net.load_model(str(weights)):
            raise RuntimeError(f"ncnn cannot load {path} with {weights}")
        self.input, self.output = self.net.input_names()[0], self.net.output_names()[0]
        self.scores = np.empty((batch, cell.classes), np.float32)

    def predict(self, array: np.ndarray) -> np.ndarray:
        for sample, scores in zip(array, self.scores, strict=False):
            extractor = self.net.create_extractor()
            extractor.input(self.input, ncnn.Mat(sample))
            failed, output = extractor.extract(self.output)
            if failed:
                raise RuntimeError(f"ncnn could not compute {self.output}: error {failed}")
            scores[:] = output
        return self.scores[: len(array)]
