"""The name by which this program can be called again, so that each command in its messages can be pasted.

Messages spell commands as ``mlperf-bake COMMAND``. That works where the program lies on PATH; where it was started by its
path, such as ``.venv/bin/mlperf-bake``, ``pasteable`` puts that path in its place.
"""

import os
import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

NAME = "mlperf-bake"
_COMMAND = re.compile(rf"(?<![\w./-]){NAME}(?= (?:[a-z]|--))")


def pasteable(text: str) -> str:
    """``text`` with each ``mlperf-bake COMMAND`` as this user can type it."""
    if NAME not in text:
        return text
    name = program(sys.argv[0], os.environ.get("PATH", ""))
    return text if name == NAME else _COMMAND.sub(lambda _: name, text)


@cache
def program(started: str, path: str) -> str:
    """How to call this program again, quoted for a shell.

    Args:
        started: ``sys.argv[0]``.
        path: the variable PATH.

    Returns:
        Its name where PATH leads to the program that was started, or where that is not known (``python -m``); else the
        path that it was started by.
    """
    if Path(started).name != NAME:
        return NAME
    found = shutil.which(NAME, path=path)
    try:
        return NAME if found and Path(found).samefile(started) else shlex.quote(started)
    except OSError:  # it was moved away while it ran
        return NAME


def this_program() -> list[str]:
    """The words by which another program can call this one, from any directory."""
    started = Path(sys.argv[0])
    if started.name == NAME and started.is_file():
        return [str(started.resolve())]
    return [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()"]


def shown(path: Path) -> str:
    """A path as a person wants it: relative where it lies below the current directory."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
