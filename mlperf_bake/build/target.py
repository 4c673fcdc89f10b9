"""Build one image: one ``buildx bake`` call, its events, its log file, its outcome."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mlperf_bake.build.bakefile import Output, bake_file, target_name
from mlperf_bake.build.progress import (
    Event,
    ProgressReader,
    Remark,
    Sending,
    StepFinished,
    StepOutput,
    StepStarted,
)
from mlperf_bake.build.state import named_images
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.secrets import Secret, secret_environment
from mlperf_bake.engine.watched import end_group
from mlperf_bake.errors import BakeError, EngineMissing
from mlperf_bake.plan.image import PlannedImage

ATTEMPTS = 3
TURN_TICK_S = 0.2
WAITED = "another build of this cell was at work in this checkout"
WAITING = "another build of this cell is at work in this checkout: waiting for its end"

_TAKEN = re.compile(r'image "\S+": already exists')


class Deliver(Protocol):
    """What is done with a built image before it counts as built: it is sent to a registry."""

    def __call__(self, image: PlannedImage, said: Callable[[str], None], stopped: Callable[[], bool]) -> str:
        """The digest under which it lies there.

        Args:
            image: which; its OCI layout lies where ``Output.layout`` says.
            said: takes one line about each step.
            stopped: whether to give up.

        Raises:
            BakeError: it does not lie there.
        """
        ...


@dataclass(frozen=True, slots=True)
class BakeCall:
    """What all targets of one build have in common.

    Attributes:
        engine: which engine builds.
        checkout: the main build context.
        logs: directory of the per-cell log files.
        secrets: given to every step that mounts them.
        output: where images go.
        builder: name of another buildx builder, or empty for the engine's own.
        no_cache: whether every step is done anew.
        deliver: takes each built image on; None where it stays where ``output`` put it.
        limit_s: seconds that the build of one image may take; None for as long as it takes.
    """

    engine: Engine
    checkout: Path
    logs: Path
    secrets: tuple[Secret, ...] = ()
    output: Output = field(default_factory=Output)
    builder: str = ""
    no_cache: bool = False
    deliver: Deliver | None = None
    limit_s: float | None = None

    def log_file(self, image: PlannedImage) -> Path:
        return self.logs / f"{image.cell_id}.log"

    def bake_file(self, image: PlannedImage) -> Path:
        """What buildx was asked, kept beside the log."""
        return self.logs / f"{image.cell_id}.bake.json"

    def metadata_file(self, image: PlannedImage) -> Path:
        """What buildx answered, kept beside the log."""
        return self.logs / f"{image.cell_id}.metadata.json"

    def scratch(self, image: PlannedImage) -> Path:
        """Where buildx puts what it leaves lying: up to 0.13 at least, a directory for each Dockerfile in a bake file."""
        return self.logs / f"{image.cell_id}.tmp"

    def argv(self, image: PlannedImage) -> list[str]:
        """The argument list for one image."""
        builder = ["--builder", self.builder] if self.builder else []
        options = ["--no-cache"] if self.no_cache else []
        return [
            *self.engine.buildx,
            *builder,
            "bake",
            f"--file={self.bake_file(image)}",
            f"--metadata-file={self.metadata_file(image)}",
            "--progress=rawjson",
            *options,
            target_name(image.cell_id),
        ]


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """How one bake call ended.

    Attributes:
        image: what was to be built.
        image_id: the image, or empty where there is none.
        seconds: wall time.
        cached: whether every step came from the cache.
        events: everything it said, in order.
        stopped: whether it was ended from outside.
        overran: whether it was ended because it took longer than it may.
        refused: why the image was not delivered, where it was built.
        size: bytes of the image in the engine's store; 0 where there is none, or it lies elsewhere.
        succeeded: whether buildx did all that it was asked to; of a stage alone there is no image.
    """

    image: PlannedImage
    image_id: str
    seconds: float
    cached: bool
    events: tuple[Event, ...]
    stopped: bool
    refused: BakeError | None = None
    size: int = 0
    overran: bool = False
    succeeded: bool = False


class BakeTarget:
    """One running (or not yet running) bake call; ``stop`` may be called from another thread."""

    def __init__(self, call: BakeCall, image: PlannedImage) -> None:
        self.image = image
        self._call = call
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._overran = threading.Event()

    def stop(self) -> None:
        """End it and everything it started; a call not yet started never starts."""
        self._stopped.set()
        if self._process is not None:
            end_group(self._process)

    def run(self, on_event: Callable[[Event], None]) -> TargetOutcome:
        """Build to the end; never raises for a build that fails."""
        started = time.monotonic()
        events: list[Event] = []
        self._call.logs.mkdir(parents=True, exist_ok=True)
        metadata = self._call.metadata_file(self.image)
        with self._call.log_file(self.image).open("a", encoding="utf-8", buffering=1) as log:
            waited = self._wait_for_turn(log.fileno(), on_event)
            log.truncate(0)
            metadata.unlink(missing_ok=True)
            log.write(f"# {self.image.cell_id} {self.image.fingerprint} {self.image.platform}\n")

            def take(event: Event) -> None:
                events.append(event)
                log.write(f"{time.monotonic() - started:8.1f} {log_line(event)}\n")
                on_event(event)

            if waited:
                log.write(f"{time.monotonic() - started:8.1f} {log_line(Remark(WAITED))}\n")
            exit_code, said = None, 0
            scratch = self._call.scratch(self.image)
            shutil.rmtree(scratch, ignore_errors=True)  # of a build that was killed
            scratch.mkdir()
            for _ in range(ATTEMPTS):
                if self._stopped.is_set():
                    break
                exit_code = self._bake(take)
                if exit_code == 0 or self._overran.is_set() or not _taken_meanwhile(events[said:]):
                    break
                said = len(events)
            shutil.rmtree(scratch, ignore_errors=True)
            if exit_code != 0:
                self.remove_layout()
            image_id = self._built(metadata) if exit_code == 0 else ""
            refused = None
            if image_id and self._call.deliver is not None:
                try:
                    image_id = self._call.deliver(
                        self.image, lambda line: take(Sending(line)), self._stopped.is_set
                    )
                except BakeError as error:
                    image_id, refused = "", error
        finished = [event for event in events if isinstance(event, StepFinished) and event.step.stage]
        return TargetOutcome(
            image=self.image,
            image_id=image_id,
            seconds=time.monotonic() - started,
            cached=all(event.cached for event in finished),
            events=tuple(events),
            stopped=self._stopped.is_set(),
            refused=refused,
            size=self._size() if image_id else 0,
            overran=self._overran.is_set() and not image_id,
            succeeded=exit_code == 0,
        )

    def _wait_for_turn(self, log: int, on_event: Callable[[Event], None]) -> bool:
        """Returns when no other builder of this checkout is at the same cell, and whether there was one; its log, bake file
        and answer lie where ours will. The kernel frees the place of a builder that is killed."""
        waited = False
        while not self._stopped.is_set():
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return waited
            except BlockingIOError:
                if not waited:
                    on_event(Remark(WAITING))
                waited = True
                self._stopped.wait(TURN_TICK_S)
        return waited

    def remove_layout(self) -> None:
        """Removes what lies, whole or not, where the image's layout belongs."""
        if layout := self._call.output.layout(self.image):
            shutil.rmtree(layout, ignore_errors=True)

    def _size(self) -> int:
        """Bytes of the image that was just built, where this engine has it."""
        if self._call.output.layouts is not None or self._call.builder:
            return 0
        tag = self._call.output.tags(self.image)[0]
        try:
            found = named_images(self._call.engine.host, [tag]).get(self.image.fingerprint)
        except EngineMissing:  # the image is built; its size only helps to estimate later ones
            return 0
        return found.size if found else 0

    def _built(self, metadata: Path) -> str:
        """The id of the image that was just built."""
        in_store = self._call.output.layouts is None and not self._call.engine.containerd_store
        return _image_id(metadata, "containerimage.config.digest" if in_store else "containerimage.digest")

    def _bake(self, take: Callable[[Event], None]) -> int:
        text = bake_file([self.image], str(self._call.checkout), self._call.secrets, self._call.output)
        self._call.bake_file(self.image).write_text(text, encoding="utf-8")
        self.remove_layout()  # of a build that was killed
        process = subprocess.Popen(
            self._call.argv(self.image),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            env={**bake_environment(self._call.secrets), "TMPDIR": str(self._call.scratch(self.image))},
        )
        self._process = process
        if self._stopped.is_set():
            end_group(process)
        assert process.stderr is not None
        reader = ProgressReader()
        with self._ended_in_time(process):
            for line in process.stderr:
                for event in reader.feed(line):
                    take(event)
            for event in reader.close():
                take(event)
            return process.wait()

    @contextlib.contextmanager
    def _ended_in_time(self, process: "subprocess.Popen[str]") -> Iterator[None]:
        """Ends the call, and with it the build, when the time for it is over."""

        def end() -> None:
            self._overran.set()
            end_group(process)

        if self._call.limit_s is None:
            yield
            return
        timer = threading.Timer(self._call.limit_s, end)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def bake_environment(secrets: Iterable[Secret]) -> dict[str, str]:
    """The whole environment of a ``buildx bake`` call.

    From 0.20 on bake asks before it reads outside the working directory, which the checkout, the user's contexts and
    certificates may well be; the bake file is our own, so there is nothing to ask.
    """
    return {
        **os.environ,
        **secret_environment(tuple(secrets)),
        "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }


def _taken_meanwhile(events: Iterable[Event]) -> bool:
    """Whether a build failed only because another one stored the same image under the same name just then. The image is
    there; the same call again finds every step done and moves the name."""
    texts = [event.line for event in events if isinstance(event, Remark)]
    texts += [event.error for event in events if isinstance(event, StepFinished)]
    return any(map(_TAKEN.search, texts))


def log_line(event: Event) -> str:
    """An event as one line of a log file."""
    match event:
        case StepStarted(step):
            return f"> {_name(step.stage, step.title, step.text)}"
        case StepFinished(step, seconds, cached, error):
            end = f"FAILED: {error}" if error else "cached" if cached else f"done in {seconds:.1f} s"
            return f"< {step.title}: {end}"
        case StepOutput(step, line):
            return f"  {step.stage}: {line}"
        case Remark(line) | Sending(line):
            return f"! {line}"


def _name(stage: str, title: str, text: str) -> str:
    return f"{title}: {text}" if stage else text


def _image_id(metadata: Path, key: str) -> str:
    """The id under which the image is known: its digest, in Docker's older store that of its configuration."""
    try:
        targets = json.loads(metadata.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    for target in targets.values() if isinstance(targets, dict) else ():
        if isinstance(target, dict) and target.get(key):
            return str(target[key])
    return ""
