"""The files of a power measurement, as the official client of mlcommons/power-dev leaves them beside a performance run.

``performance/power`` holds what client and server say of the session, ``performance/ranging`` the logs of the first run,
which sets the analyser's ranges, and ``run_1/spl.txt`` the analyser's samples. Here they are placed and counted; ``check``
judges what is in them. The official check allows no other file in ``run_1`` then, so our manifest lies one directory up.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlperf_bake.results.run import DETAIL, MANIFEST, RANGING, SUMMARY
from mlperf_bake.submission.copied import copy_file, files_below

POWER: Final = "power"
RUN: Final = "run_1"
SAMPLES: Final = "spl.txt"
SESSION_FILES: Final = ("client.json", "client.log", "ptd_logs.txt", "server.json", "server.log")


def is_measured(directory: Path) -> bool:
    """Whether a run's own directory, or a result's ``performance/``, holds a power measurement."""
    return (directory / POWER).is_dir()


def place_power(run: Path, performance: Path) -> None:
    """Copies the measurement that lies in a run's own directory to a result's ``performance/``.

    Raises:
        UsageError: a link or special file among the files, or one that cannot be read.
    """
    for name in (POWER, RANGING):
        for source in files_below(run / name, run):
            copy_file(source.path, performance / name / source.name)
    if (run / SAMPLES).is_file():
        copy_file(run / SAMPLES, performance / RUN / SAMPLES)
    (performance / RUN / MANIFEST).replace(performance / MANIFEST)


def manifest_of(performance: Path) -> Path:
    """Where the manifest of a result's performance run lies, if there is one."""
    return performance / MANIFEST if is_measured(performance) else performance / RUN / MANIFEST


def missing_files(performance: Path) -> Iterator[str]:
    """The files of a measurement that a result's ``performance/`` lacks, or that are empty."""
    wanted = [f"{POWER}/{name}" for name in SESSION_FILES]
    wanted += [f"{run}/{name}" for run in (RANGING, RUN) for name in (DETAIL, SUMMARY, SAMPLES)]
    for name in wanted:
        path = performance / name
        if not path.is_file() or path.stat().st_size == 0:
            yield name
