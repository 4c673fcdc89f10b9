"""Builds as people see them: a live table in a terminal, plain lines anywhere else."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlperf_bake.build.failures import BuildFailure
from mlperf_bake.build.progress import Event, Remark, Sending, Step, StepFinished, StepOutput, StepStarted
from mlperf_bake.build.target import WAITING, TargetOutcome
from mlperf_bake.plan.image import PlannedImage

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

SAY_EVERY_S = 10.0
SHOWN_STEPS = 3


def short_seconds(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


@dataclass
class _Running:
    """One build under way."""

    image: PlannedImage
    since: float
    steps: dict[str, tuple[Step, float]] = field(default_factory=dict)
    last_line: str = ""
    said: float = 0.0
    begun: set[str] = field(default_factory=set)


_MOUNTS = re.compile(r"--mount=\S+ ")
SAID_FROM_S = 1.0
"""Steps that end sooner are in the log alone."""
LINE = 110


class PlainView:
    """A line when a build or a command in it starts, when a step took long, and one at least every 10 s."""

    def __init__(
        self, say: Callable[[str], None], total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._total = total
        self._done = 0
        self._clock = clock
        self._running: dict[str, _Running] = {}

    def started(self, image: PlannedImage) -> None:
        now = self._clock()
        self._running[image.cell_id] = _Running(image, now, said=now)
        self._say(f"{image.cell_id}: building ({image.platform})")

    def event(self, image: PlannedImage, event: Event) -> None:
        running = self._running[image.cell_id]
        _follow(running, event, self._clock())
        match event:
            case Remark(line) if line == WAITING:
                self._line(running, line)
            case StepStarted(step) if step.stage and step.text.startswith("RUN"):
                if step.vertex not in running.begun:  # BuildKit begins a step anew for each that waits for it
                    running.begun.add(step.vertex)
                    self._line(running, f"{step.title}: {_MOUNTS.sub('', step.text)}")
            case StepFinished(step, seconds, cached, error) if error:
                self._line(running, f"{step.title}: {'cancelled' if event.cancelled else 'FAILED'}")
            case StepFinished(step, seconds, cached, _) if (
                step.stage and not cached and seconds >= SAID_FROM_S
            ):
                self._line(running, f"{step.title}: done in {short_seconds(seconds)}")

    def ended(self, outcome: TargetOutcome, failure: BuildFailure | None) -> None:
        self._done += 1
        self._running.pop(outcome.image.cell_id, None)
        how = "built" if failure is None else f"FAILED at {failure.step}"
        cached = ", everything cached" if failure is None and outcome.cached else ""
        self._say(
            f"{outcome.image.cell_id}: {how} after {short_seconds(outcome.seconds)}{cached} "
            f"({self._done} of {self._total})"
        )

    def tick(self) -> None:
        now = self._clock()
        for running in self._running.values():
            if now - running.said >= SAY_EVERY_S:
                doing = ", ".join(
                    f"{step.title} {short_seconds(now - since)}" for step, since in _shown(running)
                )
                line = f": {running.last_line[:100]}" if running.last_line else ""
                self._line(running, f"still at {doing or 'it'}{line}")

    def note(self, text: str) -> None:
        """A line that is of no single build."""
        self._say(text)

    def _line(self, running: _Running, text: str) -> None:
        running.said = self._clock()
        who = f"{running.image.cell_id}: " if self._total > 1 else "  "
        self._say(f"{who}{text[:LINE]}")


class LiveView:
    """A table of what is being built now, redrawn in place; a line above it for each build that ended."""

    def __init__(self, console: "Console", total: int, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.live import Live

        self._console = console
        self._total = total
        self._built = 0
        self._failed = 0
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._begun = clock()
        self._live = Live(
            console=console,
            refresh_per_second=4,
            transient=True,
            get_renderable=self.render,
            auto_refresh=True,
        )

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, image: PlannedImage) -> None:
        self._running[image.cell_id] = _Running(image, self._clock())

    def event(self, image: PlannedImage, event: Event) -> None:
        _follow(self._running[image.cell_id], event, self._clock())

    def ended(self, outcome: TargetOutcome, failure: BuildFailure | None) -> None:
        self._running = {name: one for name, one in self._running.items() if name != outcome.image.cell_id}
        took = short_seconds(outcome.seconds)
        if failure is None:
            self._built += 1
            cached = ", everything cached" if outcome.cached else ""
            self._console.print(
                f"[green]✓[/] {outcome.image.cell_id}  [dim]{took}{cached}[/]", highlight=False
            )
        else:
            self._failed += 1
            self._console.print(
                f"[red]✗[/] {outcome.image.cell_id}  [dim]{took}[/]  at {failure.step}", highlight=False
            )

    def tick(self) -> None:
        """Nothing: the display redraws itself."""

    def note(self, text: str) -> None:
        """A line above the table, of no single build."""
        self._console.print(text, highlight=False, markup=False)

    def render(self) -> "RenderableType":
        """The table as it is now; called by the display's own thread."""
        from rich.console import Group
        from rich.text import Text

        now = self._clock()
        failed = f", {self._failed} failed" if self._failed else ""
        head = Text.assemble(
            ("building ", "bold"),
            f"{self._built + self._failed} of {self._total} done{failed}, {short_seconds(now - self._begun)}",
        )
        return Group(head, self._table(now))

    def _table(self, now: float) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False, expand=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right", style="cyan")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for running in list(self._running.values()):
            table.add_row(
                Text(running.image.cell_id, style="bold"),
                short_seconds(now - running.since),
                Text(running.last_line, style="dim"),
            )
            for step, since in _shown(running):
                table.add_row(
                    f"  {step.title}" if step.stage else "", short_seconds(now - since), Text(step.text)
                )
        return table


def _follow(running: _Running, event: Event, now: float) -> None:
    match event:
        case StepStarted(step):
            running.steps = {**running.steps, step.vertex: (step, now)}
        case StepFinished(step):
            running.steps = {name: value for name, value in running.steps.items() if name != step.vertex}
        case StepOutput(_, line) if line.strip():
            running.last_line = line.strip()
        case Remark(line) if line == WAITING:
            running.last_line = line
        case Sending(line):
            running.last_line = line


def _shown(running: _Running) -> list[tuple[Step, float]]:
    """The steps under way that have run longest."""
    return sorted(running.steps.values(), key=lambda pair: pair[1])[:SHOWN_STEPS]
