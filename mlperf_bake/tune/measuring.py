"""One run of the harness in its image, as a ``Measure``."""

from collections.abc import Callable
from dataclasses import replace

from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.results.manifest import parse_manifest
from mlperf_bake.run.harness_options import overriding
from mlperf_bake.run.request import RunRequest, new_run_id
from mlperf_bake.run.service import run_image
from mlperf_bake.run.view import RunView
from mlperf_bake.tune.setting import Measurement, Setting

COMPARED_QUERIES = 100


class ImageRuns:
    """Runs a request with one setting after the other.

    Args:
        request: image, scenario, data, results, limits, and the options that stay.
        engine: where.
        view: opens what shows a run.
        say: gets lines for people.
    """

    def __init__(
        self, request: RunRequest, engine: Engine, view: Callable[[], RunView], say: Callable[[str], None]
    ) -> None:
        self._request = request
        self._engine = engine
        self._view = view
        self._say = say

    def __call__(self, setting: Setting, duration_s: float) -> Measurement:
        """Run it; errors as ``run_image``, and RunFailed where the harness does not take the setting."""
        scenario = self._request.scenario
        given = overriding(_fewer_queries(scenario, setting), self._request.harness_options)
        options = overriding(given, (*setting.options(scenario), "--duration", f"{duration_s:g}"))
        request = replace(self._request, run_id=new_run_id(scenario, "performance"), harness_options=options)
        try:
            outcome = run_image(request, self._engine, say=self._say, view=self._view)
        except UsageError as error:
            if setting.execution is None:
                raise
            raise RunFailed(error.problem, found=error.found) from error
        return Measurement.of(parse_manifest(outcome.manifest, request.run_id))


def _fewer_queries(scenario: str, setting: Setting) -> tuple[str, ...]:
    """LoadGen's MultiStream wants 662 queries, however long they take. A run with no expected latency is only compared by
    its p90, for which a hundred are enough; the one that confirms a setting expects one."""
    few = scenario == "MultiStream" and setting.target_latency_ms is None
    return ("--min-queries", str(COMPARED_QUERIES)) if few else ()
