"""The commands that mend what a rule has found, spelt out with the names of the tree, so that they can be pasted."""

import shlex

from mlperf_bake.check.tree import Log, Result, System
from mlperf_bake.submission.completing import SAMPLE, data_of, round_option, run_command
from mlperf_bake.submission.describing import describing_command, file_to_fill


def run_again(result: Result, mode: str, *options: str, data: str = "") -> str:
    """Another run of the result's cell and scenario.

    Args:
        mode: ``performance`` or ``accuracy``.
        options: of ``mlperf-bake run``.
        data: what it takes as data; empty: what the result's runs took.
    """
    if result.manifests:
        manifest = result.manifests[0]
        taken = data or data_of(manifest)
        return run_command(manifest, mode, taken, "", *options, round_name=result.rules.name)
    words = ["mlperf-bake", "run", result.model.name, "--scenario", result.scenario or result.path.name]
    given = [*round_option(result.rules.name), *options]
    return shlex.join([*words, "--mode", mode, "--data", data or SAMPLE, *given])


def again(log: Log, *options: str) -> str:
    """Another run in place of a performance log: the result's own, or the compliance test that the log is of."""
    return (
        run_again(log.result, "performance", *options)
        if log.kind == "performance"
        else make_tests(log.result)
    )


def long_enough(log: Log, seconds: int) -> str:
    """A run of at least ``seconds`` in place of a log of a short one.

    Where the short one took a part of the official data set, that is prepared first: longer on the same few samples would be a
    demonstration still.
    """
    used = next((manifest.dataset for manifest in log.result.manifests if manifest.dataset), None)
    if log.kind == "performance" and used and used.official_count and used.count < used.official_count:
        return prepare_official_data(log.result, "performance")
    return again(log, "--duration", str(seconds))


def make_tests(result: Result) -> str:
    """The compliance tests of the result's cell and scenario, made and judged."""
    manifest = result.manifests[0] if result.manifests else None
    target, data = (manifest.cell.id, data_of(manifest)) if manifest else (result.model.name, SAMPLE)
    scenario = result.scenario or result.path.name
    words = ["mlperf-bake", "compliance", target, "--scenario", scenario, "--data", data]
    return f"{shlex.join([*words, *round_option(result.rules.name)])}  # then collect its results"


def prepare_official_data(result: Result, mode: str) -> str:
    """The official data set for the result's model, where one that is prepared in the same way is known, and a run."""
    from mlperf_bake.datasets.declared import UserDirectory, datasets

    used = next((manifest.dataset for manifest in result.manifests if manifest.dataset), None)
    official = [
        dataset
        for dataset in datasets().values()
        if used
        and used.preprocessing in dataset.preprocessings
        and dataset.count == dataset.official_count == used.official_count
    ]
    if not official:
        return "prepare the official data set, and run both modes again with --data"
    own = ["--from", "DIRECTORY"] if isinstance(official[0].source, UserDirectory) else []
    prepare = ["mlperf-bake", "data", "prepare", official[0].name, "--for", result.model.name, *own]
    return f"{shlex.join(prepare)} && {run_again(result, mode, data=official[0].name)}"


def tune(result: Result) -> str:
    """The search for a setting with which LoadGen calls a run of this kind VALID."""
    manifest = result.manifests[0] if result.manifests else None
    target, data = (manifest.cell.id, data_of(manifest)) if manifest else (result.model.name, SAMPLE)
    scenario = result.scenario or result.path.name
    words = ["mlperf-bake", "tune", "--target", target, "--scenario", scenario, "--data", data]
    return shlex.join([*words, *round_option(result.rules.name)])


def build(result: Result, target: str) -> str:
    """An image of the tree's round."""
    return shlex.join(["mlperf-bake", "build", target, *round_option(result.rules.name)])


def describe(system: System) -> str:
    """What to do once the file beside the tree is filled in."""
    root = system.submitter.tree.root
    command = describing_command(root, system.submitter.name, system.name, system.submitter.tree.rules.name)
    return f"fill in {file_to_fill(root, system.submitter.name, system.name)}, then {shlex.join(command)}"
