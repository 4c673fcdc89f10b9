"""A tuning as people see it: a table that grows in a terminal, a line a run anywhere else."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mlperf_bake.build.view import short_seconds
from mlperf_bake.results import figures
from mlperf_bake.run.progress import Event, Phase, Progress, Said
from mlperf_bake.run.view import progress_text
from mlperf_bake.tune.setting import STREAMS, Setting, Trial

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LONG_S = 20.0

HEADER = ("run", "why", "workers x threads x batch", "target", "measured", "LoadGen says")


def cells(trial: Trial, scenario: str) -> tuple[str, ...]:
    """A trial as one row under ``HEADER``."""
    measurement = trial.measurement
    if measurement is None:
        return (str(trial.number), trial.purpose, _asked(trial.setting), "", trial.failure, trial.verdict)
    if scenario in STREAMS:
        target = (
            figures.duration(measurement.target_latency_ms * 1e6) if measurement.target_latency_ms else ""
        )
        measured = (
            f"p90 {figures.duration(measurement.p90_ms * 1e6)}" if measurement.p90_ms is not None else ""
        )
    else:
        target = f"{measurement.target_qps:,.4g}/s" if measurement.target_qps else ""
        measured = f"{measurement.value:,.1f}/s" if measurement.value is not None else ""
        if scenario != "Offline" and measurement.p99_ms is not None:
            measured += f", p99 {figures.duration(measurement.p99_ms * 1e6)}"
    return (
        str(trial.number),
        trial.purpose,
        str(measurement.execution),
        target,
        measured,
        trial.verdict,
    )


def _why_long(trial: Trial) -> str:
    if trial.setting.target_qps and trial.purpose != "confirm":
        return f"at {trial.setting.target_qps:,.4g} queries/s LoadGen is not certain sooner"
    return "a longer run confirms the setting" if trial.purpose == "confirm" else "as asked for"


def _asked(setting: Setting) -> str:
    return str(setting.execution) if setting.execution else "default"


class PlainTuneView:
    """A line for each run when it ends."""

    def __init__(self, say: Callable[[str], None], scenario: str) -> None:
        self._say = say
        self._scenario = scenario

    def started(self, trial: Trial, limit: int) -> None:
        """What a run measured is said when it ends; a long one is announced."""
        if trial.duration_s > LONG_S:
            self._say(f"  {trial.number:>3}  at least {short_seconds(trial.duration_s)}: {_why_long(trial)}")

    def ended(self, trial: Trial) -> None:
        number, why, execution, target, measured, verdict = cells(trial, self._scenario)
        aim = f" at {target}" if target else ""
        self._say(f"  {number:>3}  {why:<12}  {execution:<12}{aim}: {measured}, {verdict}")

    def event(self, event: Event) -> None:
        if (
            isinstance(event, Said)
            and event.line.strip()
            and not event.line.startswith("mlperf-harness: LoadGen calls")
        ):
            self._say(f"       {event.line.strip()}")

    def tick(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> "PlainTuneView":
        return self

    def __exit__(self, *_: object) -> None: ...


class LiveTuneView:
    """The table of all runs, the one under way as its last line."""

    def __init__(self, console: "Console", scenario: str) -> None:
        from rich.live import Live

        self._scenario = scenario
        self._rows: list[tuple[str, ...]] = []
        self._now = ""
        self._trial: tuple[str, ...] = ()
        self._live = Live(self.table(), console=console, refresh_per_second=4, vertical_overflow="visible")

    def started(self, trial: Trial, limit: int) -> None:
        self._trial = (f"{trial.number}/{limit}", trial.purpose, _asked(trial.setting))
        self._show("starting")

    def ended(self, trial: Trial) -> None:
        self._rows.append(cells(trial, self._scenario))
        self._trial = ()
        self._live.update(self.table())

    def event(self, event: Event) -> None:
        match event:
            case Phase(name):
                self._show(name)
            case Progress():
                self._show(progress_text(event))

    def tick(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> "LiveTuneView":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._trial = ()
        self._live.update(self.table())
        self._live.stop()

    def _show(self, now: str) -> None:
        self._now = now
        self._live.update(self.table())

    def table(self) -> "Table":
        """All runs, and the one under way."""
        from rich.table import Table
        from rich.text import Text

        table = Table(*HEADER, box=None, padding=(0, 2, 0, 0))
        colour = {"VALID": "green", "INVALID": "yellow", "undetermined": "yellow", "failed": "red"}
        for row in self._rows:
            table.add_row(*row[:-1], Text(row[-1], style=colour[row[-1]]))
        if self._trial:
            table.add_row(*self._trial, "", self._now, "", style="dim")
        return table


TuneView = PlainTuneView | LiveTuneView


class Kept:
    """Shows each trial and keeps it."""

    def __init__(self, view: TuneView, keep: Callable[[Trial], None]) -> None:
        self._view = view
        self._keep = keep

    def started(self, trial: Trial, limit: int) -> None:
        self._view.started(trial, limit)

    def ended(self, trial: Trial) -> None:
        self._keep(trial)
        self._view.ended(trial)


def open_view(console: "Console", say: Callable[[str], None], scenario: str) -> TuneView:
    """The table where the console is a terminal, else lines."""
    return LiveTuneView(console, scenario) if console.is_terminal else PlainTuneView(say, scenario)


def estimate_s(runs: int, duration_s: float) -> str:
    """About how long so many runs take: two seconds of start and warm-up, and a third more than the duration."""
    return short_seconds(runs * (2 + 1.4 * duration_s))
