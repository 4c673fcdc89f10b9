"""ONNX compiled by TVM: STEM.so, a shared library for one sample a call.

Usage: see accept.py

TVM compiles for a processor: x86-64-v3 (AVX2 and FMA, Haswell of 2013 and later), so the library runs on any such
machine, and on none older. TVM's default schedules are used; no tuning, whose result would depend on the building machine.
The batch is fixed at 1: a backend calls the library once a sample. The C++ compiler links it.
"""

import os
import platform
from pathlib import Path

import numpy as np
import onnx  # type: ignore[import-not-found,unused-ignore]
import tvm  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx  # type: ignore[import-not-found,unused-ignore]

from mlperf_bake.assets.conversions.accept import (
    SAME_ARITHMETIC,
    Array,
    Form,
    Refused,
    Request,
    Samples,
    main,
)

NAME = "tvm"
TARGET = {"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "x86-64-v3", "opt-level": 3}


def convert(request: Request, samples: Samples) -> Form:
    """Compiles the library and runs it as it was written."""
    if platform.machine() != "x86_64":
        raise Refused(
            f"TVM's library is compiled for x86-64 and tried out here, which is {platform.machine()}"
        )
    module = from_onnx(_with_one_output(request), shape_dict={request.input: [1, *request.shape]})
    module = relax.transform.DecomposeOpsForInference()(module)
    file = request.out / f"{request.stem}.so"
    tvm.compile(module, target=tvm.target.Target(TARGET)).export_library(str(file))
    return Form((file.name,), ("tvm", "onnx"), _outputs(file, samples.values))


def _with_one_output(request: Request) -> onnx.ModelProto:
    """The source without its other outputs: the library gives one tensor, and TVM drops what that does not need."""
    model = onnx.load(request.source)
    wanted = [output for output in model.graph.output if output.name == request.output]
    if not wanted:
        raise Refused(f"{request.source.name} has no output {request.output}")
    del model.graph.output[:]
    model.graph.output.extend(wanted)
    return model


def _outputs(file: Path, values: Array) -> NDArray[np.generic]:
    """Every sample through the library."""
    os.environ["TVM_NUM_THREADS"] = str(len(os.sched_getaffinity(0)))
    machine = relax.VirtualMachine(tvm.runtime.load_module(str(file)), tvm.cpu())
    return np.concatenate([machine["main"](tvm.runtime.tensor(sample[None])).numpy() for sample in values])


if __name__ == "__main__":
    main(NAME, convert, {"fp32": SAME_ARITHMETIC})
