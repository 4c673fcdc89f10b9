"""mixtral-8x7b: ROUGE on Open Orca and right answers on GSM8K; programs of MBXP are not run here.

The ground truth has the columns ``dataset`` (OpenOrca, GSM8K, MBXP) and ``gt_output``, as MLCommons' data set has.
Scores and line are those of its evaluate-accuracy.py.
"""

import re
from pathlib import Path
from typing import Final

from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval, share_interval
from mlperf_bake.accuracy.records import read_records, texts
from mlperf_bake.accuracy.rouge import METRIC, generation, judge, read_texts
from mlperf_bake.accuracy.sentences import ABSENT, english_sentences
from mlperf_bake.errors import UsageError

MBXP_UNMEASURED: Final = (
    "its programs, in several languages, would have to be run; MLCommons' evaluate_mbxp.py does that"
)
_NUMBER: Final = re.compile(r"-?[\d,]*\.?\d+")
_DELIMITER: Final = "The answer is"
_SETS: Final = ("OpenOrca", "GSM8K", "MBXP")


def measure(log: Path, given: Given) -> Measured:
    """ROUGE, GSM8K and tokens a sample of a log.

    Raises:
        UsageError: see ``rouge.summaries``; also samples of another data set.
    """
    truth = given.path()
    sets = texts(read_records(truth), truth, "dataset")
    for number, name in enumerate(sets):
        if name not in _SETS:
            said = f'record {number}: "{name}"'
            raise UsageError("an unknown data set", where=str(truth), found=said, expected=", ".join(_SETS))
    found = read_texts(log, given, "int64", "gt_output")
    of = {
        name: [pair for pair, sample in zip(found.pairs, found.order, strict=True) if sets[sample] == name]
        for name in _SETS
    }
    scores, length = judge(of["OpenOrca"], english_sentences()) if of["OpenOrca"] else ({}, None)
    line: dict[str, object] = {kind: round(sum(values) / len(values), 4) for kind, values in scores.items()}
    figures = {METRIC[kind]: sum(values) / len(values) for kind, values in scores.items()}
    intervals = known(**{METRIC[kind]: mean_interval(values) for kind, values in scores.items()})
    unmeasured = {"mbxp_accuracy": MBXP_UNMEASURED}
    if "ROUGELSUM" not in figures:
        unmeasured["ROUGELSUM"] = ABSENT
    if problems := of["GSM8K"]:
        right = sum(same_number(pair.generated, pair.target) for pair in problems)
        figures["gsm8k_accuracy"] = 100 * right / len(problems)
        intervals = {**intervals, "gsm8k_accuracy": share_interval(right, len(problems))}
        line["gsm8k"] = figures["gsm8k_accuracy"]
    if length is not None:
        line["gen_len"] = length
    figures["TOKENS_PER_SAMPLE"] = found.tokens / len(found.pairs)
    return Measured(
        samples=found.samples,
        figures=figures,
        line=str(line | generation(found)),
        unmeasured=unmeasured,
        intervals=intervals,
        repeated=found.repeated,
    )


def same_number(generated: str, target: str) -> bool:
    """Whether the answer to a GSM8K problem is the right number: the first after the last ``The answer is``, else the
    last of all, before the next question."""
    text = generated.split("\nQ:")[0]
    said = text.rpartition(_DELIMITER)[2]
    found = _NUMBER.findall(said) if _DELIMITER in text else []
    number = found[0] if found else (_NUMBER.findall(text) or [""])[-1]
    try:
        return float(number.replace(",", "")) == float(target)
    except ValueError:
        return False
