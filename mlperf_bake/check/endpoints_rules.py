"""Rules on results measured through an endpoint (v6.1): named, and left to the official checker.

Such a result has ``config.yaml``, ``performance/result_summary.json`` and ``accuracy/accuracy_results.json`` in place
of LoadGen's logs. What mlperf-bake cannot judge it does not call valid.
"""

from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.rule import Breach, Table, official
from mlperf_bake.check.tree import Result
from mlperf_bake.results.run import DETAIL

ENDPOINTS: Final[Table[Result]] = Table("endpoints")

_SUMMARY: Final = "result_summary.json"
_ACCURACY: Final = "accuracy_results.json"


def through_endpoint(result: Result) -> bool:
    """Whether the result was measured through an endpoint: its files are there, and no log of LoadGen."""
    inventory = result.inventory
    if any(inventory.is_file(log.directory / DETAIL) for log in result.runs):
        return False
    return inventory.is_file(result.path / "performance" / _SUMMARY) or inventory.is_file(
        result.path / "accuracy" / _ACCURACY
    )


@ENDPOINTS.rule(
    "unjudged", official("parsers/endpoints_parser.py, endpoints_model_check, compliance_endpoints_check")
)
def unjudged(result: Result) -> Iterator[Breach]:
    """A result measured through an endpoint is judged by the official checker alone."""
    yield Breach(
        result.path,
        "the result was measured through an endpoint, which mlperf-bake does not judge",
        found=f"performance/{_SUMMARY} or accuracy/{_ACCURACY}, and no log of LoadGen",
        expected="the official checker to accept it",
        fix="mlperf-bake check --official CHECKOUT, with a checkout of mlcommons/inference",
    )
