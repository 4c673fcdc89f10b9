"""llama3.1-405b's three ways of judging, by hand."""

import json
from pathlib import Path

import pytest
from nltk.tokenize.punkt import PunktSentenceTokenizer

from mlperf_bake.accuracy import long_context
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.long_context import answered, measure, needles
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log
from tests.support.word_tokenizer import WordTokenizer

ONE = "11111111-2222-3333-4444-555555555555"
TWO = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def test_needles_by_hand() -> None:
    assert needles(f"found {ONE}, {TWO}", f"{ONE} {TWO}") == 100
    assert needles("found nothing", ONE) == 0
    assert needles(TWO, ONE) == round(100 * ONE.count("-") / len(ONE), 2)  # only the dashes are in both
    assert needles(f"{ONE} {TWO}", ONE) == 50  # one found too many


@pytest.mark.parametrize(
    ("said", "right", "score"),
    [
        ("thinking... Answer: Paris", "Paris|the city of Paris", 100),
        ("Answer: Rome Answer: it is  paris !", "Paris|the city", 100),
        ("Answer: Rome", "Paris", 0),
        ("Paris of course", "Berlin|Paris", 100),
    ],
)
def test_questions_by_hand(said: str, right: str, score: float) -> None:
    assert answered(said, right) == score


def test_each_sample_is_judged_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_context, "english_sentences", lambda: PunktSentenceTokenizer().tokenize)
    said = ["the cat sat", f"here {ONE}", "Answer: Rome"]
    rows = [("the cat lay", "rouge"), (ONE, "niah_em"), ("Paris", "qa_em")]
    truth = tmp_path / "truth.json"
    truth.write_text(
        json.dumps([{"gt_output": text, "metric": kind} for text, kind in rows]), encoding="utf-8"
    )
    tokenizer = WordTokenizer(tmp_path, said)
    log = write_log(tmp_path, [tokenizer.response(text) for text in said])
    measured = measure(log, Given(truth, tokenizer=tokenizer.path))
    assert measured.figures == {
        "ROUGEL": pytest.approx(100 * 2 / 3),
        "exact_match": 50.0,
        "TOKENS_PER_SAMPLE": (4 + 3 + 3) / 3,
    }
    read = read_back(measured.line, load_round("v6.0"))
    assert (read["exact_match"], read["TOKENS_PER_SAMPLE"]) == (50.0, 3.3)


def test_an_unknown_way_is_refused(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text('[{"gt_output": "a", "metric": "bleu"}]', encoding="utf-8")
    with pytest.raises(UsageError, match="an unknown way to judge"):
        measure(write_log(tmp_path, [b""]), Given(truth))
