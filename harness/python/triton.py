"""A Triton inference server at an address, asked over HTTP or gRPC.

Options: `address=HOST:PORT` (needed), `protocol=http|grpc` (http), `model=NAME` (the cell's model). The weights are the
server's own. Every batch is copied to the server: the time of that is part of what is measured.
"""

import importlib
import threading

import numpy as np


class Triton:
    """A connection a worker and thread, which the HTTP client must not leave; requests are the harness's batches."""

    distribution = "tritonclient"

    def load(self, path, cell, threads, batch, options):
        if "address" not in options:
            raise ValueError("no server; --backend-option python.address=HOST:PORT names it")
        protocol = options.get("protocol", "http")
        if protocol not in ("http", "grpc"):
            raise ValueError(f"python.protocol is {protocol}; expected http or grpc")
        self.client = importlib.import_module(f"tritonclient.{protocol}")
        self.address, self.model = options["address"], options.get("model", cell.model)
        self.own = threading.local()
        if not self.server().is_model_ready(self.model):
            raise RuntimeError(f"the server at {self.address} has no model {self.model} that is ready")
        self.input, self.output = cell.input_name, cell.output_name
        self.wanted = [self.client.InferRequestedOutput(cell.output_name)]

    def server(self):
        """This thread's connection."""
        if not hasattr(self.own, "server"):
            self.own.server = self.client.InferenceServerClient(self.address)
        return self.own.server

    def predict(self, array: np.ndarray) -> np.ndarray:
        request = self.client.InferInput(self.input, array.shape, "FP32")
        request.set_data_from_numpy(array)
        answer = self.server().infer(self.model, [request], outputs=self.wanted)
        return np.ascontiguousarray(answer.as_numpy(self.output), np.float32)
