"""Compiled templates, kept in the cache: compiling them anew takes a tenth of planning a thousand cells.

A file a template below ``made/templates/KEY/``; KEY stands for the interpreter and the Jinja that compiled it, and each
file says which text it was compiled from, and has its own checksum. It holds byte code, so it is read only from a
directory that belongs to this user and that nobody else can write to. Whatever is missing, damaged or not writable
costs time, never an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import stat
import sys
from pathlib import Path

from jinja2 import compiler
from jinja2.bccache import Bucket, BytecodeCache

DIGEST = 32
"""Bytes of a sha256."""


class CompiledTemplates(BytecodeCache):
    """Jinja's interface to the compiled templates below ``root``."""

    def __init__(self, root: Path) -> None:
        self._directory = root / "made" / "templates" / _compiler_key()
        self._trusted: bool | None = None

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the bucket its code where it was compiled from the same text."""
        try:
            data = (self._directory / bucket.key).read_bytes() if self._is_ours() else b""
        except OSError:
            return
        digest, content = data[:DIGEST], data[DIGEST:]
        checksum = bucket.checksum.encode()
        if content.startswith(checksum) and hashlib.sha256(content).digest() == digest:
            bucket.code = marshal.loads(content[len(checksum) :])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps what was just compiled, in one step."""
        content = bucket.checksum.encode() + marshal.dumps(bucket.code)
        partial = self._directory / f"{bucket.key}.{os.getpid()}.partial"
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._trusted = None
            if self._is_ours():
                partial.write_bytes(hashlib.sha256(content).digest() + content)
                partial.replace(self._directory / bucket.key)

    def _is_ours(self) -> bool:
        """Whether nobody else can have written into the directory."""
        if self._trusted is None:
            try:
                found = self._directory.lstat()
            except OSError:
                self._trusted = False
            else:
                self._trusted = (
                    stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
                )
        return self._trusted


def _compiler_key() -> str:
    """Stands for what compiles: the interpreter's byte code and the very file of Jinja's compiler."""
    file = Path(compiler.__file__).stat()
    seen = (
        f"{sys.implementation.cache_tag} {sys.version} {compiler.__file__} {file.st_mtime_ns} {file.st_size}"
    )
    return hashlib.sha256(seen.encode()).hexdigest()[:16]
