"""The commands whose runs complete what is there to a result. Pure: runs in, commands out."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from mlperf_bake.program import shown
from mlperf_bake.results.manifest import Manifest
from mlperf_bake.results.run import Run
from mlperf_bake.results.volume import VOLUME_PREFIX
from mlperf_bake.rounds import DEFAULT_ROUND

MODES = ("performance", "accuracy")
SAMPLE = "sample"
"""The word by which `run --data` takes the labelled sample data that a model of the matrix names."""


def completing_commands(runs: Sequence[Run]) -> tuple[str, ...]:
    """What to type so that a run's cell and scenario get a performance and an accuracy run that go together: those of the
    run that lacks least, of equal ones the newest that LoadGen does not call INVALID: the same command would be it again.

    Args:
        runs: complete ones in order of their start; may be empty, then the commands are for any target.
    """
    if not runs:
        return tuple(
            f"mlperf-bake run TARGET --scenario Offline --mode {mode} --data {SAMPLE}" for mode in MODES
        )
    there = [run.manifest for run in runs]
    lacking = [(run, missing_modes(there, run.manifest) or MODES) for run in reversed(runs)]
    nearest, missing = min(lacking, key=lambda one: (len(one[1]), _invalid(one[0].manifest)))
    data = data_of(nearest.manifest)
    return tuple(run_command(nearest.manifest, mode, data, results_of(nearest)) for mode in missing)


def missing_modes(there: Sequence[Manifest], newest: Manifest) -> tuple[str, ...]:
    """Which of the two runs of a result are not there for the cell, scenario, image, class and data of the newest one."""
    data = data_of(newest)
    found = {one.mode for one in there if _goes_with(one, newest, data)}
    return tuple(mode for mode in MODES if mode not in found)


def run_command(
    manifest: Manifest, mode: str, data: str, results: str, *options: str, round_name: str = ""
) -> str:
    """``mlperf-bake run`` for the cell, the scenario and the class of a run, in its round or another one."""
    words = ["mlperf-bake", "run", manifest.cell.id, "--scenario", manifest.scenario, "--mode", mode]
    words += round_option(round_name or manifest.cell.round)
    words += ["--data", data, *(("--results", results) if results else ())]
    if manifest.backend.own_class and "--class" not in options:
        words += ["--class", manifest.backend.own_class]
    return shlex.join([*words, *options])


def round_option(round_name: str) -> list[str]:
    """``--round NAME`` as commands need it; nothing for the round that they take by themselves."""
    return [] if round_name == DEFAULT_ROUND else ["--round", round_name]


def data_of(manifest: Manifest) -> str:
    """What `run --data` takes for the same data; for generated samples, which have no labels, the model's own."""
    dataset = manifest.dataset
    return SAMPLE if dataset is None or dataset.synthetic or not dataset.name else dataset.name


def results_of(run: Run) -> str:
    """What `run --results` takes to put another run beside this one; empty for a tar file."""
    if run.place.startswith(VOLUME_PREFIX):
        return run.place.removeprefix(VOLUME_PREFIX)
    if not run.directory.resolve().is_relative_to(Path(run.place).resolve()):
        return ""
    directory = shown(run.directory.resolve().parent)
    return directory if "/" in directory else f"./{directory}"


def _invalid(one: Manifest) -> bool:
    return one.result is not None and one.result.validity == "INVALID"


def _goes_with(one: Manifest, newest: Manifest, data: str) -> bool:
    return (
        (one.cell.id, one.scenario, one.fingerprint) == (newest.cell.id, newest.scenario, newest.fingerprint)
        and (one.dataset is not None and not one.dataset.synthetic and one.dataset.name == data)
        and one.backend == newest.backend
        and not (one.mode == "performance" and (one.result is None or one.result.validity != "VALID"))
    )
