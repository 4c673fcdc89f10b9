"""Exact match of reasoning models (deepseek-r1, gpt-oss-120b), as far as answers can be judged without running them.

The ground truth has the columns ``dataset`` and ``ground_truth`` (or ``gt_output``). Choices (GPQA, MMLU-Pro) and
numbers (AIME) are judged here, by the rules of MLCommons' eval_accuracy.py. Programs (LiveCodeBench) would have to be
run, and formulas (MATH-500) need the PRM800K grader: for these, an optional column ``correct`` (true or false) may say
what MLCommons' script found. Where it is missing there is no exact match, only the share of what could be judged.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlperf_bake.accuracy.final_answers import harmony_letter, letter, number
from mlperf_bake.accuracy.generated import Generated
from mlperf_bake.accuracy.measured import Given, Measured, known, share_interval
from mlperf_bake.accuracy.records import read_records, texts
from mlperf_bake.errors import UsageError
from mlperf_bake.results.confidence import Interval

Letter = Callable[[str, str], str | None]

_REPEATS: Final = {"aime25": 8, "gpqa_diamond": 5, "livecodebench_v6": 3}
"""How often gpt-oss-120b is asked each question of a data set; its score weighs a data set's answers by one over this."""
_ELSEWHERE: Final = {
    "livecodebench": "its programs would have to be run",
    "math500": "it needs the PRM800K grader",
}
_CORRECT: Final = "correct"


@dataclass(frozen=True, slots=True)
class Sample:
    """One question: the data set it is from, the right answer, and what another judge said of this run."""

    dataset: str
    answer: str
    judged: bool | None


def deepseek_r1(log: Path, given: Given) -> Measured:
    """Exact match and tokens a sample; every answer counts the same.

    Raises:
        UsageError: no ground truth, no tokenizer, a data set nobody can judge, or a log that does not answer each.
    """
    return _measure(log, given, letter, special=False, weights={}, as_mapping=True)


def gpt_oss(log: Path, given: Given) -> Measured:
    """The same for gpt-oss-120b, whose final channel counts and whose data sets are weighed by their repeats."""
    weights = {name: 1 / count for name, count in _REPEATS.items()}
    return _measure(log, given, harmony_letter, special=True, weights=weights, as_mapping=False)


@dataclass(slots=True)
class _Tally:
    """Verdicts by data set, as they come."""

    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    unjudged: Counter[str] = field(default_factory=Counter)

    def add(self, dataset: str, verdict: bool | None) -> None:
        if verdict is None:
            self.unjudged[dataset] += 1
            return
        self.total[dataset] += 1
        self.right[dataset] += verdict

    def exact_match(self, weights: Mapping[str, float]) -> float:
        """Right answers of all, in per cent; an answer weighs 1 where its data set has no weight."""
        weight = {name: weights.get(name, 1.0) for name in self.total}
        right = sum(weight[name] * self.right[name] for name in self.total)
        return 100 * right / sum(weight[name] * self.total[name] for name in self.total)

    def interval(self) -> Interval:
        """Of the exact match where all answers weigh the same."""
        return share_interval(self.right.total(), self.total.total())

    def unmeasured(self) -> str:
        """Why there is no exact match; empty where there is one."""
        if not self.unjudged:
            return ""
        reasons = (f"{name} ({count}): {_reason(name)}" for name, count in sorted(self.unjudged.items()))
        return f'{"; ".join(reasons)}; a column "{_CORRECT}" may say what MLCommons\' script found'

    def by_set(self) -> dict[str, float]:
        """The share of each data set, in per cent."""
        return {
            f"{name}, {self.total[name]} answers": 100 * self.right[name] / self.total[name]
            for name in sorted(self.total)
        }


def _measure(
    log: Path, given: Given, choose: Letter, *, special: bool, weights: Mapping[str, float], as_mapping: bool
) -> Measured:
    truth = given.path()
    samples = _samples(truth)
    generated = Generated(given, "int32")
    stream = given.answers(log, len(samples), f"records of {truth.name}")
    tally = _Tally()
    count = 0
    for answer in stream:
        tokens = generated.tokens(answer, log)
        count += len(tokens)
        sample = samples[answer.qsl_idx]
        tally.add(sample.dataset, _verdict(sample, generated.text(tokens, special=special), choose))
    per_sample = count / stream.count
    reason = tally.unmeasured()
    value = None if reason else tally.exact_match(weights)
    exact = {} if value is None else {"exact_match": value}
    return Measured(
        samples=stream.count,
        figures={**exact, "TOKENS_PER_SAMPLE": per_sample},
        line=_line(value, per_sample, as_mapping),
        unmeasured={"exact_match": reason} if reason else {},
        intervals=known(exact_match=None if reason or weights else tally.interval()),
        repeated=stream.repeated,
        also=tally.by_set(),
    )


def _line(value: float | None, tokens: float, as_mapping: bool) -> str:
    """deepseek-r1's script prints a mapping, that of gpt-oss-120b a line by itself."""
    if as_mapping:
        exact = {} if value is None else {"exact_match": value}
        return str({**exact, "tokens_per_sample": tokens})
    lines = [] if value is None else [f"'exact_match': {value:.3f}"]
    return "\n".join([*lines, f"'tokens_per_sample': {tokens:.3f}"])


def _samples(truth: Path) -> list[Sample]:
    records = read_records(truth)
    sets = [name.lower() for name in texts(records, truth, "dataset")]
    answers = texts(records, truth, "ground_truth", "gt_output")
    found = []
    for place, (record, name, answer) in enumerate(zip(records, sets, answers, strict=True)):
        judged = record.get(_CORRECT)
        if judged is not None and not isinstance(judged, bool):
            raise UsageError(
                f'"{_CORRECT}" is neither true nor false',
                where=str(truth),
                found=f"record {place}: {judged!r}"[:80],
                expected="true, false or null",
            )
        _known(name, place, truth)
        found.append(Sample(name, answer, judged))
    return found


def _known(name: str, place: int, truth: Path) -> None:
    known_sets = (*_RULES, *_ELSEWHERE)
    if not any(key in name for key in known_sets):
        raise UsageError(
            "an unknown data set",
            where=str(truth),
            found=f'record {place}: "{name}"',
            expected=", ".join(known_sets),
        )


def _verdict(sample: Sample, text: str, choose: Letter) -> bool | None:
    if sample.judged is not None:
        return sample.judged
    for key, last in _RULES.items():
        if key in sample.dataset:
            if last is None:
                return _same_number(text, sample.answer)
            return choose(text, last) == sample.answer.strip().upper()
    return None


def _same_number(text: str, answer: str) -> bool:
    try:
        return number(text) == int(float(answer))
    except (ValueError, OverflowError):
        return False


def _reason(name: str) -> str:
    return next(reason for key, reason in _ELSEWHERE.items() if key in name)


_RULES: Final[Mapping[str, str | None]] = {"gpqa": "D", "mmlu_pro": "J", "aime": None}
"""Part of a data set's name to its last choice; None: answers are numbers."""
