"""Rules on a model's directory: the benchmark it stands for, and its scenarios."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mlperf_bake.check.fixes import run_again
from mlperf_bake.check.rule import Breach, Table, official
from mlperf_bake.check.tree import Model
from mlperf_bake.program import shown

MODEL: Final[Table[Model]] = Table("model")


@MODEL.rule("benchmark", official("configuration.py get_mlperf_model"))
def benchmark(model: Model) -> Iterator[Breach]:
    """The model's directory stands for a benchmark of the round."""
    if model.benchmark is None:
        yield Breach(
            model.path,
            f"{model.name} is no benchmark of the round",
            found=model.name,
            expected="one of " + ", ".join(model.system.submitter.tree.rules.models),
            fix="in the open division, name the benchmark in model_mapping.json",
        )


@MODEL.rule("scenario", official("loader.py check_scenarios"))
def scenario(model: Model) -> Iterator[Breach]:
    """Each directory of a model is a scenario."""
    if not model.results:
        yield Breach(model.path, "the model has no scenario", expected="a directory like Offline")
    for result in model.results:
        if result.scenario is None:
            yield Breach(
                result.path,
                f"{result.path.name} is no scenario",
                found=result.path.name,
                expected="one of " + ", ".join(model.system.submitter.tree.rules.tree.scenarios),
            )


@MODEL.rule("spelling", official("results.py add_result, checks/accuracy_check.py dataset_check"))
def spelling(model: Model) -> Iterator[Breach]:
    """A scenario's directory is spelt as LoadGen spells it, or in lower case where the data set is the same for all scenarios."""
    benchmark = model.benchmark
    apart = benchmark is not None and len(set(benchmark.accuracy_samples.values())) > 1
    for result in model.results:
        name, scenario = result.path.name, result.scenario
        if scenario is None or name == scenario or (not apart and name in (scenario.lower(), "online")):
            continue
        spelt = result.path.with_name(scenario)
        there = result.inventory.is_directory(spelt)
        yield Breach(
            result.path,
            f"{name} is not how the scenario is spelt",
            found="a name that the official checker "
            + ("has no number of samples for" if apart else "ends in a traceback at"),
            expected=scenario,
            fix="" if there else shlex.join(["mv", shown(result.path), shown(spelt)]),
        )


def _both_runs(model: Model, scenario: str) -> str:
    """The two runs of a scenario that the model lacks, like those of a scenario that it has."""
    if not model.results:
        return ""
    like = replace(model.results[0], path=model.path / scenario)
    return " && ".join(run_again(like, mode) for mode in ("performance", "accuracy"))


@MODEL.rule("required", official("loader.py check_scenarios"))
def required(model: Model) -> Iterator[Breach]:
    """Closed division: the scenarios are those the benchmark has on this kind of system, all required ones among them."""
    system = model.system
    if model.benchmark is None or system.submitter.division == "open" or system.description.value is None:
        return
    scenarios = model.benchmark.scenarios.get(system.kind)
    if scenarios is None:
        yield Breach(
            system.description.path,
            f"{model.benchmark.name} is not submitted on systems of this kind",
            found=f"system_type {system.text('system_type') or 'unknown'}",
            expected=" or ".join(kind.replace("-", ",") for kind in model.benchmark.scenarios),
        )
        return
    there = {result.scenario for result in model.results}
    demonstration = system.demonstration
    for missing in (one for one in scenarios.required if one not in there):
        yield Breach(
            model.path,
            f"the scenario {missing} is missing",
            found=", ".join(sorted(filter(None, there))) or "none",
            expected=f"{', '.join(scenarios.required)} on {system.kind} systems",
            fix=_both_runs(model, missing),
            demonstration=demonstration,
        )
    if scenarios.one_of and not there.intersection(scenarios.one_of):
        yield Breach(model.path, "one scenario is missing", expected=" or ".join(scenarios.one_of))
    for result in model.results:
        if result.scenario and result.scenario not in (*scenarios.required, *scenarios.optional):
            yield Breach(
                result.path,
                f"{model.benchmark.name} has no scenario {result.scenario} on {system.kind} systems",
                found=result.scenario,
                expected=", ".join((*scenarios.required, *scenarios.optional)),
                fix="remove it, or submit it in the open division",
            )
