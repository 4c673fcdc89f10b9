"""What an official power measurement left: the analyser's samples, and the session of its client and server.

``spl.txt`` is one sample a line, ``Time,<when>,Watts,<w>,Volts,<v>,Amps,<a>,PF,<pf>,Mark,<mark>``; times are written
as LoadGen writes ``power_begin`` and ``power_end``. Formats: mlcommons/power-dev, and the official submission checker.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.loadgen_log import DetailLog
from mlperf_bake.results.printable import printable
from mlperf_bake.unreadable import unreadable

TIME_FORMAT: Final = "%m-%d-%Y %H:%M:%S.%f"
LINE_LIMIT: Final = 4096
SESSION_KEYS: Final = (
    "version",
    "timezone",
    "modules",
    "sources",
    "messages",
    "uuid",
    "session_name",
    "results",
    "phases",
)


@dataclass(frozen=True, slots=True)
class Window:
    """When a run's power was to be measured."""

    begin: datetime
    end: datetime

    @property
    def duration(self) -> timedelta:
        """How long."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Draw:
    """What the analyser read within a window: the mean of all samples above 0, in watts, and their number."""

    watts: float
    samples: int


@dataclass(frozen=True, slots=True)
class Session:
    """``client.json`` or ``server.json``.

    Attributes:
        uuids: of client and server, in lower case.
        results: file (``run_1/spl.txt``) to the SHA-1 it had.
        phases: mode (``ranging``, ``testing``) to the times of its steps, seconds since 1970.
        commands: what the client asked, in order.
        debug: whether the program said that it ran for debugging; anything but false counts.
    """

    name: str
    uuids: tuple[str, str]
    results: dict[str, str]
    phases: dict[str, tuple[float, ...]]
    commands: tuple[str, ...]
    debug: bool = False


def window_of(detail: DetailLog) -> Window | None:
    """The window that a performance log names; None where it names none that ends after it begins."""
    begin, end = (moment(detail.text(key)) for key in ("power_begin", "power_end"))
    return Window(begin, end) if begin and end and begin < end else None


def moment(text: str | None) -> datetime | None:
    """A time as LoadGen and the analyser write it."""
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


def read_draw(path: Path, window: Window) -> Draw:
    """The samples within a window, line by line.

    Raises:
        UsageError: the file cannot be read, or a line in it is no sample.
    """
    total, count = 0.0, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE_LIMIT), b""), 1):
                if not line.startswith(b"Time"):
                    continue
                when, watts = _sample(line, f"{path}:{number}")
                if window.begin < when < window.end and watts > 0:
                    total, count = total + watts, count + 1
    except OSError as error:
        raise unreadable("the file cannot be read", path, error, expected="the analyser's samples") from error
    return Draw(total / count if count else 0.0, count)


def _sample(line: bytes, where: str) -> tuple[datetime, float]:
    fields = line.decode("ascii", "replace").split(",")
    when = moment(fields[1]) if len(fields) > 3 else None
    try:
        watts = float(fields[3]) if when else math.nan
    except ValueError:
        watts = math.nan
    if when is None or not math.isfinite(watts):
        found = printable(line[:80].decode("ascii", "replace"))
        raise UsageError(
            "a line is no sample", where=where, found=found, expected="Time,<when>,Watts,<w>,..."
        )
    return when, watts


def read_session(path: Path) -> Session:
    """One side of a session.

    Raises:
        UsageError: not JSON, keys missing, or a value of another type.
    """
    data = strict_json.read(path)
    keys = data if isinstance(data, dict) else {}
    missing = [key for key in SESSION_KEYS if key not in keys]
    if missing:
        raise UsageError("keys are missing", where=str(path), found=", ".join(missing))
    uuid, results, phases, messages = (keys[key] for key in ("uuid", "results", "phases", "messages"))
    try:
        return Session(
            name=str(keys["session_name"]),
            uuids=(str(uuid["client"]).lower(), str(uuid["server"]).lower()),
            results={str(name): str(value).lower() for name, value in results.items()},
            phases={mode: tuple(float(step[0]) for step in phases[mode]) for mode in ("ranging", "testing")},
            commands=tuple(str(message["cmd"]) for message in messages),
            debug=keys.get("debug", False) is not False,
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UsageError(
            "a value is not what a power session holds", where=str(path), found=repr(error)[:200]
        ) from error
