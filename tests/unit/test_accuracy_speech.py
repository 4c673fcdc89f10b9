"""Word error rates by hand; words joined as the reference does; alphabets and types."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.speech import RNNT_ALPHABET, WHISPER_ALPHABET, rnnt, whisper
from mlperf_bake.accuracy.word_errors import with_joined_words, word_errors
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log


def heard(text: str, alphabet: str = WHISPER_ALPHABET, form: str = "q") -> bytes:
    return struct.pack(f"<{len(text)}{form}", *(alphabet.index(character) for character in text))


def manifest(directory: Path, *texts: str, duration: float = 5.0) -> Path:
    path = directory / "manifest.json"
    path.write_text(json.dumps([{"transcript": text, "original_duration": duration} for text in texts]))
    return path


def test_whisper_by_hand(tmp_path: Path) -> None:
    truth = manifest(tmp_path, "the cat sat on the mat", "mister smith went to the black board")
    log = write_log(tmp_path, [heard("the cat sat in the mat"), heard("mr smith went to the blackboard")])
    measured = whisper(log, Given(truth))
    # One word of 6 is another; "mr" is "mister", "black board" is "blackboard": one error in 13 words.
    assert measured.also == {"word error rate": pytest.approx(100 / 13), "words": 13, "word errors": 1}
    assert measured.figures["ACCURACY"] == pytest.approx(100 * 12 / 13)
    assert read_back(measured.line, load_round("v6.1"))["ACCURACY"] == pytest.approx(100 * 12 / 13)


def test_rnnt_by_hand(tmp_path: Path) -> None:
    truth = manifest(tmp_path, "He hoped there would be stew, for dinner", duration=15.0)
    log = write_log(tmp_path, [heard("he hoped there would be two for dinner", RNNT_ALPHABET, "b")])
    measured = rnnt(log, Given(truth, dtype="int8"))
    assert measured.line.startswith("Word Error Rate: 12.5%, accuracy=87.5%")
    assert read_back(measured.line, load_round("v4.0"))["WER"] == 87.5


def test_long_recordings_are_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    entries = [("too long", 30.5), ("short", 29.5)]
    path.write_text(
        json.dumps([{"transcript": text, "original_duration": length} for text, length in entries])
    )
    assert whisper(write_log(tmp_path, [heard("short")]), Given(path)).samples == 1


@pytest.mark.parametrize(
    ("heard_words", "said_words", "errors"),
    [
        ("a b c", "a b c", 0),
        ("blackboard", "black board", 0),
        ("in side out", "inside out", 0),
        ("in asmuch", "inasmuch", 0),
        ("never the less", "nevertheless", 0),
        ("a x c", "a b c", 1),
        ("", "a b", 2),
        ("a b", "", 2),
        ("one two three four", "onetwothreefour", 4),
    ],
)
def test_words_that_differ_by_a_space_are_equal(heard_words: str, said_words: str, errors: int) -> None:
    assert word_errors(*with_joined_words(heard_words.split(), said_words.split())) == errors


def levenshtein(one: list[str], other: list[str]) -> int:
    if not one or not other:
        return len(one) + len(other)
    same = levenshtein(one[1:], other[1:]) + (one[0] != other[0])
    return min(same, levenshtein(one[1:], other) + 1, levenshtein(one, other[1:]) + 1)


words = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=5)


@given(words, words)
def test_errors_are_the_fewest_edits(one: list[str], other: list[str]) -> None:
    assert word_errors(one, other) == levenshtein(one, other)


@given(words, words)
def test_joining_keeps_every_letter(one: list[str], other: list[str]) -> None:
    left, right = with_joined_words(one, other)
    assert ("".join(left), "".join(right)) == ("".join(one), "".join(other))
    assert word_errors(left, right) <= max(len(one), len(other))


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (struct.pack("<q", 99), "is no transcript"),
        (b"\1\2\3", "not made of int64"),
        (struct.pack("<q", -1), "is no"),
    ],
)
def test_what_is_no_transcript_is_refused_with_its_line(tmp_path: Path, response: bytes, said: str) -> None:
    log = write_log(tmp_path, [response])
    with pytest.raises(UsageError, match=said) as raised:
        whisper(log, Given(manifest(tmp_path, "a")))
    assert raised.value.where == f"{log}:2"


def test_manifests_that_cannot_be_judged_are_refused(tmp_path: Path) -> None:
    log = write_log(tmp_path, [heard("a")])
    with pytest.raises(UsageError, match="has digits"):
        rnnt(log, Given(manifest(tmp_path, "chapter 4")))
    with pytest.raises(UsageError, match="no recording is 30 s or shorter"):
        whisper(log, Given(manifest(tmp_path, "a", duration=31)))
    with pytest.raises(UsageError, match="hold no words"):
        whisper(log, Given(manifest(tmp_path, " ")))
