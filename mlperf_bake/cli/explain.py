"""`explain`: how a target resolves, what is known of its cell, and what to type next; the rules behind it last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.listing import cell_row
from mlperf_bake.cli.options import Json, RoundName, TargetOptions
from mlperf_bake.cli.output import print_json, print_line, print_prose, print_table
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.matrix.targets import Resolution
    from mlperf_bake.matrix.values import Cell, Model
    from mlperf_bake.project import Project
    from mlperf_bake.proof.standing import Standing


def explain(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="Names joined by -, axes left out.", show_default=False)
    ] = "",
    target_option: TargetOptions = None,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Show how a target resolves, or which rule forbids it."""
    from mlperf_bake.matrix.targets import resolve
    from mlperf_bake.models.names import require_known_assets
    from mlperf_bake.project import open_project
    from mlperf_bake.proof.standing import standings

    target = _one(target, target_option or [])
    project = open_project(round_name=round_name)
    resolution = resolve(project.matrix, target)
    cell = resolution.cell
    require_known_assets(project.matrix, (cell.model,))
    standing = standings(project, (cell,))[cell]
    if json:
        _print_json(project, target, resolution, standing)
        return
    print_line(f"{target} is {cell.id}")
    print_prose(_seen(cell, standing))
    print_prose(_next(project, cell, target, round_name))
    print_line()
    _print_axes(project, resolution)
    print_line()
    model = project.matrix.models[cell.model]
    print_prose(
        f"benchmark {model.benchmark}, {model.division} division, {model.precision}, weights {model.weights.file}"
    )
    print_prose(_in_round(project, cell))
    if wanted := _wanted_scenarios(project, cell):
        print_prose(wanted)
    _say_data(model)
    if rules := [rule for rule in project.matrix.rules if cell.value(rule.axis) == rule.name]:
        print_line()
        print_line("rules that chose among the values:")
    for rule in rules:
        print_prose(f"{rule.name} needs {rule.other} {rule.choices}: {rule.because}")


def _one(target: str, options: list[str]) -> str:
    """The one target that was given, as argument or option. Errors: UsageError for none, and for several."""
    given = [*filter(None, [target]), *options]
    if len(given) == 1:
        return given[0]
    raise UsageError(
        "one target at a time" if given else "TARGET is missing",
        found=" ".join(given) or None,
        remedy="mlperf-bake explain TARGET, such as resnet50-arm",
    )


def _seen(cell: Cell, standing: Standing) -> str:
    """How far the cell was seen to come, where and when, and whether that is so of the cell as it is now."""
    proof = standing.proof
    if proof is None:
        return f"seen: never run; mlperf-bake prove {cell.id}"
    facts = (
        standing.words if proof.stages else proof.qualified,
        f"not built {' '.join(proof.stages_left)}" if proof.stages_left else "",
        f"{proof.accuracy} right" if proof.accuracy else "",
        "" if proof.stages else ", ".join(proof.scenarios) or "no scenario",
        proof.date,
        proof.machine,
        f"image {proof.image}" if proof.image else "",
    )
    outdated = f" ({standing.told}: {standing.why_not})" if standing.why_not else ""
    return f"seen{outdated}: " + ", ".join(filter(None, facts))


def _next(project: Project, cell: Cell, target: str, round_name: str) -> str:
    """The command that builds it, or why there is none."""
    followed = project.round_of(cell)
    if followed is None or followed.loadgen is None:
        return f"cannot be built: {_in_round(project, cell)}"
    model = project.matrix.models[cell.model]
    gives = (
        model.weights.kind == "given" and project.matrix.implementations[cell.implementation].source is None
    )
    return (
        f"next: mlperf-bake build --target {target}"
        + (" --context weights=DIR" if gives else "")
        + (f" --round {round_name}" if round_name else "")
    )


def _print_axes(project: Project, resolution: Resolution) -> None:
    from mlperf_bake.matrix.values import AXES

    cell, matrix = resolution.cell, project.matrix
    titles = {
        "model": matrix.models[cell.model].title,
        "implementation": matrix.implementations[cell.implementation].title,
        "framework": matrix.frameworks[cell.framework].title,
        "hardware": matrix.hardware[cell.hardware].title,
        "os": matrix.os[cell.os].title,
    }
    print_table(
        ("AXIS", "VALUE", "CHOSEN", "WHAT IT IS"),
        [
            (
                axis,
                cell.value(axis),
                "by you" if axis in resolution.given else "first that fits",
                titles[axis],
            )
            for axis in AXES
        ],
        least=("CHOSEN",),
    )


def _print_json(project: Project, target: str, resolution: Resolution, standing: Standing) -> None:
    cell = resolution.cell
    rules = [rule for rule in project.matrix.rules if cell.value(rule.axis) == rule.name]
    print_json(
        {
            "target": target,
            "round": project.round_name,
            "cell": cell_row(project, cell, standing),
            "given": {str(axis): name for axis, name in resolution.given.items()},
            "filled": {str(axis): name for axis, name in resolution.filled.items()},
            "rules": [
                {
                    "axis": rule.axis,
                    "name": rule.name,
                    "needs": rule.other,
                    "allowed": sorted(rule.allowed),
                    "because": rule.because,
                }
                for rule in rules
            ],
        }
    )


def _say_data(model: Model) -> None:
    """How the weights and the data of a model are had, where they do not come by themselves."""
    if model.weights.supply:
        print_line(f"weights, which whoever builds gives: {model.weights.supply}")
    if model.network is None:
        print_prose("data: as its reference implementation reads them, mounted at /data")
        return
    from mlperf_bake.datasets.declared import UserDirectory, find_dataset

    prepare = f"mlperf-bake data prepare {model.sample_data} --for {model.name}"
    source = find_dataset(model.sample_data).source
    if isinstance(source, UserDirectory):
        print_line(f"data, which only you may have ({source.holds}): {prepare} --from DIRECTORY")
    else:
        print_line(f"sample data: {prepare}")


def _wanted_scenarios(project: Project, cell: Cell) -> str:
    """What the round asks of a result of the cell's benchmark in the closed division; empty where it has none."""
    rules = project.round_of(cell)
    benchmark = rules.models.get(project.matrix.models[cell.model].benchmark) if rules else None
    if benchmark is None:
        return ""
    asked = [
        f"{kind}: {', '.join(scenarios.required)}"
        for kind, scenarios in benchmark.scenarios.items()
        if scenarios.required
    ]
    tests = benchmark.compliance_tests
    told = [f"scenarios of {'; '.join(asked)}"] if asked else []
    told += [f"compliance tests {', '.join(tests)}"] if tests else []
    return f"a closed submission needs: {'; '.join(told)}" if told else ""


def _in_round(project: Project, cell: Cell) -> str:
    """The LoadGen that the cell is built with in the round, or why it cannot be built for it."""
    from mlperf_bake.rounds.benchmarks import rounds_with

    rules = project.round_of(cell)
    if rules is None:
        others = rounds_with(project.matrix.models[cell.model].benchmark)
        where = f"only {', '.join(others)}; give --round {others[0]}" if others else "nor does any other"
        return f"round {project.round_name} does not have this benchmark, {where}"
    if rules.loadgen is None:
        return f"round {rules.name}: no image can be built, since {rules.loadgen_absent}"
    return f"round {rules.name}, LoadGen {rules.loadgen.version}"
