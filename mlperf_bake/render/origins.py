"""The template line behind each line of a Dockerfile: marks put into the templates' text, and read off what they give."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_MARK = re.compile("\x01([^\x02]*)\x02")


class LineMarks(Extension):
    """Puts the number of the template's line before each line of text, and before each piece of a line."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            if token.type != "data":
                yield token
                continue
            pieces = enumerate(token.value.split("\n"), token.lineno)
            marked = "\n".join(f"\x01{line}\x02{piece}" for line, piece in pieces)
            yield Token(token.lineno, "data", marked)


def named(text: str, name: str) -> str:
    """Adds the template's name to the marks that have none yet."""
    return _MARK.sub(lambda mark: mark[0] if ":" in mark[1] else f"\x01{name}:{mark[1]}\x02", text)


def resolve(text: str, first: str) -> Iterator[tuple[str, int]]:
    """Template and line for each line of ``text``: the innermost mark at its start; one without continues the line before.

    Args:
        first: the template of what stands before the first mark.
    """
    here = (first, 1)
    for line in text.removesuffix("\n").split("\n"):
        start = re.match("(?:\x01[^\x02]*\x02)+", line)
        if start:
            name, _, number = _MARK.findall(start[0])[-1].rpartition(":")
            here = (name, int(number))
        yield here
