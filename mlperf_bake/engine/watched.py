"""A long external command, watched line by line, that is never silent for long and never outlives Ctrl-C."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SAY_EVERY_S = 10.0
END_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Watched:
    """How it ended.

    Attributes:
        exit_code: its exit code, or None when it was stopped because it said nothing for too long.
        lines: everything it said, both streams, in order.
        seconds: wall time.
    """

    exit_code: int | None
    lines: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def last_line(self) -> str:
        return next((line for line in reversed(self.lines) if line.strip()), "it said nothing")


def watch(
    argv: Sequence[str],
    *,
    on_line: Callable[[str], None],
    on_silence: Callable[[float], None],
    first_line_s: float | None = None,
    silence_s: float = 1800.0,
    env: Mapping[str, str] | None = None,
) -> Watched:
    """Run a command, handing over each line as it comes.

    Args:
        argv: program and arguments.
        on_line: called with every line.
        on_silence: called with the elapsed seconds after each 10 s without a line.
        first_line_s: it is stopped when it says nothing at all for so long.
        silence_s: it is stopped when it says nothing more for so long.
        env: variables added to this process's environment.

    Raises:
        FileNotFoundError: there is no such program.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        env={**os.environ, **env} if env else None,
    )
    coming: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, coming), daemon=True)
    reader.start()
    lines: list[str] = []
    last = said = started
    try:
        while True:
            try:
                line = coming.get(timeout=0.5)
            except queue.Empty:
                now = time.monotonic()
                limit = first_line_s if first_line_s is not None and not lines else silence_s
                if now - last > limit:
                    return Watched(None, tuple(lines), now - started)
                if now - max(said, last) >= SAY_EVERY_S:
                    said = now
                    on_silence(now - started)
                continue
            if line is None:
                break
            last = time.monotonic()
            lines.append(line)
            on_line(line)
        return Watched(process.wait(), tuple(lines), time.monotonic() - started)
    finally:
        end_group(process)


def end_group(process: "subprocess.Popen[str]") -> None:
    """Terminate a command that leads its own session, and whatever it started; kill what does not listen."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=END_LIMIT_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(process: "subprocess.Popen[str]", coming: "queue.Queue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        coming.put(line.rstrip("\n"))
    coming.put(None)
