"""Final answers in each form, exact match by hand, what cannot be judged."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.final_answers import final_channel, harmony_letter, letter, number
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.reasoning import deepseek_r1, gpt_oss
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log
from tests.support.word_tokenizer import WordTokenizer

V61 = load_round("v6.1")


@pytest.mark.parametrize(
    ("text", "last", "choice"),
    [
        ("so ANSWER: B", "D", "B"),
        ("Answer: A, no: final answer (c)", "D", "C"),
        ("ANSWER: H", "D", None),
        ("ANSWER: H", "J", "H"),
        ("I think it is (g), surely", "J", "G"),
        ("I think it is (g), surely", "D", None),
        ("ANSWER: Bananas", "D", None),
        ("['ANSWER: D']", "D", "D"),
        ("", "J", None),
    ],
)
def test_the_choice_of_deepseek(text: str, last: str, choice: str | None) -> None:
    assert letter(text, last) == choice


HARMONY = "<|channel|>analysis<|message|>Answer: A maybe<|end|><|channel|>final<|message|>{}<|return|>"


@pytest.mark.parametrize(
    ("text", "last", "choice"),
    [
        (HARMONY.format("**B**"), "D", "B"),
        (HARMONY.format("Answer: **C**"), "D", "C"),
        (HARMONY.format("The answer. Answer: d"), "D", "D"),
        (HARMONY.format("None of them"), "D", "A"),  # then the whole text counts, as in the reference
        ("no channel, ANSWER: B", "D", "B"),
        ("<|channel|>final<|message|>surely option I fits", "J", "I"),
        ("<|channel|>final<|message|>surely option I fits", "D", None),
    ],
)
def test_the_choice_of_gpt_oss(text: str, last: str, choice: str | None) -> None:
    assert harmony_letter(text, last) == choice


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\boxed{12} then \boxed{ 073 }", 73),
        ("Answer: 5\nanswer: 204", 204),
        ("Answer: 3.5", None),
        (r"\boxed{1000}", None),
        (r"\boxed{" + "9" * 5000 + "}", None),
        ("nothing", None),
    ],
)
def test_the_number_of_a_problem(text: str, value: int | None) -> None:
    assert number(text) == value


@given(st.text(max_size=60))
def test_any_text_has_an_answer_or_none(text: str) -> None:
    assert letter(text, "D") in (None, *"ABCD")
    assert harmony_letter(text, "J") in (None, *"ABCDEFGHIJ")
    assert number(text) is None or 0 <= (number(text) or 0) <= 999
    assert len(final_channel(text)) <= len(text)


def table(directory: Path, rows: list[dict[str, Any]]) -> Path:
    path = directory / "truth.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def log_of(directory: Path, said: list[str]) -> tuple[Path, Path]:
    tokenizer = WordTokenizer(directory, said)
    return write_log(directory, [tokenizer.response(text, "i") for text in said]), tokenizer.path


def test_deepseek_by_hand(tmp_path: Path) -> None:
    truth = table(
        tmp_path,
        [
            {"dataset": "gpqa", "ground_truth": "B"},
            {"dataset": "mmlu_pro", "ground_truth": "J"},
            {"dataset": "aime1983", "ground_truth": "73"},
            {"dataset": "math500", "ground_truth": "\\frac12", "correct": True},
            {"dataset": "livecodebench", "ground_truth": "abc", "correct": False},
        ],
    )
    log, tokenizer = log_of(tmp_path, ["ANSWER: B", "ANSWER: I", "\\boxed{73}", "half", "print"])
    measured = deepseek_r1(log, Given(truth, tokenizer=tokenizer))
    assert measured.figures == {"exact_match": 60.0, "TOKENS_PER_SAMPLE": (3 + 3 + 2 + 2 + 2) / 5}
    assert measured.line == "{'exact_match': 60.0, 'tokens_per_sample': 2.4}"
    read = read_back(measured.line, V61)
    assert (read["exact_match"], read["TOKENS_PER_SAMPLE"]) == (60.0, 2.4)
    assert measured.also["gpqa, 1 answers"] == 100


def test_gpt_oss_weighs_data_sets_by_their_repeats(tmp_path: Path) -> None:
    truth = table(
        tmp_path,
        [
            {"dataset": "aime25", "ground_truth": "7"},
            {"dataset": "gpqa_diamond", "ground_truth": "B"},
            {"dataset": "livecodebench_v6", "ground_truth": "x", "correct": True},
        ],
    )
    final = "<|channel|>final<|message|>"
    log, tokenizer = log_of(tmp_path, [f"{final} \\boxed{{7}}", f"{final} C", f"{final} code"])
    measured = gpt_oss(log, Given(truth, tokenizer=tokenizer))
    expected = 100 * (1 / 8 + 1 / 3) / (1 / 8 + 1 / 5 + 1 / 3)
    assert measured.figures["exact_match"] == pytest.approx(expected)
    read = read_back(measured.line, V61)
    assert read["exact_match"] == pytest.approx(expected, abs=0.001)
    assert read["TOKENS_PER_SAMPLE"] == 3.0


def test_what_nobody_judged_is_not_measured(tmp_path: Path) -> None:
    truth = table(
        tmp_path,
        [
            {"dataset": "gpqa", "ground_truth": "B"},
            {"dataset": "livecodebench", "ground_truth": "x", "correct": None},
        ],
    )
    log, tokenizer = log_of(tmp_path, ["ANSWER: B", "print"])
    measured = deepseek_r1(log, Given(truth, tokenizer=tokenizer))
    assert "exact_match" not in measured.figures
    assert "livecodebench (1): its programs would have to be run" in measured.unmeasured["exact_match"]
    assert set(read_back(measured.line, V61)) == {"TOKENS_PER_SAMPLE"}
    assert measured.also == {"gpqa, 1 answers": 100.0}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"dataset": "trivia", "ground_truth": "B"}, "unknown data set"),
        ({"dataset": "gpqa", "ground_truth": "B", "correct": "yes"}, "neither true nor false"),
        ({"dataset": "gpqa"}, "lacks a column"),
    ],
)
def test_a_table_that_cannot_be_judged_is_refused(tmp_path: Path, row: dict[str, object], said: str) -> None:
    log, tokenizer = log_of(tmp_path, ["a"])
    with pytest.raises(UsageError, match=said):
        deepseek_r1(log, Given(table(tmp_path, [row]), tokenizer=tokenizer))
