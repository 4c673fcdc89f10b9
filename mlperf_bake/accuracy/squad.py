"""F1 and exact match of answers to SQuAD v1.1 (bert-99, bert-99.9).

A response is a window's logits, float32: start and end of each of its (at most 384) positions, one pair after the
other. Per window the best span among the 20 likeliest starts and ends, of at most 30 tokens; per question the best of
its windows; then the SQuAD v1.1 score. The line is the one of MLCommons' evaluate_v1.1.py.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlperf_bake.accuracy.answer_text import joined, original
from mlperf_bake.accuracy.measured import Given, Measured, known, mean_interval
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.accuracy.squad_windows import LENGTH, Question, Window, read_questions, windows
from mlperf_bake.accuracy.wordpiece import WordPieces
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LIKELIEST: Final = 20
LONGEST: Final = 30
NOTHING: Final = "empty"
"""The answer where no span is valid."""
_FILES: Final = ("dev-v1.1.json", "vocab.txt")
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Span:
    """An answer in a window: its first and last token, and the sum of their logits."""

    window: int
    first: int
    last: int
    logit: float


def measure(log: Path, given: Given) -> Measured:
    """F1 and exact match of a log against a directory with dev-v1.1.json and BERT's vocab.txt.

    Raises:
        UsageError: a file is missing or of another form, or the log does not answer each window.
    """
    dev, vocabulary = (_part(given.path(), name) for name in _FILES)
    pieces = WordPieces(vocabulary)
    questions = read_questions(dev)
    shown = list(windows(questions, pieces.split))
    answers = given.answers(log, len(shown), f"windows of {dev}")
    best: list[Span | None] = [None] * len(shown)
    for answer in answers:
        logits = numbers(answer, given.dtype or "float32", log, row=2).reshape(-1, 2)
        if not 0 < len(logits) <= LENGTH:
            raise UsageError(
                "a response holds no logits of a window",
                where=f"{log}:{answer.line}",
                found=f"{len(logits)} pairs for sample {answer.qsl_idx}",
                expected=f"1 to {LENGTH} pairs of start and end",
            )
        best[answer.qsl_idx] = best_span(answer.qsl_idx, shown[answer.qsl_idx], logits)
    asked = sorted({shown[number].question for number in given.only or range(len(shown))})
    texts = _texts(questions, shown, best, pieces)
    questions, texts = tuple(questions[number] for number in asked), [texts[number] for number in asked]
    f1 = [_best(f1_score, text, question) for text, question in zip(texts, questions, strict=True)]
    exact = [_best(_same, text, question) for text, question in zip(texts, questions, strict=True)]
    scores = {"exact_match": sum(exact) / len(exact), "f1": sum(f1) / len(f1)}
    return Measured(
        samples=answers.count,
        figures={"F1": scores["f1"]},
        line=json.dumps(scores),
        intervals=known(F1=mean_interval(f1)),
        repeated=answers.repeated,
        also={"exact match": scores["exact_match"], "questions": len(questions)},
    )


def best_span(number: int, window: Window, logits: NDArray[np.generic]) -> Span | None:
    """The likeliest valid answer in a window: within the text, not too long, starting where the window shows most.

    Args:
        number: of the window.
        logits: positions x 2, start and end.
    """
    import numpy as np

    padded = np.full((LENGTH, 2), -10000.0)
    padded[: len(logits)] = logits
    starts, ends = (np.argsort(-padded[:, side], kind="stable")[:LIKELIEST] for side in (0, 1))
    best = None
    for start in starts:
        first = int(start) - window.offset
        if not 0 <= first < len(window.tokens) or not window.central[first]:
            continue
        for end in ends:
            last = int(end) - window.offset
            if not first <= last < min(len(window.tokens), first + LONGEST):
                continue
            logit = float(padded[start, 0] + padded[end, 1])
            if best is None or logit > best.logit:
                best = Span(number, first, last, logit)
    return best


def normalized(text: str) -> str:
    """Lower case, without punctuation, articles and further spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def f1_score(text: str, right: str) -> float:
    """Harmonic mean of precision and recall over words, 0 to 1."""
    given, expected = normalized(text).split(), normalized(right).split()
    common = sum((Counter(given) & Counter(expected)).values())
    return 2 * common / (len(given) + len(expected)) if common else 0.0


def _same(text: str, right: str) -> float:
    return float(normalized(text) == normalized(right))


def _best(score: Callable[[str, str], float], text: str, question: Question) -> float:
    """The best score against any of the question's answers, in per cent."""
    return 100 * max(score(text, right) for right in question.answers)


def _part(truth: Path, name: str) -> Path:
    if not (truth / name).is_file():
        raise UsageError(
            "a file is missing", where=str(truth / name), expected="a directory with " + " and ".join(_FILES)
        )
    return truth / name


def _texts(
    questions: Sequence[Question], shown: Sequence[Window], best: Sequence[Span | None], pieces: WordPieces
) -> list[str]:
    chosen: dict[int, Span] = {}
    for span in best:
        if span is None:
            continue
        number = shown[span.window].question
        if number not in chosen or span.logit > chosen[number].logit:
            chosen[number] = span
    texts = []
    for number, question in enumerate(questions):
        found = chosen.get(number)
        if found is None:
            texts.append(NOTHING)
            continue
        window = shown[found.window]
        words = question.words[window.word_of[found.first] : window.word_of[found.last] + 1]
        answer = joined(window.tokens[found.first : found.last + 1])
        texts.append(original(answer, " ".join(words), pieces))
    return texts
