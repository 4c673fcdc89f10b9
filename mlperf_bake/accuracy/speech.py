"""Word error rate on LibriSpeech (rnnt, whisper); the accuracy is what is left of 100 %.

A response is the transcript, one number a character (int64 unless ``--dtype`` says otherwise): its place in the
benchmark's alphabet. Both sides are normalised first: for whisper by Whisper's EnglishTextNormalizer, and words that
only differ by a space count as equal; for rnnt the transcript is in lower case, with punctuation as white space.
The line is that of MLCommons' accuracy_eval.py.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.accuracy.measured import Given, Measured, known, ratio_interval
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.accuracy.records import column, read_records
from mlperf_bake.accuracy.word_errors import with_joined_words, word_errors
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response

RNNT_ALPHABET: Final = " " + string.ascii_lowercase + "'"
WHISPER_ALPHABET: Final = RNNT_ALPHABET + string.digits + "$%+-"
_RNNT_LONGEST_S: Final = 15.0
_WHISPER_LONGEST_S: Final = 30.0
_RNNT_SPACES: Final = str.maketrans(dict.fromkeys(set(string.punctuation) - set("'+&"), " "))

Words = Callable[[str], list[str]]


def whisper(log: Path, given: Given) -> Measured:
    """The word error rate of a log against MLCommons' manifest (JSON list of ``transcript``, ``original_duration``).

    Recordings longer than 30 s are no samples, as in the reference.

    Raises:
        UsageError: no manifest, or a log that does not answer each of its recordings.
    """
    module = library("whisper_normalizer.english", "Whisper's normalisation of English")
    normalize: Callable[[str], str] = module.EnglishTextNormalizer()
    said = [_kept(text, WHISPER_ALPHABET) for text in _transcripts(given.path(), _WHISPER_LONGEST_S)]
    return _measure(log, given, said, WHISPER_ALPHABET, lambda text: normalize(text).split(), joining=True)


def rnnt(log: Path, given: Given) -> Measured:
    """The same for rnnt, whose recordings are at most 15 s long.

    Raises:
        UsageError: as ``whisper``, or a transcript with digits, which the reference spells out.
    """
    said = []
    for number, text in enumerate(_transcripts(given.path(), _RNNT_LONGEST_S)):
        if any(character.isdigit() for character in text):
            raise UsageError(
                "a transcript has digits",
                where=str(given.truth),
                found=f"recording {number}: {text[:60]}",
                expected="numbers spelled out, as LibriSpeech has them",
            )
        said.append(" ".join(_kept(text.lower().translate(_RNNT_SPACES), RNNT_ALPHABET).split()))
    return _measure(log, given, said, RNNT_ALPHABET, str.split, joining=False)


def _measure(
    log: Path, given: Given, said: Sequence[str], alphabet: str, words: Words, *, joining: bool
) -> Measured:
    truth = given.path()
    answers = given.answers(log, len(said), f"recordings of {truth.name}")
    errors: list[int] = []
    counts: list[int] = []
    for answer in answers:
        heard = words(_text(answer, given.dtype or "int64", alphabet, log))
        right = words(said[answer.qsl_idx])
        counts.append(len(right))
        errors.append(word_errors(*(with_joined_words(heard, right) if joining else (heard, right))))
    total = sum(counts)
    if not total:
        raise UsageError("the transcripts hold no words", where=str(truth))
    rate = sum(errors) / total
    kept = [words_of - wrong for words_of, wrong in zip(counts, errors, strict=True)]
    interval = ratio_interval(kept, counts)
    return Measured(
        samples=answers.count,
        figures={"ACCURACY": 100 * (1 - rate), "WER": 100 * (1 - rate)},
        line=f"Word Error Rate: {100 * rate}%, accuracy={100 * (1 - rate)}%",
        intervals=known(ACCURACY=interval, WER=interval),
        repeated=answers.repeated,
        also={"word error rate": 100 * rate, "words": total, "word errors": sum(errors)},
    )


def _transcripts(manifest: Path, longest_s: float) -> list[str]:
    records = read_records(manifest)
    column(records, manifest, "transcript")
    column(records, manifest, "original_duration")
    found = [
        _transcript(record, number, manifest)
        for number, record in enumerate(records)
        if _duration(record, number, manifest) <= longest_s
    ]
    if not found:
        problem = f"no recording is {longest_s:g} s or shorter"
        raise UsageError(problem, where=str(manifest), expected="the manifest of the benchmark's data set")
    return found


def _transcript(record: Mapping[str, object], number: int, manifest: Path) -> str:
    text = record.get("transcript")
    if not isinstance(text, str):
        raise UsageError("a recording has no transcript", where=str(manifest), found=f"recording {number}")
    return text


def _duration(record: Mapping[str, object], number: int, manifest: Path) -> float:
    value = record.get("original_duration")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError("a recording has no duration", where=str(manifest), found=f"recording {number}")
    return value


def _kept(text: str, alphabet: str) -> str:
    return "".join(character for character in text if character in alphabet)


def _text(answer: Response, dtype: str, alphabet: str, log: Path) -> str:
    places = numbers(answer, dtype, log).tolist()
    if not all(isinstance(place, int) and 0 <= place < len(alphabet) for place in places):
        raise UsageError(
            "a response is no transcript",
            where=f"{log}:{answer.line}",
            found=f"sample {answer.qsl_idx}: {str(places[:8])[1:-1]}",
            expected=f"places in the alphabet, 0 to {len(alphabet) - 1}",
            remedy="name the type that the system under test answered with, as --dtype int8",
        )
    return "".join(alphabet[place] for place in places)
