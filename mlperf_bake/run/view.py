"""A run as people see it: a bar in a terminal, a line every 10 s anywhere else."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mlperf_bake.build.view import short_seconds
from mlperf_bake.run.progress import Done, Event, Phase, Progress, Said

if TYPE_CHECKING:
    from rich.console import Console

SAY_EVERY_S = 10.0
WORDS_WIDTH = 65
"""Columns that phase, samples, elapsed and estimated time take beside a bar."""
LEAST_BAR = 8


class RunView(Protocol):
    """Told everything the harness says; ``tick`` comes at least twice a second."""

    def event(self, event: Event) -> None: ...
    def tick(self) -> None: ...
    def close(self) -> None: ...


def progress_text(progress: Progress) -> str:
    """``1,200 of 5,000 samples, 12 s, about 38 s left``; past the duration that was asked for, why it goes on."""
    expected = f" of {progress.expected:,}" if progress.expected else ""
    remaining = progress.remaining_s
    left = ""
    if remaining is not None:
        left = f", about {short_seconds(remaining)} left"
    elif 0 < progress.minimum_s <= progress.elapsed_s and not progress.expected:
        left = f", over the {short_seconds(progress.minimum_s)} asked for: LoadGen wants more queries"
    return f"{progress.samples:,}{expected} samples, {short_seconds(progress.elapsed_s)}{left}"


class PlainRunView:
    """What is run, then phases as they come, progress every 10 s, and a line when there is neither."""

    def __init__(
        self, say: Callable[[str], None], title: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._clock = clock
        self._begun = self._said = clock()
        say(title)
        self._phase = "starting"
        self._progress: Progress | None = None

    def event(self, event: Event) -> None:
        match event:
            case Phase(name):
                self._phase, self._progress = name, None
                self._line(name)
            case Progress():
                self._progress = event
                self.tick()
            case Done(_, status, validity):
                self._line(f"{status}{f', {validity}' if validity else ''}")
            case Said(line) if line.strip():
                self._line(line)

    def tick(self) -> None:
        now = self._clock()
        if now - self._said >= SAY_EVERY_S:
            far = (
                progress_text(self._progress)
                if self._progress
                else f"still at it, {short_seconds(now - self._begun)}"
            )
            self._line(f"{self._phase}: {far}")

    def close(self) -> None:
        """Nothing is left open."""

    def _line(self, text: str) -> None:
        self._said = self._clock()
        self._say(f"  {text}")


class LiveRunView:
    """One line with phase, bar (none on a narrow terminal), samples, elapsed and estimated time."""

    def __init__(self, console: "Console", title: str) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        self._console = console
        room = console.width - WORDS_WIDTH
        self._bar = Bar(
            TextColumn("{task.description}"),
            *((BarColumn(bar_width=min(30, room)),) if room >= LEAST_BAR else ()),
            TextColumn("{task.fields[text]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
            transient=True,
        )
        console.print(title, style="bold", markup=False, highlight=False)
        self._task = self._bar.add_task("starting", total=None, text="")
        self._bar.start()

    def event(self, event: Event) -> None:
        match event:
            case Phase(name):
                self._bar.update(self._task, description=name)
            case Progress():
                done = event.fraction
                self._bar.update(
                    self._task,
                    total=None if done is None else 1.0,
                    completed=0.0 if done is None else done,
                    text=progress_text(event),
                )
            case Said(line) if line.strip():
                self._console.print(line, style="dim", markup=False, highlight=False)

    def tick(self) -> None:
        """Nothing: the bar redraws itself."""

    def close(self) -> None:
        self._bar.stop()
