"""DeepSparse: an ONNX file compiled for a fixed batch size when it is loaded."""

import os

import numpy as np

os.environ.setdefault("NM_BIND_THREADS_TO_CORES", "0")  # else all workers' threads share the same CPUs
os.environ.setdefault("NM_DISABLE_ANALYTICS", "True")  # a benchmark reports to nobody

import deepsparse


class DeepSparse:
    """An engine a worker for whole batches, and one for single samples where a batch is not whole."""

    distribution = "deepsparse"

    def load(self, path, cell, threads, batch, options):
        self.batch = batch
        self.whole = engine(path, batch, threads)
        self.single = self.whole if batch == 1 else engine(path, 1, threads)

    def predict(self, array: np.ndarray) -> np.ndarray:
        if len(array) == self.batch:
            return self.whole.run([array], val_inp=False)[0]
        return np.concatenate([self.single.run([sample[None]], val_inp=False)[0] for sample in array])


def engine(path: str, batch: int, threads: int) -> deepsparse.Engine:
    """An engine with threads of its own."""
    return deepsparse.Engine(
        model=path,
        batch_size=batch,
        num_cores=threads,
        num_streams=1,
        scheduler=deepsparse.Scheduler.single_stream,
    )
