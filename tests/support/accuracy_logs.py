"""Writes accuracy logs as LoadGen does, for tests."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def log_text(answers: Iterable[tuple[int, bytes]]) -> str:
    """A log with these (sample, response) pairs in order; the numbers of the answers count from 0."""
    entries = [
        f'{{ "seq_id" : {number}, "qsl_idx" : {sample}, "data" : "{data.hex().upper()}" }}'
        for number, (sample, data) in enumerate(answers)
    ]
    return "[\n" + ",\n".join(entries) + "\n]\n"


def write_log(directory: Path, responses: Sequence[bytes]) -> Path:
    """A log that answers sample i with response i; samples in reverse, since LoadGen shuffles them."""
    return write_answers(directory, list(enumerate(responses))[::-1])


def write_answers(directory: Path, answers: Iterable[tuple[int, bytes]]) -> Path:
    """A log with these (sample, response) pairs in order."""
    path = directory / "mlperf_log_accuracy.json"
    path.write_text(log_text(answers), encoding="utf-8")
    return path
