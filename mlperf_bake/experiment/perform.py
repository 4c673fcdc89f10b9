"""Makes the runs of an experiment that are not there yet, one after the other."""

import subprocess
from collections.abc import Callable, Sequence

from mlperf_bake.errors import Interrupted
from mlperf_bake.experiment.plan import Experiment, PlannedRun
from mlperf_bake.results.run import MANIFEST

_INTERRUPTED = 130


def missing(experiment: Experiment) -> tuple[PlannedRun, ...]:
    """The runs that no complete result is there of; a run that LoadGen called INVALID is one, too."""
    return tuple(run for run in experiment.runs if not (experiment.results / run.run_id / MANIFEST).is_file())


def perform(
    experiment: Experiment, program: Sequence[str], say: Callable[[str], None], *, quiet: bool = False
) -> tuple[PlannedRun, ...]:
    """Makes the missing runs; gives those that left no result, whose own words say why.

    Args:
        program: how this program is called.
        say: gets a line before each run.
        quiet: keep what the runs print from stdout.

    Raises:
        Interrupted: a run was; the same experiment goes on from there.
    """
    experiment.results.mkdir(parents=True, exist_ok=True)
    wanted = missing(experiment)
    for number, run in enumerate(wanted, start=1):
        say(f"[{number}/{len(wanted)}] {run.target}, {run.scenario}, {run.setting}")
        done = subprocess.run(
            [*program, *run.command[:2], "--no-next", *run.command[2:]],
            check=False,
            stdout=subprocess.DEVNULL if quiet else None,
        )
        if done.returncode == _INTERRUPTED:
            raise Interrupted(
                "the experiment was interrupted",
                where=str(experiment.results),
                found=f"{len(experiment.runs) - len(missing(experiment))} of {len(experiment.runs)} runs are made",
                remedy="the same command goes on from there",
            )
    return missing(experiment)
