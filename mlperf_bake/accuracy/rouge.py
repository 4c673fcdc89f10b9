"""ROUGE of generated summaries and answers, and how much was generated (gptj, llama3.1-8b, llama2-70b).

Scores are Google's rouge-score with stemming: the mean over the samples of each F-measure, in per cent. Generated
length is in characters, after the text was parted into sentences; tokens a sample are counted before decoding.
The lines are those of MLCommons' evaluation.py (llama3.1-8b, gptj) and evaluate-accuracy.py (llama2-70b).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from mlperf_bake.accuracy.generated import Generated
from mlperf_bake.accuracy.libraries import library
from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval
from mlperf_bake.accuracy.records import read_records, texts
from mlperf_bake.accuracy.sentences import ABSENT, Split, english_sentences, one_a_line

KINDS: Final = ("rouge1", "rouge2", "rougeL", "rougeLsum")
METRIC: Final = {"rouge1": "ROUGE1", "rouge2": "ROUGE2", "rougeL": "ROUGEL", "rougeLsum": "ROUGELSUM"}
_BY_SENTENCE: Final = frozenset({"rougeLsum"})
_MANY: Final = 256
"""From here on, scoring is worth several processes."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A generated text and the one it is compared with."""

    generated: str
    target: str


@dataclass(frozen=True, slots=True)
class Texts:
    """What an accuracy log came to as text, in the order of the answers.

    Attributes:
        order: the number of each pair's sample.
        tokens: generated altogether.
    """

    pairs: tuple[Pair, ...]
    order: tuple[int, ...]
    tokens: int
    samples: int
    repeated: int


def summaries(log: Path, given: Given) -> Measured:
    """gptj and llama3.1-8b: ROUGE and generated length, figures as texts in the line.

    The ground truth has a column ``output`` (cnn_eval.json of MLCommons). Tokens are int64 unless ``--dtype`` says
    otherwise.

    Raises:
        UsageError: no ground truth, no tokenizer, or a log that does not answer each sample.
    """
    found = read_texts(log, given, "int64", "output")
    scores, length = judge(found.pairs, english_sentences())
    means = {kind: round(_mean(values), 4) for kind, values in scores.items()}
    line: dict[str, object] = {kind: str(value) for kind, value in means.items()}
    if length is not None:
        line["gen_len"] = length
    line["gen_num"] = len(found.pairs)
    return _measured(found, scores, length, line)


def answers(log: Path, given: Given) -> Measured:
    """llama2-70b: ROUGE and tokens a sample; otherwise as ``summaries``."""
    found = read_texts(log, given, "int64", "output")
    scores, length = judge(found.pairs, english_sentences())
    line: dict[str, object] = {kind: round(_mean(values), 4) for kind, values in scores.items()}
    if length is not None:
        line["gen_len"] = length
    line |= generation(found)
    return _measured(found, scores, length, line)


def read_texts(log: Path, given: Given, dtype: str, *columns: str) -> Texts:
    """Decodes a log, a response at a time.

    Raises:
        UsageError: see ``summaries``.
    """
    truth = given.path()
    targets = texts(read_records(truth), truth, *columns)
    generated = Generated(given, dtype)
    stream = given.answers(log, len(targets), f"records of {truth.name}")
    pairs = []
    order = []
    count = 0
    for answer in stream:
        tokens = generated.tokens(answer, log)
        count += len(tokens)
        order.append(answer.qsl_idx)
        pairs.append(Pair(generated.text(tokens), targets[answer.qsl_idx]))
    return Texts(tuple(pairs), tuple(order), count, stream.count, stream.repeated)


def judge(pairs: Sequence[Pair], split: Split | None) -> tuple[dict[str, list[float]], int | None]:
    """The score of each pair by kind, in per cent, and the characters generated.

    Args:
        split: parts text into sentences; None: neither ROUGE-Lsum nor the length are measured.
    """
    if split is not None:
        pairs = [Pair(one_a_line(pair.generated, split), one_a_line(pair.target, split)) for pair in pairs]
    kinds = tuple(kind for kind in KINDS if split is not None or kind not in _BY_SENTENCE)
    rows = _rows(pairs, kinds)
    length = sum(len(pair.generated) for pair in pairs) if split is not None else None
    return {kind: [row[place] for row in rows] for place, kind in enumerate(kinds)}, length


def generation(found: Texts) -> dict[str, object]:
    """What the line says about how much was generated."""
    return {
        "gen_num": len(found.pairs),
        "gen_tok_len": found.tokens,
        "tokens_per_sample": round(found.tokens / len(found.pairs), 1),
    }


def _rows(pairs: Sequence[Pair], kinds: tuple[str, ...]) -> list[tuple[float, ...]]:
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if len(pairs) < _MANY or workers == 1:
        return [_score(pair, kinds) for pair in pairs]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_score, pairs, [kinds] * len(pairs), chunksize=64))


def _score(pair: Pair, kinds: tuple[str, ...]) -> tuple[float, ...]:
    found = _scorer(kinds).score(pair.target, pair.generated)
    return tuple(100 * found[kind].fmeasure for kind in kinds)


@cache
def _scorer(kinds: tuple[str, ...]) -> Any:
    return library("rouge_score.rouge_scorer", "ROUGE").RougeScorer(list(kinds), use_stemmer=True)


def _measured(
    found: Texts, scores: dict[str, list[float]], length: int | None, line: dict[str, object]
) -> Measured:
    figures = {METRIC[kind]: _mean(values) for kind, values in scores.items()}
    figures["TOKENS_PER_SAMPLE"] = found.tokens / len(found.pairs)
    unmeasured = {}
    if length is None:
        unmeasured = {"ROUGELSUM": ABSENT, "GEN_LEN": ABSENT}
    else:
        figures["GEN_LEN"] = length
    return Measured(
        samples=found.samples,
        figures=figures,
        line=str(line),
        unmeasured=unmeasured,
        intervals=known(**{METRIC[kind]: mean_interval(values) for kind, values in scores.items()}),
        repeated=found.repeated,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
