"""mixtral-8x7b: ROUGE and GSM8K by hand; MBXP is told as not measured."""

import json
from pathlib import Path

import pytest

from mlperf_bake.accuracy import mixture
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.mixture import MBXP_UNMEASURED, measure, same_number
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log
from tests.support.word_tokenizer import WordTokenizer


@pytest.mark.parametrize(
    ("said", "right", "same"),
    [
        ("2 + 3 = 5. The answer is 5", "5", True),
        ("The answer is 1,200 dollars, not 7", "1200", True),
        ("so 3 and then 12", "12.0", True),
        ("The answer is 4\nQ: next? The answer is 5", "5", False),
        ("The answer is unknown, 9", "9", True),
        ("no number", "1", False),
        ("The answer is -3.50", "-3.5", True),
        ("1.2.3", "x", False),
    ],
)
def test_numbers_by_hand(said: str, right: str, same: bool) -> None:
    assert same_number(said, right) is same


def test_each_data_set_is_judged_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "english_sentences", lambda: None)
    said = ["the cat sat", "The answer is 5", "The answer is 6", "def f(): ..."]
    rows = [("the cat lay", "OpenOrca"), ("5", "GSM8K"), ("7", "GSM8K"), ("assert f()", "MBXP")]
    truth = tmp_path / "truth.json"
    truth.write_text(
        json.dumps([{"gt_output": text, "dataset": kind} for text, kind in rows]), encoding="utf-8"
    )
    tokenizer = WordTokenizer(tmp_path, said)
    log = write_log(tmp_path, [tokenizer.response(text) for text in said])
    measured = measure(log, Given(truth, tokenizer=tokenizer.path))
    assert measured.figures["ROUGE1"] == pytest.approx(100 * 2 / 3)
    assert measured.figures["gsm8k_accuracy"] == 50
    assert measured.unmeasured["mbxp_accuracy"] == MBXP_UNMEASURED
    read = read_back(measured.line, load_round("v6.0"))
    assert (read["gsm8k_accuracy"], read["ROUGE1"], read["TOKENS_PER_SAMPLE"]) == (50.0, 66.6667, 4.5)
    assert "mbxp_accuracy" not in read


def test_another_data_set_is_refused(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text('[{"gt_output": "a", "dataset": "trivia"}]', encoding="utf-8")
    with pytest.raises(UsageError, match="an unknown data set"):
        measure(write_log(tmp_path, [b""]), Given(truth))
