"""The harness's ``--progress json`` lines as typed events (docs/contracts.md, "Harness")."""

import json
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phase:
    """The harness is at something: ``loading``, ``warm-up``, ``running``."""

    name: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is.

    Attributes:
        samples: done so far.
        expected: how many it will be, or None where time decides.
        elapsed_s: seconds since the timed part began.
        minimum_s: shortest allowed duration of it.
    """

    samples: int
    expected: int | None
    elapsed_s: float
    minimum_s: float

    @property
    def fraction(self) -> float | None:
        """Part done, 0 to 1: the slower one of samples and minimum duration; None where neither is known."""
        parts = []
        if self.expected:
            parts.append(self.samples / self.expected)
        if self.minimum_s > 0:
            parts.append(self.elapsed_s / self.minimum_s)
        return min(1.0, *parts) if parts else None

    @property
    def remaining_s(self) -> float | None:
        """Estimated seconds to the end; None where it cannot be told: nothing done yet, or more than was announced."""
        done = self.fraction
        if not done or done >= 1.0:
            return None
        return self.elapsed_s * (1.0 - done) / done


@dataclass(frozen=True, slots=True)
class Done:
    """The harness finished: name of the run, ``finished`` or ``interrupted``, and LoadGen's verdict."""

    run: str
    status: str
    validity: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line for people."""

    line: str


Event = Phase | Progress | Done | Said


class LineReader:
    """Splits a byte stream into lines; a line may come in several pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that these bytes complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace").rstrip("\r")

    def close(self) -> Iterator[str]:
        """What came after the last line end."""
        if self._rest:
            yield self._rest.decode("utf-8", errors="replace")
        self._rest = b""


def parse_line(line: str) -> Event:
    """One line of the harness; what is no event of the contract is something said."""
    if not line.startswith("{"):
        return Said(line)
    try:
        value = json.loads(line)
    except ValueError:
        return Said(line)
    if not isinstance(value, dict):
        return Said(line)
    match value:
        case {"event": "phase", "phase": str(name)}:
            return Phase(name)
        case {"event": "progress", "samples": int(samples)}:
            expected = value.get("expected")
            return Progress(
                samples,
                expected if isinstance(expected, int) else None,
                _number(value, "elapsed_s"),
                _number(value, "minimum_s"),
            )
        case {"event": "done", "run": str(run), "status": str(status)}:
            return Done(run, status, str(value.get("validity") or ""))
        case _:
            return Said(line)


def _number(value: dict[str, object], key: str) -> float:
    found = value.get(key)
    return float(found) if isinstance(found, int | float) else 0.0
