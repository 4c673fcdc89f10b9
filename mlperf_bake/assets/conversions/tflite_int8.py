"""ONNX to TensorFlow Lite in whole numbers: STEM.int8.tflite, 8-bit weights and activations, any batch size.

Usage: see accept.py

Post-training quantisation: the converter learns the range of every value from the samples, so these are seen; no label
is. Input and output stay float32 and are turned at the file's edges. Weights have a scale a channel. What rounding to
256 steps costs depends on the network, hence two bounds: outputs may differ by a share of the largest, and nearly every
sample must keep its predicted class.
"""

from mlperf_bake.assets.conversions.accept import Form, Request, Samples, main
from mlperf_bake.assets.conversions.tflite_file import TOOLS, calibrated, converter, outputs

NAME = "tflite_int8"
TOLERANCE = 0.2  # of the largest output
LEAST_AGREEMENT = 0.9  # of the predicted classes


def convert(request: Request, samples: Samples) -> Form:
    """Calibrates on the samples, writes the file and runs it."""
    file = request.out / f"{request.stem}.int8.tflite"
    file.write_bytes(calibrated(converter(request), samples).convert())
    return Form((file.name,), TOOLS, outputs(file, samples))


if __name__ == "__main__":
    main(NAME, convert, tolerance=TOLERANCE, least_agreement=LEAST_AGREEMENT)
