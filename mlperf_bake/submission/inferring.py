"""Results that an edge system may quote from another scenario's run: SingleStream's for MultiStream and Offline, say.

The rules allow it by copying the whole result. ``collect`` offers it, does it only when asked to, and marks the copy in its
README; a copy whose source is replaced is made again, so that the two never come from different runs.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.run import DETAIL, logged_scenario
from mlperf_bake.rounds import ModelRules, Round
from mlperf_bake.submission.describing import known_values
from mlperf_bake.submission.layout import Owner, ResultPaths, result_paths
from mlperf_bake.submission.selection import ResultKey

EDGE: Final = "edge"
_README: Final = "README.md"


@dataclass(frozen=True, slots=True)
class Inference:
    """A result that another one can stand for, or does.

    Attributes:
        target: what it is a result of.
        source: the scenario that was measured.
        done: whether the tree holds the copy.
    """

    owner: Owner
    target: ResultKey
    source: str
    done: bool

    def __str__(self) -> str:
        return f"{self.owner}/{self.target} from {self.source}"

    @property
    def measured(self) -> ResultKey:
        """What its runs were."""
        return ResultKey(self.target.system, self.target.model, self.source)


def inferences(tree: Path, rules: Round, owner: Owner, system: str, model: str) -> Iterator[Inference]:
    """What the measured scenarios of a model on a system stand for, or could stand for where there is no result.

    Nothing for systems that are not described as edge systems, and for scenarios that the benchmark does not have there.
    """
    description = known_values(owner.path(tree) / "systems" / f"{system}.json")
    benchmark = _benchmark(tree, rules, owner, model)
    scenarios = benchmark.scenarios.get(EDGE) if benchmark else None
    if str(description.get("system_type", "")).strip().lower() != EDGE or scenarios is None:
        return
    logged = {
        name: _logged(tree, rules, owner, ResultKey(system, model, name)) for name in rules.tree.scenarios
    }
    for scenario in (*scenarios.required, *scenarios.optional):
        source = logged[scenario] or _source(scenario, logged, rules)
        if source and source != logged_scenario(scenario) and (source, scenario) in rules.tree.inferable:
            yield Inference(
                owner, ResultKey(system, model, scenario), source, done=logged[scenario] is not None
            )


def _benchmark(tree: Path, rules: Round, owner: Owner, model: str) -> ModelRules | None:
    mapping = known_values(owner.path(tree) / "model_mapping.json") if owner.division == "open" else {}
    return rules.benchmark_of(model, {key: value for key, value in mapping.items() if isinstance(value, str)})


def _logged(tree: Path, rules: Round, owner: Owner, key: ResultKey) -> str | None:
    """The scenario that LoadGen ran for a result; None where there is no result."""
    log = result_paths(tree, rules, owner, key).results / "performance" / "run_1" / DETAIL
    return (read_detail(log).scenario or "") if log.is_file() else None


def _source(scenario: str, logged: dict[str, str | None], rules: Round) -> str | None:
    """The first measured scenario that may stand for one that has no result."""
    return next(
        (
            source
            for source, target in rules.tree.inferable
            if target == scenario and logged[source] == source
        ),
        None,
    )


def copy_inferred(tree: Path, rules: Round, inference: Inference) -> Path:
    """Makes the copy, or makes it again; gives its directory."""
    source = result_paths(tree, rules, inference.owner, inference.measured)
    target = result_paths(tree, rules, inference.owner, inference.target)
    target.clear()
    for one, other in _directories(source, target):
        if one.is_dir():
            shutil.copytree(one, other)
    if source.measurements_json.name != target.measurements_json.name:
        (target.measurements / source.measurements_json.name).rename(target.measurements_json)
    readme = target.measurements / _README
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    readme.write_text(_mark(inference) + text, encoding="utf-8")
    return target.results


def _directories(source: ResultPaths, target: ResultPaths) -> Iterable[tuple[Path, Path]]:
    pairs = (
        (source.results, target.results),
        (source.measurements, target.measurements),
        (source.compliance, target.compliance),
    )
    return dict.fromkeys(pairs)


def _mark(inference: Inference) -> str:
    return (
        f"**Inferred from {inference.source}.** Nothing was run in {inference.target.scenario}: the logs here are those of\n"
        f"{inference.source}, from which the rules compute the result of an edge system.\n\n"
    )
