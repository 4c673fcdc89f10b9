"""Conversions: a model's ONNX file into the form that another runtime loads, accepted only where the outputs agree."""

MOST_SAMPLES = 256
"""So many are compared at most: a fault shows in the first few, and so many still cost little."""
