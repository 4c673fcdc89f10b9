"""LoadGen's own logs of a run: ``mlperf_log_detail.txt`` and ``mlperf_log_summary.txt``.

The detail log is one ``:::MLLOG {json}`` a line; it is read line by line, and of each key the first value is
kept with its line number (as the official checker takes the first), long lists not at all. What is wrong with
a file is data, not an exception: a cut line, a foreign encoding, a key with two values stand in ``problems``.
Format: mlcommons/inference, loadgen/logging.cc, and real logs of the rounds v5.1 and v6.1.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results.log_line import BadLine, Line, Value, read_line
from mlperf_bake.results.printable import printable
from mlperf_bake.results.regular import open_regular
from mlperf_bake.unreadable import unreadable

MARKER: Final = ":::MLLOG"
LINE_LIMIT: Final = 64 * 2**20
"""Longest line read; the longest real one lists every sample of a data set in one value (a few MB)."""
SIZE_LIMIT: Final = 2**30
"""Longest detail log read; one without LoadGen's trace has a few MB."""
KEPT: Final = 50
"""So many problems, errors and warnings are kept one by one; beyond it only their number grows."""
BACKWARDS_MS: Final = 10_000
"""LoadGen's threads write their lines a little out of order; more than this is no thread's doing."""
_ENCODINGS: Final = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\xef\xbb\xbf": "UTF-8 with a byte-order mark",
    b"\x1f\x8b": "compressed by gzip",
}
"""What the first bytes of a file that an editor or a copy has changed say of it."""
_PERCENTILE = re.compile(r"result_(\d+\.\d+)_percentile_latency_ns")
_LAST_LATENCY: Final = "result_99.90_percentile_latency_ns"
_BULKY: Final = frozenset({"loaded_qsl_set", "loadgen_file_sha1", "loadgen_git_log_message"})
_SETTING: Final = ("requested_", "effective_", "result_", "early_stopping_")


@dataclass(frozen=True, slots=True)
class Entry:
    """One logged value and the line it stands in (from 1)."""

    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class Message:
    """A line of the log for people: an error, a warning, or what is wrong with the file."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class DetailLog:
    """A detail log, read to its end.

    Attributes:
        path: the file.
        entries: key to the first value logged for it; lists and mappings are kept as None.
        lines: how many lines the file has.
        problems: what is wrong with the file itself; empty for a sound one.
        problem_count: all of them, also those beyond ``KEPT``.
        errors: lines that LoadGen marks as errors.
        warnings: lines that LoadGen marks as warnings.
        error_count: all error lines, also those beyond ``KEPT``.
        generated_samples: samples of all generated queries, which in accuracy mode is what the run covered.
        cut: the file does not end with a whole line.
    """

    path: Path
    entries: Mapping[str, Entry]
    lines: int
    problems: tuple[Message, ...]
    problem_count: int
    errors: tuple[Message, ...]
    warnings: tuple[Message, ...]
    error_count: int
    generated_samples: int
    cut: bool

    def has(self, key: str) -> bool:
        """Whether the key was logged."""
        return key in self.entries

    def line(self, key: str) -> int | None:
        """The line a key stands in."""
        entry = self.entries.get(key)
        return entry.line if entry else None

    def raw(self, key: str) -> Value:
        """A value of whatever type; None also where the key was not logged."""
        entry = self.entries.get(key)
        return entry.value if entry else None

    def text(self, key: str) -> str | None:
        """A value that is text, else None."""
        entry = self.entries.get(key)
        return entry.value if entry and isinstance(entry.value, str) else None

    def flag(self, key: str) -> bool | None:
        """A value that is true or false, else None."""
        entry = self.entries.get(key)
        return entry.value if entry and isinstance(entry.value, bool) else None

    def number(self, key: str) -> float | None:
        """A value that is a finite number, else None."""
        entry = self.entries.get(key)
        if entry is None or isinstance(entry.value, bool) or not isinstance(entry.value, int | float):
            return None
        return entry.value

    def integer(self, key: str) -> int | None:
        """A value that is a whole number, else None."""
        value = self.number(key)
        return int(value) if value is not None and value == int(value) else None

    @property
    def version(self) -> str | None:
        """LoadGen's version: ``6.0.17``."""
        text = self.text("loadgen_version")
        return text.split("@")[0].strip() if text else None

    @property
    def revision(self) -> str | None:
        """LoadGen's revision: ``d6147c7eb7``."""
        text = self.text("loadgen_version")
        return text.split("@")[1].strip() if text and "@" in text else None

    @property
    def scenario(self) -> str | None:
        """The scenario LoadGen ran; ``Server`` for Interactive runs as well."""
        return self.text("effective_scenario")

    @property
    def mode(self) -> str | None:
        """``performance``, ``accuracy``, ``find-peak`` or ``submission``; None where it is not logged."""
        return {
            "PerformanceOnly": "performance",
            "AccuracyOnly": "accuracy",
            "FindPeakPerformance": "find-peak",
            "SubmissionRun": "submission",
        }.get(self.text("effective_test_mode") or "")

    @property
    def validity(self) -> str | None:
        """``VALID`` or ``INVALID``; None in accuracy mode and in a log cut before its end."""
        return self.text("result_validity")

    @property
    def percentiles_ns(self) -> Mapping[str, float]:
        """Latency percentile (``90.00``) to nanoseconds."""
        found = {}
        for key in self.entries:
            match = _PERCENTILE.fullmatch(key)
            value = self.number(key) if match else None
            if match and value is not None:
                found[match.group(1)] = value
        return found

    @property
    def complete(self) -> bool:
        """Whether the log was written to its end.

        A performance log ends with its result; an accuracy log's queries cover every sample of the library.
        """
        if self.cut or self.mode is None:
            return False
        if self.mode == "accuracy":
            total = self.integer("qsl_reported_total_count")
            return total is not None and self.generated_samples >= total > 0
        return self.has("result_validity") and self._ends()

    def _ends(self) -> bool:
        """Whether a performance log has its last line: the count of errors, before LoadGen 5.0 the last latency."""
        if self.has("num_errors"):
            return True
        return (self.version or "").partition(".")[0] in {"3", "4"} and self.has(_LAST_LATENCY)


class _Reader:
    """Gathers what the lines of one detail log say."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.problems: list[Message] = []
        self.errors: list[Message] = []
        self.warnings: list[Message] = []
        self.error_count = 0
        self.generated_samples = 0
        self.problem_count = 0
        self._query_count = 0
        self._latest_ms = 0.0
        self._process: object = None

    def problem(self, line: int, text: str) -> None:
        self.problem_count += 1
        if len(self.problems) < KEPT:
            self.problems.append(Message(line, text))

    def take(self, number: int, data: bytes) -> None:
        """One line."""
        try:
            line = read_line(data)
        except BadLine as fault:
            self.problem(number, str(fault))
            return
        if line is None:
            return
        if line.fault:
            self.problem(number, f"{line.key} {line.fault}")
        self._keep(number, line.key, line.value)
        if line.error or line.warning:
            self._mark(number, line)
        if not line.marked:
            self.problem(number, f"{line.key} has no metadata")
        if line.process != self._process:
            self._another_process(number, line.process)
        if line.elapsed_ms is not None:
            if line.elapsed_ms < self._latest_ms - BACKWARDS_MS:
                self._backwards(number, line.elapsed_ms)
            self._latest_ms = max(self._latest_ms, line.elapsed_ms)

    def _keep(self, number: int, key: str, value: Value) -> None:
        first = self.entries.get(key)
        if first is None:
            self.entries[key] = Entry(None if key in _BULKY else value, number)
        elif first.value != value and key.startswith(_SETTING):
            text = f"{key} stands here with another value than in line {first.line}: two runs in one log?"
            self.problem(number, text)
        if key.startswith("generated_") and isinstance(value, int):
            self._count(key, value)

    def _count(self, key: str, value: int) -> None:
        """Adds up the samples of the queries: each count is followed by the samples per query."""
        if key == "generated_query_count":
            self._query_count = value
        elif key == "generated_samples_per_query":
            self.generated_samples += self._query_count * value
            self._query_count = 0

    def _mark(self, number: int, line: Line) -> None:
        message = Message(number, f"{line.key}: {line.said}")
        if line.error:
            self.error_count += 1
            if len(self.errors) < KEPT:
                self.errors.append(message)
        if line.warning and len(self.warnings) < KEPT:
            self.warnings.append(message)

    def _another_process(self, number: int, process: object) -> None:
        """One process writes a log."""
        if process is not None:
            if self._process is not None:
                words = (
                    f"written by process {process}, the lines before by {self._process}: two runs in one log?"
                )
                self.problem(number, printable(words[:200]))
            self._process = process

    def _backwards(self, number: int, elapsed_ms: float) -> None:
        """The clock of a log runs forward."""
        before, self._latest_ms = self._latest_ms, 0.0
        words = f"{elapsed_ms:g} ms after the start, a line before says {before:g}: two runs in one log?"
        self.problem(number, words)


def _lines(file: BinaryIO, reader: _Reader) -> Iterator[tuple[int, bytes]]:
    """Line number and bytes; a line beyond the limit is reported and skipped."""
    number = 0
    while line := file.readline(LINE_LIMIT):
        number += 1
        if len(line) == LINE_LIMIT and not line.endswith(b"\n"):
            reader.problem(number, f"the line is longer than {LINE_LIMIT} bytes")
            while line and not line.endswith(b"\n"):
                line = file.readline(LINE_LIMIT)
            continue
        yield number, line


def _encoding(line: bytes) -> str | None:
    """What a file is by its first bytes, if it is no plain text."""
    return next((name for mark, name in _ENCODINGS.items() if line.startswith(mark)), None)


def _refuse_length(file: BinaryIO, path: Path) -> None:
    size = os.fstat(file.fileno()).st_size
    if size > SIZE_LIMIT:
        raise UsageError(
            "the LoadGen log is too long to be one",
            where=str(path),
            found=f"{size} bytes",
            expected=f"at most {SIZE_LIMIT} bytes; LoadGen's trace is kept in a file of its own",
        )


def read_detail(path: Path) -> DetailLog:
    """A detail log.

    Raises:
        UsageError: the file is missing, cannot be read or is too long to be one. Anything wrong inside it is in ``problems``.
    """
    reader = _Reader()
    number, line = 0, b"\n"
    try:
        with open_regular(path) as file:
            _refuse_length(file, path)
            for number, line in _lines(file, reader):
                if number == 1 and (encoding := _encoding(line)):
                    reader.problem(1, f"the file is {encoding}, not the UTF-8 that LoadGen writes")
                    break
                if number == 1 and not line.startswith(MARKER.encode()):
                    reader.problem(1, f"not a LoadGen detail log: it does not start with {MARKER}")
                reader.take(number, line)
    except OSError as error:
        raise unreadable(
            "the LoadGen log cannot be read", path, error, expected="LoadGen's detail log"
        ) from error
    if number == 0:
        reader.problem(0, "the file is empty")
    cut = not line.endswith(b"\n")
    if cut:
        reader.problem(number, "the file ends in the middle of a line")
    return DetailLog(
        path=path,
        entries=reader.entries,
        lines=number,
        problems=tuple(reader.problems),
        problem_count=reader.problem_count,
        errors=tuple(reader.errors),
        warnings=tuple(reader.warnings),
        error_count=reader.error_count,
        generated_samples=reader.generated_samples,
        cut=cut,
    )


@dataclass(frozen=True, slots=True)
class SummaryLog:
    """A summary log: what LoadGen tells people, ``name : value`` a line, and the last word on errors.

    ``validity`` is None in accuracy mode, where the summary is only the lines on warnings and errors.
    """

    path: Path
    fields: Mapping[str, str]
    no_errors: bool

    @property
    def scenario(self) -> str | None:
        """As LoadGen names it."""
        return self.fields.get("Scenario")

    @property
    def validity(self) -> str | None:
        """``VALID`` or ``INVALID``."""
        return self.fields.get("Result is")


def read_summary(path: Path, limit: int = 2**20) -> SummaryLog:
    """A summary log; of a file that is no summary, nothing is found.

    Raises:
        UsageError: the file is missing, cannot be read, or is longer than ``limit`` bytes.
    """
    try:
        with open_regular(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise unreadable(
            "the LoadGen summary cannot be read", path, error, expected="LoadGen's summary log"
        ) from error
    if len(data) > limit:
        raise UsageError(
            "the LoadGen summary is too long", where=str(path), expected=f"at most {limit} bytes"
        )
    fields: dict[str, str] = {}
    lines = data.decode("utf-8", errors="replace").splitlines()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip():
            fields.setdefault(name.strip(), value.strip())
    return SummaryLog(path, fields, "No errors encountered during test." in lines)
