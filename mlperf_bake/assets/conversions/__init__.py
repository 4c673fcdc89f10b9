"""Conversions: a model's ONNX file into the form that another runtime loads, accepted only where the outputs agree."""
