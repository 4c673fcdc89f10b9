"""llama3.1-405b: ROUGE-L, needles found and questions answered in long texts, each sample by one of the three.

The ground truth has the columns ``gt_output`` and ``metric`` (rouge, niah_em or qa_em), as MLCommons' data set has.
Scores and line are those of its evaluate-accuracy.py: ROUGE-L over the samples of rouge, exact match over the others.
"""

import re
from pathlib import Path
from typing import Final

from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval
from mlperf_bake.accuracy.records import read_records, texts
from mlperf_bake.accuracy.rouge import Pair, generation, judge, read_texts
from mlperf_bake.accuracy.sentences import ABSENT, Split, english_sentences, one_a_line
from mlperf_bake.errors import UsageError

_NEEDLE: Final = re.compile(r"\w{8}-\w{4}-\w{4}-\w{4}-\w{12}")
_ANSWER: Final = "Answer: "
_KINDS: Final = ("rouge", "niah_em", "qa_em")
_NAMES: Final = {"ROUGEL": "rougeL", "exact_match": "exact_match"}
"""Metric to its name in the line."""


def measure(log: Path, given: Given) -> Measured:
    """ROUGE-L, exact match and tokens a sample of a log.

    Raises:
        UsageError: see ``rouge.summaries``; also a sample to be judged in another way.
    """
    truth = given.path()
    kinds = _kinds(truth)
    found = read_texts(log, given, "int64", "gt_output")
    split = english_sentences()
    judged = [(pair, kinds[sample]) for pair, sample in zip(found.pairs, found.order, strict=True)]
    summaries = [pair for pair, kind in judged if kind == "rouge"]
    scores = {"ROUGEL": judge(summaries, split)[0]["rougeL"]}
    unmeasured = {}
    if split is None:
        unmeasured["exact_match"] = ABSENT
    else:
        scores["exact_match"] = [_exact(pair, kind, split) for pair, kind in judged if kind != "rouge"]
    unmeasured |= {metric: "no sample is judged by it" for metric, values in scores.items() if not values}
    figures = {metric: sum(values) / len(values) for metric, values in scores.items() if values}
    line: dict[str, object] = {_NAMES[metric]: value for metric, value in figures.items()}
    return Measured(
        samples=found.samples,
        figures={**figures, "TOKENS_PER_SAMPLE": found.tokens / len(found.pairs)},
        line=str(line | generation(found)),
        unmeasured=unmeasured,
        intervals=known(**{metric: mean_interval(values) for metric, values in scores.items()}),
        repeated=found.repeated,
    )


def needles(generated: str, target: str) -> float:
    """How far the identifiers found are those hidden, in per cent: per pair, the share of the hidden one's characters
    that the found one has; 0 where none was found."""
    found, hidden = _NEEDLE.findall(generated), _NEEDLE.findall(target)
    if not found:
        return 0.0
    shares = [
        sum(character.lower() in one.lower() for character in other) / len(other)
        for one, other in zip(found, hidden, strict=False)
    ]
    return round(100 * sum(shares) / len(found), 2)


def answered(generated: str, target: str) -> float:
    """100 where what follows the last ``Answer: `` is part of the target, or holds one of its ``|``-parted answers."""
    answer = generated.rpartition(_ANSWER)[2]
    if answer in target:
        return 100.0
    squeezed = "".join(answer.split()).lower()
    return 100.0 if any("".join(right.split()).lower() in squeezed for right in target.split("|")) else 0.0


def _exact(pair: Pair, kind: str, split: Split) -> float:
    generated, target = one_a_line(pair.generated, split), one_a_line(pair.target, split)
    return needles(generated, target) if kind == "niah_em" else answered(generated, target)


def _kinds(truth: Path) -> list[str]:
    """How each sample is to be judged."""
    kinds = texts(read_records(truth), truth, "metric")
    for number, kind in enumerate(kinds):
        if kind not in _KINDS:
            said = f'record {number}: "{kind}"'
            raise UsageError(
                "an unknown way to judge", where=str(truth), found=said, expected=", ".join(_KINDS)
            )
    return kinds
