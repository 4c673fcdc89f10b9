"""ONNX to OpenVINO's intermediate representation: STEM.xml and STEM.bin, float32, any batch size.

Usage: see accept.py
"""

import numpy as np
import openvino  # type: ignore[import-untyped,import-not-found,unused-ignore]

from mlperf_bake.assets.conversions.accept import SAME_ARITHMETIC, Form, Refused, Request, Samples, main

NAME = "openvino_ir"


def convert(request: Request, samples: Samples) -> Form:
    """Writes both files and runs them."""
    core = openvino.Core()
    try:
        model = openvino.convert_model(str(request.source))
    except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
        raise Refused(f"OpenVINO cannot read {request.source.name}: {error}") from error
    model.reshape({request.input: [-1, *request.shape]})
    xml = request.out / f"{request.stem}.xml"
    openvino.save_model(model, xml, compress_to_fp16=False)
    compiled = core.compile_model(xml, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = [compiled({request.input: batch})[request.output] for batch in samples.batches()]
    return Form((xml.name, f"{request.stem}.bin"), ("openvino",), np.concatenate(outputs))


if __name__ == "__main__":
    main(NAME, convert, {"fp32": SAME_ARITHMETIC})
