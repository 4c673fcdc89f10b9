"""Which files of the checkout a Dockerfile copies in, read off its own COPY lines, and their hashes."""

import hashlib
import re
import stat
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from mlperf_bake.errors import UsageError

IGNORED = ("__pycache__",)
"""As in .dockerignore: never copied, never part of an identity."""

_STARTS = frozenset(
    "".join(letters)
    for word in ("COP", "ADD", "RUN")
    for letters in product(*((letter, letter.lower()) for letter in word))
)
_HEREDOC = re.compile(r"<<-?(['\"]?)(\w+)\1")
_BIND = re.compile(r"--mount=(\S*)")


def copied_paths(text: str) -> tuple[str, ...]:
    """The paths that a Dockerfile takes out of the build context, as written, sorted.

    Those are the sources of COPY and ADD (but addresses, heredocs and ``--from``) and of ``RUN --mount=type=bind``
    without ``from``. Source: the Dockerfile reference, "COPY", "ADD", "RUN --mount", "Here-documents".
    """
    found: set[str] = set()
    for instruction in _instructions(text):
        word, _, rest = instruction.partition(" ")
        if (word := word.upper()) == "RUN":
            found.update(_bound(rest))
        elif word in ("COPY", "ADD") and "--from=" not in rest:
            words = [part for part in rest.split() if not part.startswith("--")]
            found.update(part for part in words[:-1] if not part.startswith("<<") and "://" not in part)
    return tuple(sorted(found))


def _instructions(text: str) -> Iterator[str]:
    """Each COPY, ADD and RUN on one line, continuation lines joined; what stands in heredocs is skipped."""
    lines = text.split("\n")
    last = len(lines) - 1
    number = 0
    while number <= last:
        line = lines[number]
        number += 1
        if line[:3] not in _STARTS:
            continue
        while line.endswith("\\") and number <= last:
            if not lines[number].lstrip().startswith("#"):
                line = line[:-1] + lines[number]
            number += 1
        if "<<" in line:
            for _, word in _HEREDOC.findall(line):
                number = _after(lines, word, number)
        yield line


def _after(lines: list[str], word: str, number: int) -> int:
    """The line after the one that ends a heredoc."""
    while number < len(lines) and lines[number].lstrip("\t") != word:
        number += 1
    return number + 1


def _bound(rest: str) -> Iterator[str]:
    for mount in _BIND.findall(rest) if "--mount=" in rest else ():
        options = dict(part.partition("=")[::2] for part in mount.split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            yield options.get("source") or options.get("src") or "."


class Sources:
    """The checkout's files by hash; each path is read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, str] = {}

    def digest(self, path: str) -> str:
        """64 hex digits over a file, or over every file below a directory: names, executable bits and contents.

        Errors:
            UsageError: the path does not exist below the root.
        """
        if path not in self._known:
            self._known[path] = self._digest(path)
        return self._known[path]

    def _digest(self, path: str) -> str:
        place = self._root / path
        if not place.exists():
            raise UsageError(
                "a template copies what is not there",
                where=path,
                expected=f"a file or directory below {self._root}",
                remedy="run the command in a complete checkout, or correct the COPY line of the template",
            )
        digest = hashlib.sha256()
        files = sorted(file for file in place.rglob("*") if file.is_file()) if place.is_dir() else [place]
        for file in files:
            if any(part in IGNORED for part in file.parts):
                continue
            content = file.read_bytes()
            executable = bool(file.stat().st_mode & stat.S_IXUSR)
            name = file.relative_to(self._root).as_posix()
            digest.update(f"{name}\0{executable:d}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()
