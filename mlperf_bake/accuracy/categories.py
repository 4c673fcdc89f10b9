"""Hierarchical F1 of product categories (qwen3-vl-235b-a22b).

A response is a JSON text with ``category`` (levels parted by `` > ``), ``brand`` and ``is_secondhand``; one that is
not counts as all levels wrong. The ground truth has a column ``ground_truth_category``. Score and line are those of
MLCommons' mlperf_inf_mm_q3vl: levels right from the top, over all samples together.
"""

import json
from pathlib import Path
from typing import Final

from mlperf_bake.accuracy.measured import Given, Measured, known, ratio_interval
from mlperf_bake.accuracy.records import read_records, texts
from mlperf_bake.results.accuracy_log import Response

SEPARATOR: Final = " > "


def measure(log: Path, given: Given) -> Measured:
    """The hierarchical F1, as a share of 1.

    Raises:
        UsageError: no such column, or a log that does not answer each sample.
    """
    truth = given.path()
    right = texts(read_records(truth), truth, "ground_truth_category")
    answers = given.answers(log, len(right), f"records of {truth.name}")
    common: list[int] = []
    levels_of_both: list[int] = []
    unreadable = 0
    for answer in answers:
        levels = _levels(right[answer.qsl_idx])
        said = category(answer)
        unreadable += said is None
        guessed = _levels(said) if said is not None else ["?"] * len(levels)
        common.append(2 * agreeing(guessed, levels) if said is not None else 0)
        levels_of_both.append(len(guessed) + len(levels))
    value = sum(common) / sum(levels_of_both)
    return Measured(
        samples=answers.count,
        figures={"F1_HIERARCHICAL": value},
        line=json.dumps({"f1": value}),
        intervals=known(F1_HIERARCHICAL=ratio_interval(common, levels_of_both, unit=1)),
        repeated=answers.repeated,
        also={"answers that are not of the asked form": unreadable},
    )


def category(answer: Response) -> str | None:
    """The category that a response names; None where it is not of the asked form."""
    try:
        found = json.loads(answer.data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    said = found.get("category")
    if (
        not isinstance(said, str)
        or not isinstance(found.get("brand"), str)
        or not _is_bool(found.get("is_secondhand"))
    ):
        return None
    return said


def agreeing(guessed: list[str], levels: list[str]) -> int:
    """How many levels agree from the top on."""
    for place, (one, other) in enumerate(zip(guessed, levels, strict=False)):
        if one != other:
            return place
    return min(len(guessed), len(levels))


def _is_bool(value: object) -> bool:
    """As pydantic reads one: true, false, 0, 1, and the usual words."""
    words = ("true", "false", "yes", "no", "y", "n", "t", "f", "on", "off", "0", "1")
    return isinstance(value, bool) or value in (0, 1) or (isinstance(value, str) and value.lower() in words)


def _levels(path: str) -> list[str]:
    return [level.strip() for level in path.split(SEPARATOR)]
