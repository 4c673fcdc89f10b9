"""Printing: data for machines on stdout, plain tables for people that survive a pipe and a narrow terminal."""

import json
import re
import shutil
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from mlperf_bake.program import pasteable

GAP = "  "
LEAST_FOLDED = 24
"""Columns that a folded column must at least have."""

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but for line ends and tabs."""
_ENCODER = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True, slots=True)
class Written:
    """The entries of a list that are JSON already, each of one line."""

    entries: Sequence[str]


def print_json(value: object) -> None:
    """One JSON document on stdout, keys sorted, so that equal data are equal bytes; each entry of a list of the
    outermost object on a line of its own, to be compared by line and, by the tens of thousands, written fast."""
    # All of it before the first of it is written: what cannot be told leaves no half a document.
    sys.stdout.writelines(list(_document(value)) if isinstance(value, dict) else [json_text(value), "\n"])


def json_text(value: object) -> str:
    """A value as JSON of one line, keys sorted."""
    return _ENCODER.encode(value)


def _document(members: Mapping[str, object]) -> Iterator[str]:
    """The object in pieces: by the tens of megabytes, putting it together costs more than writing it."""
    before = "{\n"
    for key in sorted(members):
        yield f"{before}  {json_text(key)}: "
        yield from _member(members[key])
        before = ",\n"
    yield "{}\n" if before == "{\n" else "\n}\n"


def _member(member: object) -> Iterator[str]:
    if isinstance(member, Written):
        yield from _lines("[]", member.entries)
    elif isinstance(member, list):
        yield from _lines("[]", map(json_text, member))
    elif isinstance(member, dict):
        yield from _lines("{}", (f"{json_text(name)}: {json_text(member[name])}" for name in sorted(member)))
    else:
        yield json_text(member)


def _lines(brackets: str, entries: Iterable[str]) -> Iterator[str]:
    """One entry a line between brackets; nothing but these where there is none."""
    before = brackets[0] + "\n    "
    for entry in entries:
        yield before + entry
        before = ",\n    "
    yield brackets if before[0] == brackets[0] else "\n  " + brackets[1]


def print_line(text: str = "") -> None:
    """One line on stdout, its commands as this user can type them."""
    sys.stdout.write(pasteable(text) + "\n")


def note(text: str) -> None:
    """One line for people on stderr, its commands as this user can type them."""
    sys.stderr.write(pasteable(text) + "\n")


def counted(count: int, word: str) -> str:
    """``1 cell``, ``3 cells``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def print_prose(text: str) -> None:
    """Sentences on stdout, written at once, through a pipe too; on a terminal folded between words, what stands in
    backquotes kept on one line."""
    print_line(_folded(pasteable(text), _width(sys.stdout)))
    sys.stdout.flush()


def note_prose(text: str) -> None:
    """Sentences for people on stderr, folded like print_prose."""
    note(_folded(pasteable(text), _width(sys.stderr)))


def note_failure(text: str) -> None:
    """The sentences of a failure on stderr. On a terminal they are folded between words, each below its own beginning; a
    remedy is not: it may be a command to paste. What steers a terminal is told and not sent: a failure names files of others.
    """
    width = _width(sys.stderr)
    text = _STEERING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    told, remedy, commands = text.partition("\n  remedy:")
    if width is not None:
        told = "\n".join(_hanging(line, width) for line in told.splitlines())
    sys.stderr.write(f"{told}{remedy}{commands}\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], least: Sequence[str] = ()) -> None:
    """Columns aligned with spaces, on stdout; the last column is never padded.

    Args:
        least: columns that a terminal too narrow for all can do without, the least important first. Through a pipe, all
            are printed.
    """
    width = _width(sys.stdout)
    shown = _columns_that_fit(header, rows, width, least)
    lines = table_lines(
        [header[column] for column in shown], [[row[column] for column in shown] for row in rows], width
    )
    for line in lines:
        print_line(line)
    if left_out := [name for column, name in enumerate(header) if column not in shown]:
        note_prose(f"Left out on this narrow terminal: {', '.join(left_out)}.")


def print_pairs(pairs: Sequence[tuple[str, str]], folded: Container[str] = ()) -> None:
    """A label and its text a line, on stdout; on a terminal too narrow for both the text stands below its label.

    There a label that several pairs in a row have stands once above them.

    Args:
        folded: labels whose text is folded between words there; others are names and commands, to be copied whole.
    """
    width = _width(sys.stdout)
    column = max(len(label) for label, _ in pairs)
    before = None
    for label, text in pairs:
        if width is None or column + len(GAP) + len(text) <= width:
            print_line(f"{label:<{column}}{GAP}{text}")
            before = None
        else:
            shown = _wrapped(text, width - len(GAP)) if label in folded else [text]
            below = "\n".join(GAP + line for line in shown)
            print_line(below if label == before else f"{label}\n{below}")
            before = label


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The table as lines of at most ``width`` columns (None: as many as it takes), never broken within a word.

    Where the last column is too long it is folded below itself; where not even that is possible, each row starts a line
    with its first cell and goes on below, one cell beside the other.
    """
    columns = range(len(header) - 1)
    widths = [max(len(row[column]) for row in (header, *rows)) for column in columns]
    indent = sum(widths) + len(GAP) * len(widths)
    longest = max(len(row[-1]) for row in (header, *rows))
    if width is None or indent + longest <= width:
        return [_aligned(row, widths) for row in (header, *rows)]
    if indent + LEAST_FOLDED <= width:
        lines = []
        for row in (header, *rows):
            first, *more = _wrapped(row[-1], width - indent) or [""]
            lines += [_aligned((*row[:-1], first), widths), *(" " * indent + line for line in more)]
        return lines
    return [line for row in (header, *rows) for line in _stacked(row, width)]


def _columns_that_fit(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, least: Sequence[str]
) -> list[int]:
    shown = list(range(len(header)))
    sizes = [max(len(row[column]) for row in (header, *rows)) for column in shown]
    for name in least:
        if width is None or sum(sizes[column] for column in shown) + len(GAP) * (len(shown) - 1) <= width:
            break
        shown.remove(header.index(name))
    return shown


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
    return GAP.join([*cells, row[-1]])


def _stacked(row: Sequence[str], width: int) -> list[str]:
    first, *rest = row
    below = _wrapped(GAP.join(rest), width - len(GAP))
    return [first, *(GAP + line for line in below)]


def _folded(text: str, width: int | None) -> str:
    if width is None or len(text) <= width:
        return text
    quoted = re.sub(r"`[^`]*`", lambda found: found[0].replace(" ", "\0"), text)
    return "\n".join(_wrapped(quoted, width)).replace("\0", " ")


def _hanging(line: str, width: int) -> str:
    """A line of at most ``width`` columns, what is folded standing below the beginning of its text."""
    import textwrap

    label = re.match(r" +(?:\w+: +)?", line)
    indent = " " * (label.end() if label else len(GAP))
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False)


def _width(stream: TextIO) -> int | None:
    """Columns of the terminal; None where the stream is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else None
