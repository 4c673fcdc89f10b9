"""Libraries of the optional extras: imported when they are needed, with a sentence where one is absent."""

import importlib
import sys
from typing import Any

from mlperf_bake.errors import UsageError


def library(module: str, purpose: str, extra: str = "accuracy") -> Any:
    """The module.

    Args:
        module: its dotted name.
        purpose: what it is for, in words.
        extra: of this package, which brings it; `make` in a checkout knows it by the same name.

    Raises:
        UsageError: it is not installed, or not whole; with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise UsageError(
            f"{purpose} needs the library {module.partition('.')[0]}",
            found=str(error),
            remedy=f"{sys.executable} -m pip install 'mlperf-bake[{extra}]', or in a checkout: make {extra}",
        ) from error
