"""mlperf-bake: MLPerf Inference benchmarks in containers, from one declared matrix to a checked submission tree."""

__version__ = "0.1.0"
