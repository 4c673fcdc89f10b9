"""ONNX to ncnn by pnnx: STEM.ncnn.param (text) and STEM.ncnn.bin, float32; ncnn takes one sample at a time.

Usage: see accept.py

pnnx is one compiled program; what its package needs beside it, PyTorch among them, is for functions not used here.
"""

import subprocess
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import ncnn  # type: ignore[import-untyped,import-not-found,unused-ignore]
import numpy as np
from numpy.typing import NDArray

from mlperf_bake.assets.conversions.accept import Array, Bounds, Form, Refused, Request, Samples, main

NAME = "ncnn"
BOUNDS = Bounds(1e-3)  # ncnn multiplies small kernels by Winograd's method, which rounds more coarsely
PNNX_INPUT, PNNX_OUTPUT = "in0", "out0"  # what pnnx calls them


def convert(request: Request, samples: Samples) -> Form:
    """Writes both files and runs them."""
    param, weights = (request.out / f"{request.stem}.ncnn.{part}" for part in ("param", "bin"))
    with TemporaryDirectory() as scratch:
        _pnnx(request, Path(scratch))
        text = (Path(scratch) / "model.ncnn.param").read_text(encoding="ascii")
        names = {PNNX_INPUT: request.input, PNNX_OUTPUT: request.output}
        param.write_text(renamed(text, names), encoding="ascii")
        weights.write_bytes((Path(scratch) / "model.ncnn.bin").read_bytes())
    return Form(
        (param.name, weights.name), ("pnnx", "ncnn"), _outputs(request, samples.values, param, weights)
    )


def _pnnx(request: Request, scratch: Path) -> None:
    """Runs pnnx on a copy: it writes its files beside the source."""
    program = distribution("pnnx").locate_file("pnnx/pnnx")
    source = scratch / "model.onnx"
    source.write_bytes(request.source.read_bytes())
    shape = ",".join(map(str, (1, *request.shape)))
    command = [str(program), str(source), f"inputshape=[{shape}]", "fp16=0"]
    outcome = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if outcome.returncode != 0 or not (scratch / "model.ncnn.param").is_file():
        said = (outcome.stdout + outcome.stderr).strip().splitlines()
        raise Refused(
            f"pnnx cannot convert {request.source.name}: {said[-1] if said else outcome.returncode}"
        )


def renamed(text: str, names: dict[str, str]) -> str:
    """A param file with other names for its blobs (never for its layers, which stand in the second column)."""
    lines = []
    for line in text.splitlines():
        words = line.split()
        lines.append(" ".join([*words[:2], *(names.get(word, word) for word in words[2:])]))
    return "\n".join(lines) + "\n"


def _outputs(request: Request, values: Array, param: Path, weights: Path) -> NDArray[np.generic]:
    """Every sample through ncnn in full float32."""
    net = ncnn.Net()
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    if net.load_param(str(param)) != 0 or net.load_model(str(weights)) != 0:
        raise Refused("ncnn cannot load what pnnx wrote")
    rows = []
    for sample in values:
        extractor = net.create_extractor()
        extractor.input(request.input, ncnn.Mat(np.ascontiguousarray(sample)))
        status, output = extractor.extract(request.output)
        if status != 0:
            raise Refused(f"ncnn ends with {status} on what pnnx wrote")
        rows.append(np.array(output).reshape(-1))  # ncnn keeps a leading 1 where there was no convolution
    return np.stack(rows)


if __name__ == "__main__":
    main(NAME, convert, {"fp32": BOUNDS})
