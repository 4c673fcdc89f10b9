"""Build images: leave out what is built, schedule the rest, show it, report it."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.build.bakefile import TARGETS_A_CALL, Output, bake_file
from mlperf_bake.build.failures import BuildFailure, Origin, explain_failure, not_delivered, took_too_long
from mlperf_bake.build.journal import Journal
from mlperf_bake.build.room import estimate, require_room_for_one_more, warning
from mlperf_bake.build.scheduler import Schedule, Watcher
from mlperf_bake.build.state import BuiltImage, named_images
from mlperf_bake.build.target import BakeCall, Deliver, TargetOutcome
from mlperf_bake.build.view import LiveView, PlainView
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.secrets import Secret
from mlperf_bake.errors import BuildFailed, DiskFull
from mlperf_bake.plan.image import PlannedImage

if TYPE_CHECKING:
    from rich.console import Console


def default_jobs() -> int:
    """One build at a time on one or two CPUs, half the CPUs above: a build's own compiler runs on several."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build.

    Attributes:
        checkout: the main build context, the repository's root.
        state: directory of the journal and the logs, ``.mlperf-bake``.
        jobs: builds at the same time.
        keep_going: whether a failure leaves the other builds alone.
        force: whether images that are up to date are built again.
        no_cache: whether every step is done anew; implies ``force``.
        secrets: finds the BuildKit secrets; asked only when something is built.
        complete: adds the contexts that only this machine knows of and that no fingerprint depends on; asked likewise.
        output: where images go.
        builder: another buildx builder, or empty.
        deliver: sends each built image on; with it, an image is there when it lies where this sends it.
        delivered: the digest under which an image lies there already, or empty; asked unless ``force``.
        name_again: gives an image that lies there already, by its digest, the names that it should have.
        limit_s: seconds that the build of one image may take; None for as long as it takes.
        again: options that a command to retry repeats, such as ``--context=weights=/data/weights``.
    """

    checkout: Path
    state: Path
    jobs: int = field(default_factory=default_jobs)
    keep_going: bool = True
    force: bool = False
    no_cache: bool = False
    secrets: Callable[[], tuple[Secret, ...]] = tuple
    complete: Callable[[Sequence[PlannedImage]], Sequence[PlannedImage]] = tuple
    output: Output = field(default_factory=Output)
    builder: str = ""
    deliver: Deliver | None = None
    delivered: Callable[[PlannedImage], str] | None = None
    name_again: Callable[[PlannedImage, str, Callable[[str], None]], None] | None = None
    limit_s: float | None = None
    again: tuple[str, ...] = ()

    @property
    def journal(self) -> Journal:
        return Journal(self.state / "journal.jsonl")


@dataclass(frozen=True, slots=True)
class DoneImage:
    """An image that is there now.

    Attributes:
        cell_id: which.
        image_id: ``sha256:`` and 64 hex digits.
        tag: its first reference.
        seconds: how long the build took; 0 where it was up to date.
        how: ``built``, ``cached`` (every step was) or ``up to date`` (nothing was asked of BuildKit).
    """

    cell_id: str
    image_id: str
    tag: str
    seconds: float
    how: str


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The end of a build.

    Attributes:
        done: images that are there now, in the order they were asked for.
        failures: one row an image that was not built.
        not_started: cells left out after a failure where ``keep_going`` was off, or for want of disk.
        refused: why no more builds were started, where it was the disk.
    """

    done: tuple[DoneImage, ...]
    failures: tuple[BuildFailure, ...]
    not_started: tuple[str, ...]
    refused: DiskFull | None = None

    def raise_if_failed(self) -> None:
        """Raises DiskFull where room ran out, else BuildFailed with a summary where anything failed."""
        if self.refused:
            raise self.refused
        if self.failures:
            raise BuildFailed(
                f"{len(self.failures)} of {len(self.done) + len(self.failures) + len(self.not_started)} "
                "images were not built",
                found="; ".join(f"{failure.cell_id}: {failure.message}" for failure in self.failures[:3]),
                remedy=f"{self.failures[0].remedy}; then\n            {self.failures[0].retry}",
            )


def build_images(
    images: Sequence[PlannedImage],
    engine: Engine,
    options: BuildOptions,
    *,
    origin: Origin | None = None,
    console: "Console | None" = None,
    say: Callable[[str], None] = print,
) -> BuildReport:
    """Build what is not built yet and report; a failed build is in the report, not raised.

    Args:
        images: what to build, in this order.
        engine: by which engine.
        options: how.
        origin: where a line of a rendered Dockerfile comes from.
        console: shows a live view where it is a terminal.
        say: gets plain lines otherwise.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the same call goes on from there.
        DiskFull: the engine's disk has less than a build takes, and no build cache to make way for it.
        EngineMissing: the engine went away.
    """
    there = ids_there(images, engine, options, say)
    waiting = [image for image in images if image.cell_id not in there]
    report: dict[str, DoneImage] = {
        image.cell_id: DoneImage(
            image.cell_id, there[image.cell_id], options.output.tags(image)[0], 0.0, "up to date"
        )
        for image in images
        if image.cell_id in there
    }
    failures: tuple[BuildFailure, ...] = ()
    not_started: tuple[PlannedImage, ...] = ()
    refused: DiskFull | None = None
    if waiting:
        if told := warning(engine, estimate(waiting, options.journal.entries()), say):
            say(told)
        waiting = list(options.complete(waiting))
        call = BakeCall(
            engine=engine,
            checkout=options.checkout,
            logs=options.state / "logs",
            secrets=options.secrets(),
            output=options.output,
            builder=options.builder,
            no_cache=options.no_cache,
            deliver=options.deliver,
            limit_s=options.limit_s,
        )

        def explain(outcome: TargetOutcome) -> BuildFailure:
            image = outcome.image
            log_file, events = call.log_file(image), outcome.events
            failure = explain_failure(
                image.cell_id, image.dockerfile_path, events, log_file, origin, options.again
            )
            if outcome.overran and options.limit_s is not None:
                return took_too_long(failure, events, options.limit_s)
            return not_delivered(failure, outcome.refused) if outcome.refused else failure

        with _view(console, say, len(waiting)) as view:
            schedule = Schedule(
                call,
                options.jobs,
                options.keep_going,
                options.journal,
                view,
                explain,
                lambda: require_room_for_one_more(engine, view.note),
            )
            ended = schedule.run(waiting)
        failures, not_started, refused = ended.failures, ended.not_started, ended.refused
        for outcome in ended.built:
            image = outcome.image
            report[image.cell_id] = DoneImage(
                image.cell_id,
                outcome.image_id,
                options.output.tags(image)[0],
                round(outcome.seconds, 3),
                "cached" if outcome.cached else "built",
            )
    return BuildReport(
        done=tuple(report[image.cell_id] for image in images if image.cell_id in report),
        failures=failures,
        not_started=tuple(image.cell_id for image in not_started),
        refused=refused,
    )


def ids_there(
    images: Sequence[PlannedImage],
    engine: Engine,
    options: BuildOptions,
    say: Callable[[str], None] | None = None,
) -> dict[str, str]:
    """Cell id to image id, of the images that need no build.

    Args:
        say: told of each image that is given its names again; None: it is left as it is.
    """
    if options.force or options.no_cache:
        return {}
    if options.output.layouts is not None:
        known = options.delivered or (lambda image: "")
        there = {image.cell_id: found for image in images if (found := known(image))}
        for image in images:
            if say and options.name_again and image.cell_id in there:
                options.name_again(image, there[image.cell_id], say)
        return there
    present = named_images(engine.host, [options.output.tags(image)[0] for image in images])
    for image in images:
        if say and image.fingerprint in present:
            name_again(engine, options.output.tags(image), present[image.fingerprint], say)
    return {image.cell_id: present[image.fingerprint].id for image in images if image.fingerprint in present}


def bake_files(images: Sequence[PlannedImage], options: BuildOptions) -> Iterator[str]:
    """The bake files that would build these images, at most 50 images each."""
    images = options.complete(images)
    for first in range(0, len(images), TARGETS_A_CALL):
        batch = images[first : first + TARGETS_A_CALL]
        yield bake_file(batch, str(options.checkout), options.secrets(), options.output)


def name_again(engine: Engine, tags: Sequence[str], present: BuiltImage, say: Callable[[str], None]) -> None:
    """Give an image that is there the tags it should have: another build may have taken ``latest`` meanwhile."""
    for tag in tags:
        if tag not in present.tags:
            answer = engine.call("image", "tag", present.id, tag)
            say(f"{tag} names {present.id[:19]} again" if answer.ok else f"{tag}: {answer.complaint}")


@contextlib.contextmanager
def _view(console: "Console | None", say: Callable[[str], None], total: int) -> Iterator[Watcher]:
    if console is not None and console.is_terminal:
        with LiveView(console, total) as live:
            yield live
    else:
        yield PlainView(say, total)
