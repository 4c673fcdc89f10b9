"""Compiled templates, kept in the cache: compiling them anew takes a tenth of planning a thousand cells.

Each says which text it was compiled from, and is compiled anew where that is another.
"""

from __future__ import annotations

import marshal
from pathlib import Path

from jinja2 import compiler
from jinja2.bccache import Bucket, BytecodeCache

from mlperf_bake.cache.remembered import Remembered


class CompiledTemplates(BytecodeCache):
    """Jinja's interface to the compiled templates below ``root`` of the cache; the default one where not given."""

    def __init__(self, root: Path | None = None) -> None:
        self._known = Remembered("templates", (Path(compiler.__file__),), root)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the bucket its code where it was compiled from the same text."""
        content = self._known.get(bucket.key)
        checksum = bucket.checksum.encode()
        if content is not None and content.startswith(checksum):
            bucket.code = marshal.loads(content[len(checksum) :])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps what was just compiled."""
        self._known.keep(bucket.key, bucket.checksum.encode() + marshal.dumps(bucket.code))
