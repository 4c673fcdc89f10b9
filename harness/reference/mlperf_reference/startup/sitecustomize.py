"""Python runs this before the program and each of its processes; it makes torchvision usable beside a torch without CUDA."""

import sys

from mlperf_reference.operators import OperatorsFirst

sys.meta_path.insert(0, OperatorsFirst())
