"""Libraries that only accuracy needs: imported when a metric is measured, with a sentence where one is absent."""

import importlib
import sys
from typing import Any

from mlperf_bake.errors import UsageError

EXTRA = "mlperf-bake[accuracy]"


def library(module: str, purpose: str) -> Any:
    """The module.

    Args:
        module: its dotted name.
        purpose: what it is for, in words.

    Raises:
        UsageError: it is not installed, or not whole; with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{purpose} needs the library {module.partition('.')[0]}",
            found=str(error),
            remedy=f"{sys.executable} -m pip install '{EXTRA}', or in a checkout: make accuracy",
        ) from error
