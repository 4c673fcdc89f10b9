"""Where an accuracy log lies, and what the files beside it say about the run."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import read_responses
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.manifest import Dataset, read_manifest
from mlperf_bake.results.run import ACCURACY, DETAIL, MANIFEST


@dataclass(frozen=True, slots=True)
class Source:
    """An accuracy log and what is known of its run, the data set it read too; None where nothing tells."""

    log: Path
    benchmark: str | None = None
    scenario: str | None = None
    round: str | None = None
    dataset: Dataset | None = None


def open_source(path: Path) -> Source:
    """Finds the log: the path itself, or in a run's directory or its ``accuracy``.

    Benchmark, scenario, round and data set come from our manifest beside it, the scenario also from LoadGen's detail log.

    Raises:
        UsageError: there is no log, or it is not of an accuracy run.
    """
    log = _find(path)
    manifest = log.with_name(MANIFEST)
    if manifest.is_file():
        said = read_manifest(manifest)
        _of_accuracy(said.mode, manifest)
        return Source(log, said.cell.benchmark, said.scenario, said.cell.round, said.dataset)
    detail = log.with_name(DETAIL)
    if detail.is_file():
        logged = read_detail(detail)
        if logged.mode is not None:
            _of_accuracy(logged.mode, detail)
        return Source(log, scenario=logged.scenario)
    return Source(log)


def answered_samples(log: Path) -> frozenset[int]:
    """The samples that a log answers.

    Raises:
        UsageError: it cannot be read to its end, or answers none.
    """
    samples = frozenset(response.qsl_idx for response in read_responses(log))
    if not samples:
        raise UsageError("the log answers no sample", where=str(log), expected="answers, as TEST01 logs them")
    return samples


def _find(path: Path) -> Path:
    if not path.exists():
        raise UsageError(
            "there is no such file or directory",
            where=str(path),
            expected=f"an accuracy run's directory, or its {ACCURACY}",
            remedy="mlperf-bake run TARGET --mode accuracy --data sample --results ./results  makes one",
        )
    if not path.is_dir():
        return path
    for directory in (path, path / "accuracy"):
        if (directory / ACCURACY).is_file():
            return directory / ACCURACY
    below = sorted(filter(_of_accuracy_run, path.glob(f"*/{ACCURACY}")))
    raise UsageError(
        "no accuracy log there",
        where=str(path),
        found=f"{len(below)} in accuracy runs below it" if below else "none",
        expected=f"{ACCURACY}, or a directory with it",
        remedy=f"mlperf-bake accuracy {shlex.quote(str(below[-1].parent))}" if below else None,
    )


def _of_accuracy_run(log: Path) -> bool:
    """Whether it can be read as an accuracy run's, as far as the files beside it tell."""
    try:
        open_source(log)
    except UsageError:
        return False
    return True


def _of_accuracy(mode: str, where: Path) -> None:
    if mode != "accuracy":
        raise UsageError(
            f"the run is not an accuracy run but a {mode} run",
            where=str(where),
            remedy="run the accuracy mode, and give its directory",
        )
