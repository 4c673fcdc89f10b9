"""A result measured through an endpoint: its files as typed values, and the scenario and figure they stand for.

Such a result has ``config.yaml``, ``performance/result_summary.json`` and ``accuracy/accuracy_results.json`` in place of
LoadGen's logs. Nothing here judges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from mlperf_bake.check.opened import Opened, read_mapping, read_yaml
from mlperf_bake.check.tree import ENDPOINT_ACCURACY, ENDPOINT_SUMMARY, Result
from mlperf_bake.errors import UsageError
from mlperf_bake.results.endpoints import EndpointRun, score_of
from mlperf_bake.results.headline import Headline
from mlperf_bake.rounds import Endpoints

T = TypeVar("T")

CONFIGS: Final = ("config.yaml", "config.yml")
_ONLINE: Final = {"online": "Server"}
"""mlcommons/endpoints' name of what LoadGen calls Server."""


@dataclass(frozen=True)
class Endpoint:
    """One result of that kind."""

    result: Result
    rules: Endpoints

    @cached_property
    def config(self) -> Opened[dict[str, object]]:
        """The configuration of its runs."""
        paths = [self.result.path / name for name in CONFIGS]
        path = next((path for path in paths if self.result.inventory.is_file(path)), paths[0])
        return self.result.tree.read(path, _read_config)

    @cached_property
    def summary(self) -> Opened[dict[str, object]]:
        """What its performance run says."""
        return self._read(self.result.path / "performance" / ENDPOINT_SUMMARY, read_mapping)

    @cached_property
    def answers(self) -> Opened[dict[str, object]]:
        """What its accuracy run says."""
        return self._read(self.result.path / "accuracy" / ENDPOINT_ACCURACY, read_mapping)

    def _read(self, path: Path, read: Callable[[Path], T]) -> Opened[T]:
        return self.result.tree.read(path, read)

    @property
    def performance(self) -> EndpointRun:
        """The performance run."""
        return EndpointRun(self.summary.value or {}, self.config.value or {})

    @property
    def accuracy(self) -> EndpointRun:
        """The accuracy run."""
        return EndpointRun(self.answers.value or {}, self.config.value or {})

    @property
    def written(self) -> str | None:
        """The scenario as the official checker names it: by the directory or ``online`` as LoadGen would, else as the
        configuration writes it."""
        there, here = self.performance.text("effective_scenario"), self.result.path.name.lower()
        if here == "singlestream":
            return "SingleStream"
        if here == "interactive" or (there or "").lower() == "interactive":
            return "Interactive"
        return _ONLINE.get(there.lower(), there) if there else None

    @property
    def scenario(self) -> str | None:
        """The scenario that was run, as LoadGen writes it; None for none."""
        names = {name.lower(): name for name in self.result.rules.tree.scenarios}
        return names.get((self.written or "").lower())

    @property
    def field(self) -> str | None:
        """The key whose value is the result; None where such results have none in this scenario."""
        benchmark = self.result.model.benchmark
        own = benchmark.result_field.get(self.written or "") if benchmark else None
        return own or self.rules.result_field.get(self.scenario or "")

    @property
    def figure(self) -> Headline | None:
        """The figure of the performance run; None where its files do not hold it."""
        field = self.field
        value = self.performance.number(field) if field else None
        if field is None or value is None:
            return None
        if field.endswith("_ns"):
            return Headline(field, value / 1e6, "ms")
        unit = "tokens/s" if "token" in field else "samples/s" if self.scenario == "Offline" else "queries/s"
        return Headline(field, value, unit)

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the accuracy run by metric, where they are numbers."""
        score = self.accuracy.score
        entries = score.items() if isinstance(score, dict) else (("score", score),)
        numbers = ((str(name), score_of(value, ())) for name, value in entries)
        return {name: number for name, number in numbers if number is not None}


def endpoint_of(result: Result) -> Endpoint | None:
    """The result as one measured through an endpoint; None where it is not, or the round has none such."""
    rules = result.rules.endpoints
    return Endpoint(result, rules) if rules and result.through_endpoint else None


def _read_config(path: Path) -> dict[str, object]:
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UsageError("not a mapping", where=str(path), expected="a YAML mapping")
    return data
