"""ROUGE by hand and against the library; lengths; tokens of the wrong type; Punkt data that are not there."""

import json
import struct
from pathlib import Path

import pytest
from nltk.tokenize.punkt import PunktSentenceTokenizer

from mlperf_bake.accuracy import rouge
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given, Measured
from mlperf_bake.accuracy.rouge import Pair, judge
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_answers, write_log
from tests.support.word_tokenizer import WordTokenizer

V61 = load_round("v6.1")
SAID = ["the cat sat on the mat .", "a dog barked ."]
RIGHT = ["the cat lay on the mat .", "a dog barked ."]


@pytest.fixture
def tokenizer(tmp_path: Path) -> WordTokenizer:
    return WordTokenizer(tmp_path, [*SAID, *RIGHT])


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "cnn_eval.json"
    path.write_text(json.dumps([{"input": "?", "output": text} for text in RIGHT]), encoding="utf-8")
    return path


@pytest.fixture
def punkt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rouge, "english_sentences", lambda: PunktSentenceTokenizer().tokenize)


def measured(tmp_path: Path, truth: Path, tokenizer: WordTokenizer, form: str = "q") -> Measured:
    log = write_log(tmp_path, [tokenizer.response(text, form) for text in SAID])
    return rouge.summaries(log, Given(truth, tokenizer=tokenizer.path))


@pytest.mark.usefixtures("punkt")
def test_two_summaries_by_hand(tmp_path: Path, truth: Path, tokenizer: WordTokenizer) -> None:
    found = measured(tmp_path, truth, tokenizer)
    # First: 5 of 6 words, 3 of 5 pairs of words, a common subsequence of 5; the second is equal.
    assert found.figures == {
        "ROUGE1": pytest.approx(100 * (5 / 6 + 1) / 2),
        "ROUGE2": pytest.approx(100 * (3 / 5 + 1) / 2),
        "ROUGEL": pytest.approx(100 * (5 / 6 + 1) / 2),
        "ROUGELSUM": pytest.approx(100 * (5 / 6 + 1) / 2),
        "TOKENS_PER_SAMPLE": (8 + 5) / 2,
        "GEN_LEN": len(SAID[0]) + len(SAID[1]),
    }
    assert found.line == (
        "{'rouge1': '91.6667', 'rouge2': '80.0', 'rougeL': '91.6667', 'rougeLsum': '91.6667', "
        "'gen_len': 38, 'gen_num': 2}"
    )
    read = read_back(found.line, V61)
    assert (read["ROUGE1"], read["GEN_LEN"]) == (91.6667, 38.0)


@pytest.mark.usefixtures("punkt")
def test_llama2_counts_tokens(tmp_path: Path, truth: Path, tokenizer: WordTokenizer) -> None:
    log = write_log(tmp_path, [tokenizer.response(text, "i") for text in SAID])
    found = rouge.answers(log, Given(truth, dtype="int32", tokenizer=tmp_path))
    read = read_back(found.line, V61)
    assert (read["ROUGE2"], read["TOKENS_PER_SAMPLE"]) == (80.0, 6.5)
    assert "'gen_tok_len': 13" in found.line


def test_without_punkt_data_nothing_that_needs_them_is_measured(
    tmp_path: Path, truth: Path, tokenizer: WordTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rouge, "english_sentences", lambda: None)
    found = measured(tmp_path, truth, tokenizer)
    assert set(found.unmeasured) == {"ROUGELSUM", "GEN_LEN"}
    assert "punkt_tab" in found.unmeasured["GEN_LEN"]
    assert set(read_back(found.line, V61)) == {"ROUGE1", "ROUGE2", "ROUGEL"}


def test_many_texts_are_scored_by_several_processes_to_the_same_scores() -> None:
    pairs = [Pair(f"word{n} a b c", f"word{n % 7} a c b") for n in range(300)]
    many, _ = judge(pairs, None)
    few = {kind: [judge([pair], None)[0][kind][0] for pair in pairs] for kind in many}
    assert many == few


def test_sentences_are_parted_before_the_sum_and_the_length() -> None:
    pair = Pair(" One thing. Another thing. ", "Another thing. One thing.")
    scores, length = judge([pair], PunktSentenceTokenizer().tokenize)
    assert scores["rougeLsum"] == [100.0]
    assert scores["rougeL"][0] < 100
    assert length == len("One thing.\nAnother thing.")


@pytest.mark.parametrize(("form", "read_as"), [("q", "int32"), ("i", "int64")])
def test_tokens_of_another_type_are_refused(
    tmp_path: Path, truth: Path, tokenizer: WordTokenizer, form: str, read_as: str
) -> None:
    log = write_log(tmp_path, [tokenizer.response(text, form) for text in SAID])
    with pytest.raises(UsageError) as raised:
        rouge.summaries(log, Given(truth, dtype=read_as, tokenizer=tokenizer.path))
    assert "--dtype" in str(raised.value.remedy)


def test_a_token_that_the_model_does_not_have_is_refused(
    tmp_path: Path, truth: Path, tokenizer: WordTokenizer
) -> None:
    log = write_answers(tmp_path, [(0, struct.pack("<q", 10_000))])
    with pytest.raises(UsageError, match="not made of the model's tokens") as raised:
        rouge.summaries(log, Given(truth, tokenizer=tokenizer.path))
    assert raised.value.where == f"{log}:2"


def test_a_tokenizer_is_asked_for_and_must_be_one(tmp_path: Path, truth: Path) -> None:
    log = write_log(tmp_path, [b"", b""])
    with pytest.raises(UsageError, match="nothing says which text they stand for"):
        rouge.summaries(log, Given(truth))
    (tmp_path / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8")
    with pytest.raises(UsageError, match="no tokenizer"):
        rouge.summaries(log, Given(truth, tokenizer=tmp_path))
    with pytest.raises(UsageError, match="the tokenizer cannot be read"):
        rouge.summaries(log, Given(truth, tokenizer=tmp_path / "absent.json"))


def test_spaces_are_cleaned_up_where_the_model_says_so(tmp_path: Path, truth: Path) -> None:
    from mlperf_bake.accuracy.generated import Generated

    tokenizer = WordTokenizer(tmp_path, SAID)
    tokens = [tokenizer.numbers[word] for word in SAID[1].split(" ")]
    given = Given(truth, tokenizer=tmp_path)
    assert Generated(given, "int64").text(tokens) == "a dog barked ."
    (tmp_path / "tokenizer_config.json").write_text(
        '{"clean_up_tokenization_spaces": true}', encoding="utf-8"
    )
    assert Generated(given, "int64").text(tokens) == "a dog barked."
    assert Generated(given, "int64").text([*tokens, 0], special=True).endswith("</s>")
