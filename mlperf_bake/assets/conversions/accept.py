"""What every conversion shares: its arguments, the samples, the judgement, and the record it leaves.

A conversion turns a model's ONNX file into the form that a runtime loads. It is accepted only if, on every sample of a
prepared data set, the form's own runtime gives what ONNX Runtime gives for the source: every output within the
tolerance, and the predicted classes of enough samples the same. Then conversion.conf (docs/contracts.md) is written
beside the files; otherwise nothing is left, and one sentence says what differed.

A script defines ``convert`` and ends with ``accept.main(...)``; it is called as

    python3 -m mlperf_bake.assets.conversions.NAME
        --source FILE.onnx --out DIR --input NAME --shape 3x224x224 --output NAME --samples DIR [--precision int8]

Exit status: 0 accepted; 1 refused or not convertible.
"""

import argparse
import hashlib
import math
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlperf_bake.assets.conversions import MOST_SAMPLES

Array = NDArray[np.float32]

BATCH = 16  # samples a call: more than one, so that a form that ignores the batch is found out
RECORD = "conversion.conf"


@dataclass(frozen=True)
class Bounds:
    """How far a form may be from its source.

    Attributes:
        tolerance: the largest difference of any output, as a share of the source's largest output.
        least_agreement: the share of samples that must keep their predicted class; 1 means every one.
    """

    tolerance: float
    least_agreement: float = 1.0


SAME_ARITHMETIC = Bounds(1e-4)
"""Both compute in float32, and only sum in another order."""


class Refused(Exception):
    """The source cannot be converted, or the result is not the source's network; one sentence."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        source: the ONNX file.
        out: where the form's files go; missing or empty.
        input: the name of the network's input.
        shape: of one sample, without the batch.
        output: the name of the network's output.
        samples: a prepared data set: dataset.conf and samples.bin.
        precision: in which the form is to compute.
        bounds: how far its outputs may be from the source's.
    """

    source: Path
    out: Path
    input: str
    shape: tuple[int, ...]
    output: str
    samples: Path
    precision: str
    bounds: Bounds

    @property
    def stem(self) -> str:
        """The name that the form's files begin with."""
        return self.source.stem


@dataclass(frozen=True)
class Samples:
    """Samples to compare on: the data set's name and values [N, *shape]."""

    name: str
    values: Array

    def batches(self, size: int = BATCH) -> Sequence[Array]:
        """In order, the last one shorter."""
        return [self.values[start : start + size] for start in range(0, len(self.values), size)]


@dataclass(frozen=True)
class Form:
    """A runtime's own form of the network, written and run.

    Attributes:
        files: written to the request's ``out``, by name.
        tools: modules that made and ran it; recorded by their packages' names and versions.
        outputs: of every sample, [N, classes] or [N], from the form's own runtime.
    """

    files: tuple[str, ...]
    tools: tuple[str, ...]
    outputs: NDArray[np.generic]


@dataclass(frozen=True)
class Difference:
    """How far a form is from its source.

    Attributes:
        largest: of any output, divided by the source's largest output.
        agreement: share of the samples with the same predicted class.
    """

    largest: float
    agreement: float


def main(name: str, convert: Callable[[Request, Samples], Form], bounds: Mapping[str, Bounds]) -> None:
    """Reads the arguments, converts, judges, records.

    Args:
        name: of the conversion.
        bounds: what is accepted, for each precision that the conversion can make.
    """
    request = _arguments(name, bounds)
    existed = request.out.exists()
    try:
        if existed and any(request.out.iterdir()):
            raise Refused(f"{request.out} is not empty")
        request.out.mkdir(parents=True, exist_ok=True)
        samples = read_samples(request)
        form = convert(request, samples)
        difference = compare(source_outputs(request, samples), form.outputs)
        judge(difference, request.bounds, len(samples.values))
        record = describe(name, request, samples, form, difference)
        (request.out / RECORD).write_text(record, encoding="utf-8")
    except Refused as refusal:
        if not existed:
            shutil.rmtree(request.out, ignore_errors=True)
        sys.exit(f"{name}: {refusal}")


def _arguments(name: str, bounds: Mapping[str, Bounds]) -> Request:
    parser = argparse.ArgumentParser(prog=name, description=f"An ONNX file to {name}.")
    parser.add_argument("--source", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="missing or empty")
    parser.add_argument("--input", required=True, metavar="NAME")
    parser.add_argument("--shape", type=parse_shape, required=True, metavar="3x224x224")
    parser.add_argument("--output", required=True, metavar="NAME")
    parser.add_argument("--samples", type=Path, required=True, metavar="DIR", help="a prepared data set")
    parser.add_argument("--precision", choices=sorted(bounds), default="fp32")
    values = vars(parser.parse_args())
    return Request(**values, bounds=bounds[values["precision"]])


def parse_shape(text: str) -> tuple[int, ...]:
    """``3x224x224`` as numbers. Raises ValueError."""
    return tuple(int(extent) for extent in text.split("x"))


def read_samples(request: Request) -> Samples:
    """The first samples of the data set.

    Raises:
        Refused: they are missing, or not of the network's shape.
    """
    conf, values = request.samples / "dataset.conf", request.samples / "samples.bin"
    try:
        lines = conf.read_text(encoding="utf-8").splitlines()
        facts = dict(line.split(" = ", 1) for line in lines if " = " in line)
        shape, name, count = parse_shape(facts["shape"]), facts["name"], int(facts["count"])
        taken = min(count, MOST_SAMPLES)
        data = np.fromfile(values, "<f4", taken * math.prod(shape))
    except (OSError, KeyError, ValueError) as error:
        raise Refused(f"{request.samples} is not a prepared data set: {error}") from error
    if shape != request.shape:
        raise Refused(f"the samples have shape {shape}, the network takes {request.shape}")
    if taken == 0 or data.size != taken * math.prod(shape):
        raise Refused(f"{values} holds fewer than the {taken} samples that {conf.name} announces")
    return Samples(name, data.reshape(taken, *shape))


def source_outputs(request: Request, samples: Samples) -> NDArray[np.generic]:
    """What ONNX Runtime gives for the source, [N, ...].

    Raises:
        Refused: it cannot load the file, or knows no such input or output.
    """
    import onnxruntime  # type: ignore[import-untyped,import-not-found,unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    try:
        session = onnxruntime.InferenceSession(
            request.source.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        return np.concatenate(
            [session.run([request.output], {request.input: batch})[0] for batch in samples.batches()]
        )
    except (OSError, ValueError, RuntimeError) as error:  # ONNX Runtime's own errors are RuntimeErrors
        raise Refused(f"ONNX Runtime cannot run {request.source.name}: {error}") from error


def compare(expected: NDArray[np.generic], found: NDArray[np.generic]) -> Difference:
    """How far the outputs found are from those expected; predictions are classes where there is one value a sample.

    Raises:
        Refused: another shape, or values that are no numbers.
    """
    if found.shape != expected.shape:
        raise Refused(f"its outputs have shape {found.shape}, the source's {expected.shape}")
    wanted, got = expected.astype(np.float64), found.astype(np.float64)
    if not np.isfinite(got).all():
        raise Refused("its outputs hold values that are no numbers")
    scale = float(np.abs(wanted).max())
    largest = float(np.abs(got - wanted).max()) / scale if scale else float(np.abs(got).max())
    classes = [values.argmax(axis=1) if values.ndim > 1 else values for values in (wanted, got)]
    return Difference(largest, float((classes[0] == classes[1]).mean()))


def judge(difference: Difference, bounds: Bounds, samples: int) -> None:
    """Lets only a form pass that is near enough to its source.

    Raises:
        Refused: it is not.
    """
    if not difference.largest <= bounds.tolerance:
        raise Refused(
            f"its outputs differ from the source's by up to {difference.largest:.3g} of the largest output "
            f"on {samples} samples; at most {bounds.tolerance:g} is accepted"
        )
    if not difference.agreement >= bounds.least_agreement:
        raise Refused(
            f"it predicts the source's class for {difference.agreement:.2%} of {samples} samples; "
            f"at least {bounds.least_agreement:.2%} is demanded"
        )


def describe(name: str, request: Request, samples: Samples, form: Form, difference: Difference) -> str:
    """The content of conversion.conf."""
    packages = packages_distributions()
    tools = [packages[module][0] for module in dict.fromkeys((*form.tools, "onnxruntime"))]
    lines = [
        f"conversion = {name}",
        f"tools = {', '.join(f'{tool} {version(tool)}' for tool in tools)}",
        f"source = {request.source.name}",
        f"source_sha256 = {sha256(request.source)}",
        *(f"sha256.{file} = {sha256(request.out / file)}" for file in form.files),
        f"sample_data = {samples.name}",
        f"samples = {len(samples.values)}",
        f"largest_difference = {difference.largest:.3g}",
        f"tolerance = {request.bounds.tolerance:g}",
        f"agreement = {difference.agreement:.4g}",
        f"least_agreement = {request.bounds.least_agreement:g}",
    ]
    return "\n".join(lines) + "\n"


def sha256(file: Path) -> str:
    """Of a file, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
