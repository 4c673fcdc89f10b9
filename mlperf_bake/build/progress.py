"""buildx's ``--progress=rawjson`` as typed events.

In come the lines of buildx's standard error: JSON objects, one a line or indented over several (buildx 0.13), with plain
lines between and after them (warnings, the failing excerpt). Out come events in the order they happened. Nothing in the
stream is an error for the reader: what is not understood is a ``Remark``.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

_STEP = re.compile(r"^\[(?P<words>(?:\S+ )*)(?P<number>\d+)/(?P<total>\d+)\] (?P<instruction>.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One vertex of the build graph.

    Attributes:
        vertex: its digest.
        stage: the Dockerfile stage (``harness``); empty for BuildKit's own work (contexts, export).
        position: ``3/5`` within its stage, or empty.
        text: the instruction, or BuildKit's description; one line.
    """

    vertex: str
    stage: str
    position: str
    text: str

    @property
    def title(self) -> str:
        """``harness 3/5``, or the description."""
        return f"{self.stage} {self.position}" if self.stage else self.text


@dataclass(frozen=True, slots=True)
class StepStarted:
    step: Step


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended.

    Attributes:
        step: which.
        seconds: its own time.
        cached: whether the cache had its result.
        error: BuildKit's message, empty when it succeeded.
    """

    step: Step
    seconds: float
    cached: bool
    error: str

    @property
    def cancelled(self) -> bool:
        """Whether it only ended because another step failed."""
        return "context canceled" in self.error


@dataclass(frozen=True, slots=True)
class StepOutput:
    step: Step
    line: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A line outside of the JSON: a warning, an error, an excerpt of the Dockerfile."""

    line: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A line about the way of a built image into a registry: what was sent, and why something is sent once more."""

    line: str


Event = StepStarted | StepFinished | StepOutput | Remark | Sending


def parse_step(vertex: str, name: str) -> Step:
    """A vertex's name taken apart; ``[linux/arm64 harness 3/5] RUN make`` and ``[target harness 3/5] RUN make`` too."""
    text = " ".join(name.split())
    match = _STEP.match(text)
    if not match:
        return Step(vertex, "", "", text)
    words = match["words"].split()
    stage = words[-1] if words and not words[-1].startswith("linux/") else "final"
    if re.fullmatch(r"stage-\d+", stage):
        stage = "final"
    return Step(vertex, stage, f"{match['number']}/{match['total']}", match["instruction"])


class ProgressReader:
    """Feed it lines, take the events; ``close`` gives what was still held back."""

    def __init__(self) -> None:
        self._object: list[str] = []
        self._steps: dict[str, Step] = {}
        self._running: set[str] = set()
        self._finished: set[str] = set()
        self._partial: dict[str, str] = {}

    def feed(self, line: str) -> Iterator[Event]:
        """Events that this line completes."""
        line = line.rstrip("\r\n")
        if self._object:
            self._object.append(line)
            if line == "}":
                yield from self._take("\n".join(self._object))
        elif line == "{":
            self._object = [line]
        elif line.startswith("{"):
            yield from self._take(line)
        elif line.strip():
            yield Remark(line)

    def close(self) -> Iterator[Event]:
        """The rest: half lines of output, half an object as remarks."""
        for vertex, rest in self._partial.items():
            if rest and vertex in self._steps:
                yield StepOutput(self._steps[vertex], rest)
        self._partial.clear()
        for line in self._object:
            yield Remark(line)
        self._object = []

    def _take(self, text: str) -> Iterator[Event]:
        self._object = []
        try:
            status = json.loads(text)
        except ValueError:
            for line in text.splitlines():
                yield Remark(line)
            return
        for vertex in _objects(status, "vertexes"):
            yield from self._vertex(vertex)
        for log in _objects(status, "logs"):
            yield from self._log(log)

    def _vertex(self, vertex: dict[str, object]) -> Iterator[Event]:
        digest = str(vertex.get("digest") or "")
        step = self._steps.setdefault(digest, parse_step(digest, str(vertex.get("name") or "")))
        started, completed = vertex.get("started"), vertex.get("completed")
        error = str(vertex.get("error") or "")
        if started and not completed and digest not in self._running:
            self._running.add(digest)
            yield StepStarted(step)
        if completed and (error or digest in self._running or digest not in self._finished):
            self._running.discard(digest)
            self._finished.add(digest)
            yield StepFinished(step, _seconds(started, completed), vertex.get("cached") is True, error)

    def _log(self, log: dict[str, object]) -> Iterator[Event]:
        digest = str(log.get("vertex") or "")
        step = self._steps.get(digest)
        if step is None:
            return
        try:
            text = base64.b64decode(str(log.get("data") or "")).decode("utf-8", errors="replace")
        except binascii.Error:
            return
        *lines, rest = (self._partial.get(digest, "") + text).split("\n")
        self._partial[digest] = rest
        for line in lines:
            yield StepOutput(step, line.rstrip("\r").rpartition("\r")[2])


def _objects(status: object, key: str) -> Iterator[dict[str, object]]:
    values = status.get(key) if isinstance(status, dict) else None
    for value in values if isinstance(values, list) else []:
        if isinstance(value, dict):
            yield value


def _seconds(started: object, completed: object) -> float:
    try:
        begin, end = datetime.fromisoformat(str(started)), datetime.fromisoformat(str(completed))
    except ValueError:
        return 0.0
    return max(0.0, (end - begin).total_seconds())
