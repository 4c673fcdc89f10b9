"""Run many builds, a few at a time; one failure stops nothing else; Ctrl-C stops everything and is written down.

One bake call a target: a failing target cancels its siblings in the same call and loses their metadata. Shared stages
are still built once, because the calls share BuildKit's cache and BuildKit joins equal steps that run at the same time.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from mlperf_bake.build.failures import BuildFailure
from mlperf_bake.build.journal import Entry, Journal, What
from mlperf_bake.build.progress import Event
from mlperf_bake.build.stopping import stop_requests
from mlperf_bake.build.target import BakeCall, BakeTarget, TargetOutcome
from mlperf_bake.errors import DiskFull, Interrupted
from mlperf_bake.plan.image import PlannedImage

TICK_S = 0.25
LEFT_S = 3.0
"""How long a build that was ended may take to say so; one that waits for a registry that is silent would take a minute."""


class Watcher(Protocol):
    """What the scheduler tells a view; every call comes from the scheduler's own thread."""

    def started(self, image: PlannedImage) -> None: ...
    def event(self, image: PlannedImage, event: Event) -> None: ...
    def ended(self, outcome: TargetOutcome, failure: BuildFailure | None) -> None: ...
    def tick(self) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Scheduled:
    """How the whole schedule ended.

    Attributes:
        built: outcomes with an image, in the order they ended.
        failures: one row a failed image.
        not_started: images that were left when ``keep_going`` was off, or when the disk had no room for another.
        refused: why no more were started, where it was the disk.
    """

    built: tuple[TargetOutcome, ...]
    failures: tuple[BuildFailure, ...]
    not_started: tuple[PlannedImage, ...]
    refused: DiskFull | None = None


class Schedule:
    """The images of one build, at most ``jobs`` at a time, in the order given.

    Args:
        call: what the bake calls have in common.
        jobs: how many run at a time.
        keep_going: whether a failure leaves the others alone.
        journal: takes a line when a build starts and when it ends.
        watcher: is told what happens.
        explain: makes the row of a failed build.
        room: asked before each build starts; raises DiskFull where there is none.
    """

    def __init__(
        self,
        call: BakeCall,
        jobs: int,
        keep_going: bool,
        journal: Journal,
        watcher: Watcher,
        explain: Callable[[TargetOutcome], BuildFailure],
        room: Callable[[], None] = lambda: None,
    ) -> None:
        self._call = call
        self._jobs = jobs
        self._keep_going = keep_going
        self._journal = journal
        self._watcher = watcher
        self._explain = explain
        self._room = room
        self._refused: DiskFull | None = None
        self._coming: queue.Queue[tuple[PlannedImage, Event | TargetOutcome]] = queue.Queue()
        self._running: dict[str, BakeTarget] = {}
        self._threads: list[threading.Thread] = []

    def run(self, images: Sequence[PlannedImage]) -> Scheduled:
        """Build them all.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; every child has ended and the journal says so.
        """
        waiting = list(images)
        built: list[TargetOutcome] = []
        failures: list[BuildFailure] = []
        with stop_requests() as asked_to_stop:
            try:
                while waiting or self._running:
                    if asked_to_stop():
                        raise Interrupted(
                            "the build was interrupted",
                            found=f"{len(built)} built, {len(images) - len(built) - len(failures)} left",
                            remedy="the same command goes on from here",
                        )
                    while waiting and len(self._running) < self._jobs and self._may_start(failures):
                        self._start(waiting.pop(0))
                    if not self._running:
                        break
                    outcome = self._next_outcome()
                    if outcome is None:
                        continue
                    if outcome.image_id:
                        built.append(outcome)
                        self._ended(outcome, None)
                    else:
                        failures.append(self._explain(outcome))
                        self._ended(outcome, failures[-1])
            finally:
                self._stop_all()
        return Scheduled(tuple(built), tuple(failures), tuple(waiting), self._refused)

    def _may_start(self, failures: Sequence[BuildFailure]) -> bool:
        """Whether another build may start: not after a failure that is to stop all, nor on a full disk."""
        if self._refused is None and (self._keep_going or not failures):
            try:
                self._room()
            except DiskFull as error:
                self._refused = error
            else:
                return True
        return False

    def _start(self, image: PlannedImage) -> None:
        target = BakeTarget(self._call, image)
        self._running[image.cell_id] = target
        self._note("started", image)
        self._watcher.started(image)

        def work() -> None:
            outcome = target.run(lambda event: self._coming.put((image, event)))
            self._coming.put((image, outcome))

        thread = threading.Thread(target=work, name=f"build {image.cell_id}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _next_outcome(self) -> TargetOutcome | None:
        try:
            image, news = self._coming.get(timeout=TICK_S)
        except queue.Empty:
            self._watcher.tick()
            return None
        if isinstance(news, TargetOutcome):
            del self._running[image.cell_id]
            return news
        self._watcher.event(image, news)
        self._watcher.tick()
        return None

    def _ended(self, outcome: TargetOutcome, failure: BuildFailure | None) -> None:
        if failure is None:
            self._note(
                "built",
                outcome.image,
                image_id=outcome.image_id,
                seconds=outcome.seconds,
                size=outcome.size,
            )
        else:
            self._note(
                "failed", outcome.image, seconds=outcome.seconds, step=failure.step, message=failure.message
            )
        self._watcher.ended(outcome, failure)

    def _stop_all(self) -> None:
        """End what still runs; nothing does after a schedule that came to its end."""
        stoppers = [threading.Thread(target=target.stop) for target in self._running.values()]
        for thread in stoppers:
            thread.start()
        for thread in stoppers:
            thread.join()
        until = time.monotonic() + LEFT_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        left = dict(self._running)
        while True:
            try:
                image, news = self._coming.get_nowait()
            except queue.Empty:
                break
            if isinstance(news, TargetOutcome):
                del left[image.cell_id]
                self._note("built" if news.image_id else "interrupted", image, news.image_id, news.seconds)
        for target in left.values():  # it waits for a registry's answer, and asks nothing more after it
            target.remove_layout()
            self._note("interrupted", target.image)

    def _note(
        self,
        what: What,
        image: PlannedImage,
        image_id: str = "",
        seconds: float = 0.0,
        step: str = "",
        message: str = "",
        size: int = 0,
    ) -> None:
        self._journal.append(
            Entry(
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                what=what,
                cell=image.cell_id,
                platform=image.platform,
                fingerprint=image.fingerprint,
                image=image_id,
                seconds=round(seconds, 3),
                step=step,
                message=message,
                size=size,
            )
        )
