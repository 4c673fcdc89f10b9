"""What an experiment found: of each target, scenario and setting the median of its repeats, and each repeat against the same
repeat of the first one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from mlperf_bake.comparison.comparing import Compared, compare, ratio
from mlperf_bake.comparison.measured import Measured, measured
from mlperf_bake.comparison.pairs import Pairs, pairs
from mlperf_bake.experiment.plan import Experiment, PlannedRun
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import MANIFEST
from mlperf_bake.rounds import Round


@dataclass(frozen=True, slots=True)
class Found:
    """The repeats of one target with one setting in one scenario.

    Attributes:
        run: one of its runs.
        compared: the median of the repeats against the first of its benchmark and scenario; its ratio is that of ``pairs``.
        lowest, highest: of the repeats, in the figure's unit; None without figures.
        repeats: how many runs that are.
        pairs: each repeat against the same repeat of the first; None for the first itself, and where there is no ratio.
    """

    run: PlannedRun
    compared: Compared
    lowest: float | None
    highest: float | None
    repeats: int
    pairs: Pairs | None


@dataclass(frozen=True, slots=True)
class _Kind:
    """Target, scenario and setting: the repeats that are there, by their number."""

    run: PlannedRun
    repeats: Mapping[int, Measured]


def outcome(experiment: Experiment, scratch: Path, rules: Round) -> tuple[tuple[Found, ...], ...]:
    """Groups of one benchmark and scenario, in the experiment's order; runs that are not there are left out."""
    there: dict[tuple[str, str, str], dict[int, Measured]] = {}
    runs: dict[tuple[str, str, str], PlannedRun] = {}
    for number, (run, place) in enumerate(_there(experiment)):
        copy = scratch / str(number)
        copy.mkdir()
        rows, _ = measured([place], copy, rules)
        for row in rows:
            what = (run.target, run.scenario, run.setting)
            runs.setdefault(what, run)
            there.setdefault(what, {})[run.repeat] = row
    order = dict.fromkeys((run.target, run.scenario, run.setting) for run in experiment.runs)
    kinds = [_Kind(runs[what], there[what]) for what in order if what in there]
    medians = {_median(kind): kind for kind in kinds}
    return tuple(
        tuple(_found(compared, medians[compared.measured], medians[group[0].measured]) for compared in group)
        for group in compare(list(medians))
    )


def _there(experiment: Experiment) -> Iterator[tuple[PlannedRun, DirectoryPlace]]:
    for run in experiment.runs:
        directory = experiment.results / run.run_id
        if (directory / MANIFEST).is_file():
            yield run, DirectoryPlace(directory)


def _median(kind: _Kind) -> Measured:
    """The first repeat with the median figure; VALID only if all are."""
    rows = list(kind.repeats.values())
    figures = [row.figure for row in rows if row.figure]
    invalid = next((row for row in rows if row.validity != "VALID"), rows[0])
    if len(figures) != len(rows):
        return replace(invalid, figure=None)
    return replace(invalid, figure=replace(figures[0], value=median(figure.value for figure in figures)))


def _found(compared: Compared, kind: _Kind, first: _Kind) -> Found:
    values = [row.figure.value for row in kind.repeats.values() if row.figure]
    lowest, highest = (min(values), max(values)) if values else (None, None)
    both = None if kind is first else _pairs(first, kind)
    compared = replace(compared, ratio=both.ratio) if both else compared
    return Found(kind.run, compared, lowest, highest, len(kind.repeats), both)


def _pairs(first: _Kind, other: _Kind) -> Pairs | None:
    """The repeats that both have."""
    ratios = [
        ratio(first.repeats[number], row) for number, row in other.repeats.items() if number in first.repeats
    ]
    known = [one for one in ratios if one is not None]
    return pairs(known) if known else None
