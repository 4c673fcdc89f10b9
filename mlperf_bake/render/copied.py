"""Which files of the checkout a Dockerfile copies in, read off its own COPY lines, and their hashes."""

import hashlib
import re
import stat
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from pathlib import Path

from mlperf_bake.errors import UsageError

IGNORED = ("__pycache__",)
"""As in .dockerignore: never copied, never part of an identity."""


def _spellings(*words: str) -> frozenset[str]:
    """The words in every mixture of capitals and small letters."""
    return frozenset(
        "".join(letters)
        for word in words
        for letters in product(*((letter, letter.lower()) for letter in word))
    )


_STARTS = _spellings("COP", "ADD", "RUN")
STAGES_TOO = _STARTS | _spellings("FRO")
LAYERS_TOO = STAGES_TOO | _spellings("WOR")
"""First letters of what ``instructions`` gives: besides files and commands each FROM, and also each WORKDIR."""
_HEREDOC = re.compile(r"<<-?(['\"]?)(\w+)\1")
_BIND = re.compile(r"--mount=(\S*)")


def copied_paths(text: str) -> tuple[str, ...]:
    """The paths that a Dockerfile takes out of the build context, as written, sorted.

    Those are the sources of COPY and ADD (but addresses, heredocs and ``--from``) and of ``RUN --mount=type=bind``
    without ``from``. Source: the Dockerfile reference, "COPY", "ADD", "RUN --mount", "Here-documents".
    """
    found: set[str] = set()
    for instruction in instructions(text):
        found.update(_taken(instruction))
    return tuple(sorted(found))


@lru_cache(maxsize=4096)  # the same lines stand in thousands of cells
def _taken(instruction: str) -> tuple[str, ...]:
    word, _, rest = instruction.partition(" ")
    if word.upper() == "RUN":
        return tuple(_bound(rest))
    if word.upper() not in ("COPY", "ADD") or "--from=" in rest:
        return ()
    words = [part for part in rest.split() if not part.startswith("--")]
    return tuple(part for part in words[:-1] if not part.startswith("<<") and "://" not in part)


def instructions(text: str, starts: frozenset[str] = _STARTS) -> Iterator[str]:
    """Each COPY, ADD and RUN on one line, continuation lines joined; what stands in heredocs is skipped.

    Args:
        starts: the first three letters of those that are given: ``STAGES_TOO`` has FROM as well, ``LAYERS_TOO`` also WORKDIR.
    """
    after = 0
    while after < len(text):
        if text[after : after + 3] not in starts:
            after = text.find("\n", after) + 1 or len(text)
            continue
        line, after = _line(text, after)
        while line.endswith("\\") and after < len(text):
            more, after = _line(text, after)
            if not more.lstrip().startswith("#"):
                line = line[:-1] + more
        line = line.removesuffix("\\")
        if "<<" in line:
            for word in _heredocs(line):
                after = _after(text, word, after)
        yield line


def _line(text: str, start: int) -> tuple[str, int]:
    """The line from there on, without its end, and where the next one starts."""
    end = text.find("\n", start)
    return (text[start:], len(text)) if end < 0 else (text[start:end], end + 1)


@lru_cache(maxsize=4096)
def _heredocs(line: str) -> tuple[str, ...]:
    return tuple(word for _, word in _HEREDOC.findall(line))


def _after(text: str, word: str, start: int) -> int:
    """Where the line after the one that ends a heredoc starts."""
    place = text.find(word, start)
    while place >= 0:
        before = text.rfind("\n", start - 1, place) + 1
        line, after = _line(text, max(before, start))
        if line.lstrip("\t") == word:
            return after
        place = text.find(word, after)
    return len(text)


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
