"""SQuAD by hand: windows, spans, the words they stand for, F1 and exact match."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.answer_text import joined, original
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.squad import best_span, f1_score, measure, normalized
from mlperf_bake.accuracy.squad_windows import LENGTH, Window, read_questions, windows
from mlperf_bake.accuracy.wordpiece import WordPieces
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log

TEXT = "The leader was John Smith (1895-1943), who played the Café piano."
VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "leader", "was", "john", "smith", "(", "1895", "-", "1943", ")", ",",
    "who", "play", "##ed", "cafe", "piano", ".", "?", "w",
]  # fmt: skip


def squad(directory: Path, questions: list[tuple[str, list[str]]], text: str = TEXT) -> Path:
    qas: list[dict[str, Any]] = [
        {
            "id": f"q{n}",
            "question": asked,
            "answers": [{"text": answer, "answer_start": 0} for answer in answers],
        }
        for n, (asked, answers) in enumerate(questions)
    ]
    data = {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": text, "qas": qas}]}]}
    (directory / "dev-v1.1.json").write_text(json.dumps(data), encoding="utf-8")
    (directory / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return directory


def logits(pieces: WordPieces, asked: str, start: str, end: str, text: str = TEXT) -> bytes:
    """Logits that point from the first token ``start`` to the first token ``end`` of a text that fits one window."""
    tokens = [token for word in text.split() for token in pieces.split(word)]
    offset = len(pieces.split(asked)) + 2
    values = np.zeros((offset + len(tokens) + 1, 2), np.float32)
    values[offset + tokens.index(start), 0] = 5
    values[offset + tokens.index(end), 1] = 5
    return values.tobytes()


def test_three_questions_by_hand(tmp_path: Path) -> None:
    questions = [
        ("Who?", ["John Smith"]),
        ("Who was leader?", ["Smith", "the John"]),
        ("Who played?", ["nobody"]),
    ]
    truth = squad(tmp_path, questions)
    pieces = WordPieces(truth / "vocab.txt")
    log = write_log(
        tmp_path,
        [
            logits(pieces, "Who?", "john", "smith"),  # John Smith: right
            logits(pieces, "Who was leader?", "john", "smith"),  # one word too many: F1 2/3
            logits(pieces, "Who played?", "1895", "1895"),  # 1895: no word in common
        ],
    )
    measured = measure(log, Given(truth))
    assert measured.figures["F1"] == pytest.approx(100 * (1 + 2 / 3 + 0) / 3)
    assert measured.also["exact match"] == pytest.approx(100 / 3)
    assert json.loads(measured.line) == {"exact_match": pytest.approx(100 / 3), "f1": measured.figures["F1"]}
    assert read_back(measured.line, load_round("v6.1"))["F1"] == pytest.approx(measured.figures["F1"])


@pytest.mark.parametrize(
    ("start", "end", "answer"),
    [
        ("1895", "1943", "1895-1943"),
        ("(", ")", "(1895-1943)"),
        ("cafe", "piano", "Café piano"),
        ("play", "##ed", "played"),
    ],
)
def test_tokens_become_the_words_they_were_made_from(
    tmp_path: Path, start: str, end: str, answer: str
) -> None:
    truth = squad(tmp_path, [("Who?", [answer])])
    pieces = WordPieces(truth / "vocab.txt")
    log = write_log(tmp_path, [logits(pieces, "Who?", start, end)])
    assert measure(log, Given(truth)).also["exact match"] == 100


def test_a_long_text_is_shown_in_windows_that_overlap(tmp_path: Path) -> None:
    text = " ".join(["the leader was john"] * 200)  # 800 tokens
    truth = squad(tmp_path, [("Who ?", ["x"])], text)
    pieces = WordPieces(truth / "vocab.txt")
    shown = list(windows(read_questions(truth / "dev-v1.1.json"), pieces.split))
    room = LENGTH - 2 - 3
    assert [(window.word_of[0], len(window.tokens)) for window in shown] == [
        (0, room),
        (128, room),
        (256, room),
        (384, room),
        (512, 800 - 512),
    ]
    assert {window.offset for window in shown} == {4}
    central = [
        place for window in shown for place, best in zip(window.word_of, window.central, strict=True) if best
    ]
    assert sorted(central) == list(range(800))  # each word is central in one window


def test_the_best_window_of_a_question_answers_it(tmp_path: Path) -> None:
    text = " ".join(["the leader was"] * 150 + ["john smith"])
    truth = squad(tmp_path, [("Who?", ["John Smith"])], text)
    pieces = WordPieces(truth / "vocab.txt")
    shown = list(windows(read_questions(truth / "dev-v1.1.json"), pieces.split))
    assert len(shown) == 2
    first, second = (np.zeros((LENGTH, 2), np.float32) for _ in range(2))
    first[10] = 3
    place = shown[1].offset + len(shown[1].tokens) - 2
    second[place, 0] = second[place + 1, 1] = 4
    log = write_log(tmp_path, [first.tobytes(), second.tobytes()])
    assert measure(log, Given(truth)).figures["F1"] == 100


def window(tokens: int, offset: int = 4, central: bool = True) -> Window:
    return Window(0, offset, ["w"] * tokens, list(range(tokens)), [central] * tokens)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_span_is_the_likeliest_valid_one(tokens: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(4 + tokens + 1, 2)).astype(np.float32)
    span = best_span(0, window(tokens), values)
    sides = [
        set(
            np.argsort(-np.pad(values[:, side], (0, LENGTH - len(values)), constant_values=-1e4))[
                :20
            ].tolist()
        )
        for side in (0, 1)
    ]
    valid = [
        (float(values[a, 0]) + float(values[b, 1]), a - 4, b - 4)
        for a in sides[0]
        for b in sides[1]
        if 4 <= a <= b < 4 + tokens and b - a < 30
    ]
    if not valid:
        assert span is None
    else:
        assert span is not None
        assert (span.first, span.last) == max(valid)[1:]


def test_answers_do_not_start_where_another_window_shows_more() -> None:
    values = np.ones((10, 2), np.float32)
    assert best_span(0, window(5, central=False), values) is None


def test_no_valid_span_is_an_answer_of_its_own(tmp_path: Path) -> None:
    truth = squad(tmp_path, [("Who?", ["empty"])])
    values = np.zeros((LENGTH, 2), np.float32)
    values[-20:] = 9  # behind the text
    assert measure(write_log(tmp_path, [values.tobytes()]), Given(truth)).figures["F1"] == 100


@pytest.mark.parametrize(
    ("said", "right", "f1"),
    [
        ("The Cat!", "cat", 1),
        ("a cat and a dog", "the dog", 2 * (1 / 3) / (1 + 1 / 3)),
        ("cat cat", "cat", 2 / 3),
        ("bird", "cat", 0),
        ("", "cat", 0),
    ],
)
def test_f1_by_hand(said: str, right: str, f1: float) -> None:
    assert f1_score(said, right) == pytest.approx(f1)


@given(st.text(max_size=30), st.text(max_size=30))
def test_f1_is_symmetric_and_1_for_equal_words(one: str, other: str) -> None:
    assert f1_score(one, other) == f1_score(other, one)
    assert f1_score(one, one) == (1 if normalized(one) else 0)


def test_a_part_that_cannot_be_found_gives_the_whole_text(tmp_path: Path) -> None:
    pieces = WordPieces(squad(tmp_path, []) / "vocab.txt")
    assert original("smith", "John Jones", pieces) == "John Jones"
    assert original("steve smith", "Steve Smith's", pieces) == "Steve Smith"
    assert joined(["play", "##ed", ".", "John"]) == "played . John"


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\0" * 4,
        b"\0" * 12,
        struct.pack("<2f", 0, 0) * (LENGTH + 1),
        struct.pack("<4f", 0, 0, float("nan"), 0),
    ],
    ids=len,
)
def test_what_are_no_logits_is_refused_with_its_line(tmp_path: Path, response: bytes) -> None:
    truth = squad(tmp_path, [("Who?", ["x"])])
    log = write_log(tmp_path, [response])
    with pytest.raises(UsageError) as raised:
        measure(log, Given(truth))
    assert raised.value.where == f"{log}:2"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"data": [{"paragraphs": [{"context": "a", "qas": [{"id": 1}]}]}]}']
)
def test_what_is_no_squad_is_refused(tmp_path: Path, text: str) -> None:
    squad(tmp_path, [])
    (tmp_path / "dev-v1.1.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        measure(write_log(tmp_path, [b"\0" * 8]), Given(tmp_path))
    assert raised.value.where == str(tmp_path / "dev-v1.1.json")


def test_files_of_the_ground_truth_are_named_where_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a file is missing") as raised:
        measure(write_log(tmp_path, [b""]), Given(tmp_path))
    assert raised.value.expected == "a directory with dev-v1.1.json and vocab.txt"
    squad(tmp_path, [])
    (tmp_path / "vocab.txt").write_text("the\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no BERT vocabulary"):
        measure(write_log(tmp_path, [b""]), Given(tmp_path))
