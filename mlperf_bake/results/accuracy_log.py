"""``mlperf_log_accuracy.json``: the responses LoadGen recorded, one ``Response`` at a time.

The file is a JSON list of ``{"seq_id", "qsl_idx", "data"}`` (data as hex digits) and may be gigabytes: it is
read in pieces, never whole. A file that ends early, or was shortened for a submission, is an error naming the
line, the character and the entry reached.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, TextIO

from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import unreadable

PIECE: Final = 2**16
ENTRY_LIMIT: Final = 2**28
"""Longest entry read, in characters; a 1024 x 1024 picture takes 6 million."""
MOST_ANSWERS: Final = 2**48
SHORTENED: Final = "\n\n...\n\n"
"""Stands between the first and the last 4096 characters of a log shortened for a submission."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the system under test answered for one sample.

    Attributes:
        seq_id: number of the answer; LoadGen gives each number once.
        qsl_idx: number of the sample.
        data: the answer's bytes.
        line: where the entry starts in the log, from 1.
        token_count: tokens that were reported for the answer; None where LoadGen was told to measure no tokens.
        token_data: the first token, where it was reported before the answer.
    """

    seq_id: int
    qsl_idx: int
    data: bytes
    line: int = field(default=0, compare=False)
    token_count: int | None = None
    token_data: bytes | None = None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, each of whose keys is there once."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


class _Window:
    """A part of the text that slides forward as entries are taken out."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._decoder = json.JSONDecoder(object_pairs_hook=_once)
        self._text = ""
        self._at = 0
        self._left = 0
        self._counted = 0
        self._lines = 1
        self.entries = 0

    def fail(self, problem: str, remedy: str | None = None) -> NoReturn:
        """Refuses the log at the place reached."""
        raise UsageError(
            problem,
            where=str(self._path),
            found=f"line {self.line()}, character {self._left + self._at}: {self.entries} whole entries before it",
            expected="a JSON list of seq_id, qsl_idx and data",
            remedy=remedy,
        )

    def line(self) -> int:
        """The line reached, from 1."""
        self._lines += self._text.count("\n", self._counted, self._at)
        self._counted = max(self._counted, self._at)
        return self._lines

    def _more(self) -> bool:
        self.line()
        piece = self._file.read(max(PIECE, len(self._text) - self._at))
        self._left += self._at
        self._text = self._text[self._at :] + piece
        self._at = self._counted = 0
        return bool(piece)

    def skip(self, characters: str) -> str:
        """The next character that is none of these, without taking it; empty at the end of the file."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in characters:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self) -> None:
        """Moves past one character."""
        self._at += 1

    def value(self) -> object:
        """The JSON value that starts here."""
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._text, self._at)
                return value
            except (ValueError, RecursionError) as error:
                if len(self._text) - self._at > ENTRY_LIMIT:
                    self.fail(f"an entry is longer than {ENTRY_LIMIT} characters")
                if SHORTENED in self._text[self._at :]:
                    self.fail("the log was shortened for a submission and cannot be judged", _REMEDY)
                if self._closed() or not self._more():
                    self.fail(f"an entry is not valid JSON: {str(error)[:80]}", _REMEDY)

    def _closed(self) -> bool:
        """Whether the entry's closing brace is in the window, so that reading on cannot mend it."""
        return "}" in self._text[self._at :]


_REMEDY: Final = "use the log in the run's own directory, or run the accuracy mode again"


def read_responses(path: Path) -> Iterator[Response]:
    """The responses in file order.

    Raises:
        UsageError: not readable, cut off, shortened for a submission, or an entry that is none.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _responses(_Window(file, path))
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(
            "the accuracy log cannot be read", path, error, expected="LoadGen's accuracy log"
        ) from error


def _responses(window: _Window) -> Iterator[Response]:
    if window.skip(" \t\r\n") != "[":
        window.fail("not an accuracy log: it does not start with [")
    window.take()
    while True:
        character = window.skip(" \t\r\n,")
        if character == "]":
            window.take()
            if window.skip(" \t\r\n"):
                window.fail("something follows the end of the list")
            return
        if character != "{":
            window.fail(
                "the log is cut off" if not character else f"an entry starts with {character!r}", _REMEDY
            )
        yield _response(window, window.line())
        window.entries += 1


def _response(window: _Window, line: int) -> Response:
    entry = window.value()
    if not isinstance(entry, dict):
        window.fail("an entry is not a mapping")
    seq_id, qsl_idx, data = entry.get("seq_id"), entry.get("qsl_idx"), entry.get("data")
    if type(seq_id) is not int or type(qsl_idx) is not int or not isinstance(data, str):
        window.fail("an entry lacks seq_id, qsl_idx or data")
    if not 0 <= seq_id < MOST_ANSWERS or not 0 <= qsl_idx < MOST_ANSWERS:
        window.fail(
            f"seq_id {str(seq_id)[:24]} or qsl_idx {str(qsl_idx)[:24]} is no number that LoadGen counts to"
        )
    token_count, token_data = entry.get("token_count"), entry.get("token_data")
    if not isinstance(token_count, int | None) or not isinstance(token_data, str | None):
        window.fail("token_count or token_data of an entry is of another type")
    try:
        token = None if token_data is None else bytes.fromhex(token_data)
        return Response(seq_id, qsl_idx, bytes.fromhex(data), line, token_count, token)
    except ValueError:
        window.fail("the data of an entry are not hex digits")
