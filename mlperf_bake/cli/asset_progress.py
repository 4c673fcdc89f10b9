"""Shows a Progress on stderr: one line rewritten in place on a terminal, else one line a step."""

import sys
import time

REDRAW = 0.1  # seconds between two drawings of the line


class StepLine:
    """A Progress (mlperf_bake.progress) for people. Use as a context manager, so that the line is ended."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._step = ""
        self._drawn = 0.0
        self._open = False

    def __enter__(self) -> "StepLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        if step != self._step:
            self._end()
            self._step = step
            if not self._terminal:
                sys.stderr.write(f"{step}\n")
        now = time.monotonic()
        finished = total is not None and done >= total
        if self._terminal and (finished or now - self._drawn >= REDRAW):
            share = f" {100 * done // total} %" if total else ""
            sys.stderr.write(f"\r\x1b[K{step}{share}")
            sys.stderr.flush()
            self._drawn, self._open = now, True

    def _end(self) -> None:
        if self._open:
            sys.stderr.write("\n")
            self._open = False
