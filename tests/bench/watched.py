"""A program that is measured: what it printed, and the most it had in memory."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

WITHIN_S = 120
"""What takes longer stands still: runs are of one or two seconds, and DeepSparse compiles for some more."""


def watched(
    program: Path,
    *options: str,
    variables: Mapping[str, str] | None = None,
    also_ok: tuple[int, ...] = (),
    cwd: Path | None = None,
) -> tuple[str, int]:
    """What it printed, and the most it had in memory (bytes, mapped files included). It is ended after ``WITHIN_S``.

    Args:
        variables: of the environment, besides this process's own.
        also_ok: exit codes besides 0 that are no failure.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen(
            [str(program), *options],
            env={**os.environ, **(variables or {})},
            cwd=cwd,
            stdout=printed,
            stderr=said,
        )
        limit = threading.Timer(WITHIN_S, running.kill)
        limit.start()
        _, status, used = os.wait4(running.pid, 0)
        limit.cancel()
        running.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        said.seek(0)
        if running.returncode not in (0, *also_ok):
            ended = f"{program.name} {' '.join(options)} ended with {running.returncode}"
            raise RuntimeError(f"{ended}: {said.read()[-4000:]}")
        return printed.read(), used.ru_maxrss * 1024
