"""PyTorch: TorchScript weights on the CPU or another device.

Options: `device=cuda:0`. The batch is wrapped where it lies; on a device it is copied there. PyTorch has one pool of
threads in a process, so its size is that of the last worker loaded: all have the same.
"""

import warnings

import numpy as np
import torch


class PyTorch:
    """A module a worker, frozen."""

    distribution = "torch"
    precisions = ("bf16",)

    def load(self, path, cell, threads, batch, options):
        torch.set_num_threads(threads)
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        self.device = torch.device(options.get("device", "cpu"))
        self.autocast = cell.precision == "bf16"
        self.module = torch.jit.load(path, map_location=self.device).eval()

    def predict(self, array: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, self.autocast):
            scores = self.module(torch.from_numpy(array).to(self.device))
            return scores.float().cpu().numpy()
