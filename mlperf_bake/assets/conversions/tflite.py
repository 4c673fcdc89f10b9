"""ONNX to TensorFlow Lite: STEM.tflite, float32 or 8-bit, any batch size, run by LiteRT.

Usage: see accept.py

int8 is post-training quantisation: the converter learns the range of every value from the samples, so these are seen (their
labels never). Weights get a scale a channel; input and output stay float32 and are turned at the file's edges. What
rounding to 256 steps costs depends on the network, hence wide bounds: they catch a broken file, and do not say how
accurate a good one is. That is measured, as for any model.
"""

from mlperf_bake.assets.conversions.accept import SAME_ARITHMETIC, Bounds, Form, Request, Samples, main
from mlperf_bake.assets.conversions.tflite_file import TOOLS, calibrated, converter, outputs

NAME = "tflite"
QUANTISED = Bounds(0.2, least_agreement=0.9)


def convert(request: Request, samples: Samples) -> Form:
    """Writes the file and runs it."""
    file = request.out / f"{request.stem}.tflite"
    chosen = converter(request)
    if request.precision == "int8":
        chosen = calibrated(chosen, samples)
    file.write_bytes(chosen.convert())
    return Form((file.name,), TOOLS, outputs(file, samples))


if __name__ == "__main__":
    main(NAME, convert, {"fp32": SAME_ARITHMETIC, "int8": QUANTISED})
