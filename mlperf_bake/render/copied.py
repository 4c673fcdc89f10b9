"""Which files of the checkout a Dockerfile copies in, read off its own COPY lines, and their hashes."""

import hashlib
import re
import stat
from pathlib import Path

from mlperf_bake.errors import UsageError

_COPY = re.compile(r"^COPY\s+((?:--\S+\s+)*)(.+)$", re.MULTILINE)
IGNORED = ("__pycache__",)
"""As in .dockerignore: never copied, never part of an identity."""


def copied_paths(text: str) -> tuple[str, ...]:
    """The sources of every COPY from the build context, as written, sorted; heredocs and ``--from`` are none."""
    found: set[str] = set()
    for flags, rest in _COPY.findall(text):
        if "--from=" not in flags and not rest.startswith("<<"):
            found.update(rest.split()[:-1])
    return tuple(sorted(found))


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
