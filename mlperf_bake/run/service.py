"""Run an image once: clean up after killed clients, start hardened, follow, end well, check what it left."""

import contextlib
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.build.stopping import sigterm_as_interrupt
from mlperf_bake.engine.emulation import require_emulation
from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import BakeError, Interrupted, RunFailed, UsageError
from mlperf_bake.run.client import connect
from mlperf_bake.run.endings import FINISHED_INVALID, FINISHED_VALID, INTERRUPTED, SPEAKS, error_for
from mlperf_bake.run.hardened import CLIENT_LABEL, RUN_LABEL, client_is_gone, container_options, this_client
from mlperf_bake.run.interrupted import directory_of, going_on, remove_interrupted
from mlperf_bake.run.progress import Event, LineReader, Said, parse_line
from mlperf_bake.run.refused import start_refused
from mlperf_bake.run.request import (
    RunRequest,
    Volume,
    require_class_readable,
    require_readable,
    writer_of,
)
from mlperf_bake.run.result import read_manifest
from mlperf_bake.run.view import LiveRunView, PlainRunView, RunView

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from rich.console import Console

TICK_S = 0.5
CLEAN_END_S = 30.0
KEPT_LINES = 20
OWN_NAMES = "mlperf-bake/"
"""Begins the names of images that a build leaves in the engine."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run that finished and whose result is complete.

    Attributes:
        run_id: name of the result directory.
        cell_id: which image.
        results: volume or directory it lies in, as given.
        valid: whether LoadGen calls it VALID; True for accuracy runs, which it does not judge.
        manifest: the run's manifest.json.
        image_digest: what was run.
    """

    run_id: str
    cell_id: str
    results: str
    valid: bool
    manifest: dict[str, object]
    image_digest: str


def run_image(
    request: RunRequest,
    engine: Engine,
    *,
    console: "Console | None" = None,
    say: Callable[[str], None] = print,
    view: Callable[[], RunView] | None = None,
) -> RunOutcome:
    """Run an image and return its result.

    Args:
        request: what to run.
        engine: where.
        console: shows a bar where it is a terminal.
        say: gets plain lines otherwise.
        view: opens what shows the run in place of both; remarks still go to ``say``.

    Raises:
        RunFailed: no such image, the harness failed, or its result is incomplete.
        Interrupted: Ctrl-C or SIGTERM; the harness was told and nothing of the run counts.
        UsageError: a result or data directory that cannot be used.
        EngineMissing: the engine does not answer, or a foreign platform has no emulator.
    """
    if not engine.local and not isinstance(request.results, Volume):
        raise UsageError(
            "a remote engine cannot write to a directory of this machine",
            where=engine.host,
            found=str(request.results),
            remedy="use a volume: --results NAME",
        )
    require_emulation(request.platform, engine)
    user, remark = writer_of(request.results)
    if remark:
        say(remark)
    require_readable(request.data, user)
    require_class_readable(request.own_class, user)
    client = connect(engine)
    try:
        remove_leftovers(client, say)
        digest = image_digest(client, request)
        return _run(client, request, engine, user, digest, view or (lambda: _view(request, console, say)))
    finally:
        client.close()


def _had_by(request: RunRequest) -> str:
    """What the engine gets the image of a request by: a pull of one in a registry, else a build; the name of a round is the
    tag of that round's newest one."""
    from mlperf_bake.rounds import round_names

    if not request.image.startswith(OWN_NAMES):
        return f"docker pull {request.image}"
    tag = request.image.rpartition(":")[2]
    chosen = f" --round={tag}" if tag in round_names() else ""
    return f"mlperf-bake build --target={request.cell_id}{chosen}"


def image_digest(client: "DockerClient", request: RunRequest) -> str:
    """The digest the image has in a registry, else its id.

    Raises:
        RunFailed: the engine has no such image.
    """
    import docker.errors

    try:
        image = client.images.get(request.image)
    except docker.errors.ImageNotFound as error:
        raise RunFailed(
            "the engine has no such image",
            where=request.image,
            remedy=_had_by(request),
        ) from error
    except docker.errors.APIError as error:
        raise RunFailed(
            "the engine cannot look the image up",
            where=request.image,
            found=str(error.explanation or error),
            remedy="--image takes REPOSITORY:TAG, REPOSITORY@DIGEST or an image id",
        ) from error
    digests = image.attrs.get("RepoDigests") or []
    return str(digests[0]).rpartition("@")[2] if digests else str(image.id)


def remove_leftovers(client: "DockerClient", say: Callable[[str], None]) -> int:
    """Remove containers whose client was killed, and what they wrote into directories; returns how many."""
    import docker.errors

    removed = 0
    left: list[Container] = []
    with contextlib.suppress(docker.errors.APIError):
        left = client.containers.list(all=True, filters={"label": RUN_LABEL}, ignore_removed=True)
    for container in left:
        if client_is_gone(container.labels.get(CLIENT_LABEL, "")):
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True)
                removed += 1
                run_id = container.labels.get(RUN_LABEL, "")
                if written := directory_of(container.attrs):
                    remove_interrupted(written, run_id)
                say(f"removed the container of an abandoned run ({run_id})")
    return removed


def _view(request: RunRequest, console: "Console | None", say: Callable[[str], None]) -> RunView:
    title = f"{request.cell_id} {request.scenario} {request.mode}"
    if console is not None and console.is_terminal:
        return LiveRunView(console, title)
    return PlainRunView(say, title)


def _run(
    client: "DockerClient",
    request: RunRequest,
    engine: Engine,
    user: str,
    digest: str,
    open_view: Callable[[], RunView],
) -> RunOutcome:
    import docker.errors
    import requests.exceptions

    options = container_options(request, engine, user, digest, this_client())
    with sigterm_as_interrupt():
        container: Container | None = None
        try:
            container = client.containers.create(request.image, **options)
            following = _Following(container)
            container.start()
            said = following.follow(open_view())
            state = container.wait()
            container.reload()
            return _judge(container, int(state["StatusCode"]), request, engine, digest, said)
        except KeyboardInterrupt:
            how = _end_cleanly(container) if container is not None else "nothing was started"
            if isinstance(request.results, Path):
                remove_interrupted(request.results, request.run_id)
            raise Interrupted(
                "the run was interrupted; nothing of it counts",
                where=request.cell_id,
                found=how,
                remedy=going_on(request),
            ) from None
        except docker.errors.APIError as error:
            raise start_refused(str(error.explanation or error), request.cell_id) from error
        finally:
            if container is not None:
                with contextlib.suppress(requests.exceptions.RequestException):
                    container.remove(force=True)


def _judge(
    container: "Container",
    exit_code: int,
    request: RunRequest,
    engine: Engine,
    digest: str,
    said: tuple[str, ...],
) -> RunOutcome:
    if exit_code not in {FINISHED_VALID, FINISHED_INVALID}:
        error: BakeError = error_for(
            exit_code,
            cell_id=request.cell_id,
            image=request.image,
            said=said,
            out_of_memory=bool(container.attrs["State"].get("OOMKilled")),
            memory=request.limits.memory_bytes or engine.memory_bytes * 9 // 10,
            going_on=going_on(request),
            own_class=request.own_class.given if request.own_class else "",
        )
        raise error
    results = request.results
    return RunOutcome(
        run_id=request.run_id,
        cell_id=request.cell_id,
        results=results.name if isinstance(results, Volume) else str(results),
        valid=exit_code == FINISHED_VALID,
        manifest=read_manifest(container, request.run_id),
        image_digest=digest,
    )


def _end_cleanly(container: "Container") -> str | None:
    """SIGTERM, then up to 30 s for the harness to write down that it was interrupted; gives what it did instead."""
    import docker.errors
    import requests.exceptions

    with signal_held():
        try:
            container.kill(signal="SIGTERM")
            code = int(container.wait(timeout=CLEAN_END_S)["StatusCode"])
        except (requests.exceptions.RequestException, docker.errors.APIError):
            return f"it did not end within {CLEAN_END_S:.0f} s and was killed"
    return None if code == INTERRUPTED else f"the harness ended with exit code {code}"


@contextlib.contextmanager
def signal_held() -> Iterator[None]:
    """A second Ctrl-C does not interrupt the clean end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Following:
    """Everything a container says, from before its start to its end."""

    def __init__(self, container: "Container") -> None:
        self._coming: queue.Queue[Event | None] = queue.Queue()
        self._chunks = container.attach(stream=True, stdout=True, stderr=True, logs=True, demux=True)
        threading.Thread(target=self._read, daemon=True, name="run output").start()

    def follow(self, view: RunView) -> tuple[str, ...]:
        """Hand everything to the view until the container ends; returns the last lines for people.

        What the harness says last it says of its end: that is for whoever tells how the run ended, and not shown twice.
        """
        said: deque[str] = deque(maxlen=KEPT_LINES)
        last: Said | None = None
        try:
            while True:
                try:
                    event = self._coming.get(timeout=TICK_S)
                except queue.Empty:
                    view.tick()
                    continue
                if event is None:
                    return tuple(said)
                if last is not None and event != last:  # the engine may hand over the first lines twice
                    view.event(last)
                last = None
                if isinstance(event, Said) and event.line.strip():
                    said.append(event.line.strip())
                    if event.line.startswith(SPEAKS):
                        last = event
                        continue
                view.event(event)
        finally:
            view.close()

    def _read(self) -> None:
        readers = (LineReader(), LineReader())
        try:
            for pair in self._chunks:
                for reader, data in zip(readers, pair, strict=True):
                    for line in reader.feed(data or b""):
                        self._coming.put(parse_line(line))
        finally:
            for reader in readers:
                for line in reader.close():
                    self._coming.put(parse_line(line))
            self._coming.put(None)
