"""ONNX to TensorFlow Lite: STEM.tflite, float32, any batch size.

Usage: see accept.py
"""

from mlperf_bake.assets.conversions.accept import Form, Request, Samples, main
from mlperf_bake.assets.conversions.tflite_file import TOOLS, converter, outputs

NAME = "tflite"
TOLERANCE = 1e-4  # both compute in float32 and sum in another order


def convert(request: Request, samples: Samples) -> Form:
    """Writes the file and runs it."""
    file = request.out / f"{request.stem}.tflite"
    file.write_bytes(converter(request).convert())
    return Form((file.name,), TOOLS, outputs(file, samples))


if __name__ == "__main__":
    main(NAME, convert, tolerance=TOLERANCE)
