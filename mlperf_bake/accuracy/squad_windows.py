"""SQuAD v1.1 cut into BERT's windows: 384 tokens, steps of 128, questions of at most 64 tokens.

Sample i of the benchmark is window i in the order of the questions in dev-v1.1.json, as MLCommons' squad_QSL numbers
them; 10,833 for the whole set.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import reason

LENGTH: Final = 384
STEP: Final = 128
LONGEST_QUESTION: Final = 64
_AROUND: Final = 3
"""[CLS] before the question, [SEP] after it and after the text."""
_NARROW_SPACE: Final = "\u202f"

Split = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its text.

    Attributes:
        words: the text, split at white space.
        answers: each of them counts as right.
    """

    id: str
    text: str
    words: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """What the network sees at once.

    Attributes:
        question: number of the question.
        offset: position of the first token of the text in the window.
        tokens: of the text, as far as the window shows it.
        word_of: for each of them, the number of its word.
        central: for each of them, whether no other window shows it with more text around it.
    """

    question: int
    offset: int
    tokens: Sequence[str]
    word_of: Sequence[int]
    central: Sequence[bool]


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions of dev-v1.1.json in file order.

    Raises:
        UsageError: not readable, or not of this form.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_questions(data))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the questions cannot be read", where=str(path), found=reason(error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            "no SQuAD v1.1 data set",
            where=str(path),
            found=f"{type(error).__name__}: {error}"[:200],
            expected="dev-v1.1.json: data, paragraphs, context, qas, answers",
        ) from error


def windows(questions: Sequence[Question], split: Split) -> Iterator[Window]:
    """The windows of all questions, in the order of the samples."""
    for number, question in enumerate(questions):
        asked = split(question.text)[:LONGEST_QUESTION]
        tokens: list[str] = []
        word_of: list[int] = []
        for word_number, word in enumerate(question.words):
            pieces = split(word)
            tokens += pieces
            word_of += [word_number] * len(pieces)
        spans = _spans(len(tokens), LENGTH - len(asked) - _AROUND)
        for start, length in spans:
            shown = range(start, start + length)
            yield Window(
                number,
                len(asked) + 2,
                tokens[start : start + length],
                word_of[start : start + length],
                [_most_central(spans, position) == (start, length) for position in shown],
            )


def _questions(data: Any) -> Iterator[Question]:
    for article in data["data"]:
        for paragraph in article["paragraphs"]:
            words = _words(paragraph["context"])
            for qa in paragraph["qas"]:
                answers = tuple(answer["text"] for answer in qa["answers"])
                if not answers:
                    raise ValueError(f"question {qa['id']} has no answer")
                yield Question(qa["id"], qa["question"], words, answers)


def _words(text: str) -> tuple[str, ...]:
    for space in ("\t", "\r", "\n", _NARROW_SPACE):
        text = text.replace(space, " ")
    return tuple(word for word in text.split(" ") if word)


def _spans(count: int, most: int) -> list[tuple[int, int]]:
    spans = []
    start = 0
    while start < count:
        length = min(count - start, most)
        spans.append((start, length))
        if start + length == count:
            break
        start += min(length, STEP)
    return spans


def _most_central(spans: Sequence[tuple[int, int]], position: int) -> tuple[int, int]:
    """The first of the spans with the most text on the position's poorer side; longer spans win by a little."""
    holding = [span for span in spans if span[0] <= position < span[0] + span[1]]
    return max(
        holding,
        key=lambda span: min(position - span[0], span[0] + span[1] - 1 - position) + 0.01 * span[1],
    )
