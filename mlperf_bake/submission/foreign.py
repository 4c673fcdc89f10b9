"""Results that other programs than ours left: LoadGen's logs and files, without a manifest to explain them.

What they are is read from LoadGen's detail log (scenario, mode, version, seeds) and from where they lie; nothing else
is taken for known. Values only: ``foreign_tree`` and ``foreign_runs`` find them, ``placing`` lays them out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.results.run import LeftOut
from mlperf_bake.rounds import ModelRules, Round, load_round, round_names
from mlperf_bake.submission.copied import Source, folded
from mlperf_bake.submission.layout import Owner
from mlperf_bake.submission.selection import ResultKey


class Area(StrEnum):
    """The parts of a result that a round's layout places by themselves."""

    RESULTS = "results"
    MEASUREMENTS = "measurements"
    COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a result and the area it belongs to; its name is relative to the result's directory there."""

    area: Area
    source: Source


@dataclass(frozen=True, slots=True)
class ForeignResult:
    """One result.

    Attributes:
        owner: division and submitter.
        key: system, model and scenario.
        benchmark: what the model stands for in the round.
        performance: the detail log of its performance run.
        parts: all its files but the measurements' JSON.
        measurements: the content of that JSON; empty where there is none.
        place: where the user has it.
        remarks: what is to be said of it besides.
    """

    owner: Owner
    key: ResultKey
    benchmark: ModelRules
    performance: DetailLog
    parts: tuple[Part, ...]
    measurements: Mapping[str, object]
    place: str
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.owner}/{self.key}"


def round_of(detail: DetailLog) -> str | None:
    """The round whose seeds a log has; None for seeds of no round known here."""
    return next((name for name in round_names() if _has_seeds(detail, load_round(name))), None)


def _has_seeds(detail: DetailLog, rules: Round) -> bool:
    return all(detail.integer(f"effective_{name}") == value for name, value in rules.seeds.items())


def other_round(detail: DetailLog, rules: Round) -> str | None:
    """What to say of a log whose seeds are not the round's; None where they are.

    A result keeps its seeds wherever it is placed: in another round's tree it is no result of that round.
    """
    if _has_seeds(detail, rules):
        return None
    named = round_of(detail)
    whose = f"the seeds of {named}" if named else "seeds of no round known here"
    return f"measured with {whose}: kept as it is, and no valid result of {rules.name}"


def one_each(
    results: Iterable[ForeignResult], taken: Iterable[str]
) -> tuple[tuple[ForeignResult, ...], tuple[LeftOut, ...]]:
    """The results whose names no other has, not even in another case or spelling; the first of two counts.

    Args:
        taken: names that are given already, as ``str`` of a result.
    """
    names = {folded(name): name for name in taken}
    kept: list[ForeignResult] = []
    left_out: list[LeftOut] = []
    for result in results:
        name = str(result)
        first = names.get(folded(name))
        if first is None:
            names[folded(name)] = name
            kept.append(result)
        else:
            why = (
                "this result is given twice"
                if first == name
                else f"its name differs from {first} only in case"
            )
            left_out.append(LeftOut(name, result.place, why))
    return tuple(kept), tuple(left_out)
