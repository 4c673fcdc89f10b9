"""What an experiment found: of each target, scenario and setting the median of its repeats, against the first one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from mlperf_bake.comparison.comparing import Compared, compare
from mlperf_bake.comparison.measured import Measured, measured
from mlperf_bake.experiment.plan import Experiment, PlannedRun
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.rounds import Round


@dataclass(frozen=True, slots=True)
class Found:
    """The repeats of one target with one setting in one scenario.

    Attributes:
        compared: the median of the repeats against that of the first of its benchmark and scenario.
        lowest, highest: of the repeats, in the figure's unit; None without figures.
        repeats: how many runs that are.
    """

    target: str
    setting: str
    compared: Compared
    lowest: float | None
    highest: float | None
    repeats: int


def outcome(experiment: Experiment, scratch: Path, rules: Round) -> tuple[tuple[Found, ...], ...]:
    """Groups of one benchmark and scenario, in the experiment's order; runs that are not there are left out."""
    kinds: dict[tuple[str, str, str], list[Measured]] = {}
    for number, (run, place) in enumerate(_there(experiment)):
        copy = scratch / str(number)
        copy.mkdir()
        rows, _ = measured([place], copy, rules)
        kinds.setdefault((run.target, run.scenario, run.setting), []).extend(rows)
    medians = {_median(rows): (kind, rows) for kind, rows in kinds.items() if rows}
    return tuple(
        tuple(_found(compared, *medians[compared.measured]) for compared in group)
        for group in compare(list(medians))
    )


def _there(experiment: Experiment) -> Iterator[tuple[PlannedRun, DirectoryPlace]]:
    for run in experiment.runs:
        directory = experiment.results / run.run_id
        if (directory / MANIFEST).is_file():
            yield run, DirectoryPlace(directory)


def _median(rows: Sequence[Measured]) -> Measured:
    """The first repeat with the median figure; VALID only if all are."""
    figures = [row.figure for row in rows if row.figure]
    invalid = next((row for row in rows if row.validity != "VALID"), rows[0])
    if len(figures) != len(rows):
        return replace(invalid, figure=None)
    return replace(invalid, figure=replace(figures[0], value=median(figure.value for figure in figures)))


def _found(compared: Compared, kind: tuple[str, str, str], rows: Sequence[Measured]) -> Found:
    values = [row.figure.value for row in rows if row.figure]
    lowest, highest = (min(values), max(values)) if values else (None, None)
    return Found(kind[0], kind[2], compared, lowest, highest, len(rows))
