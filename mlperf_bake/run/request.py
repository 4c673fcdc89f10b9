"""What is to be run, complete: image, workload, data, where results go, limits."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Hardware
from mlperf_bake.program import shown
from mlperf_bake.results.volume import VOLUME_PREFIX
from mlperf_bake.shipped import page
from mlperf_bake.unreadable import reason

HARNESS_USER = 65532
"""User and group of the image's own user."""

SYNTHETIC: Literal["synthetic"] = "synthetic"

_VOLUME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume of the engine; it keeps results of many runs."""

    name: str = "mlperf-bake-results"

    def __post_init__(self) -> None:
        if not _VOLUME.match(self.name):
            raise UsageError(
                "not a volume name",
                found=self.name,
                expected="letters, digits, '_', '.' and '-', at least two, the first a letter or digit",
                remedy="a directory is written with a slash: --results ./results",
            )


@dataclass(frozen=True, slots=True)
class Limits:
    """What the container may take.

    Attributes:
        memory_bytes: memory and swap together; 0 for nine tenths of the engine's memory.
        pids: processes and threads.
        cpuset: CPUs as ``0-3,8``; empty for all.
        tmp_bytes: size of ``/tmp``, which lies in memory.
        gpus: whether the container gets all GPUs, through NVIDIA's container toolkit.
        devices: the device files that it gets, such as ``/dev/kfd``.
    """

    memory_bytes: int = 0
    pids: int = 4096
    cpuset: str = ""
    tmp_bytes: int = 256 << 20
    gpus: bool = False
    devices: tuple[str, ...] = ()

    def reaching(self, hardware: Hardware) -> Limits:
        """The same, with what a hardware needs to be reached."""
        return replace(self, gpus=hardware.accelerator == "nvidia", devices=hardware.devices)


@dataclass(frozen=True, slots=True)
class OwnClass:
    """A class for the harness's backend ``python``, in a file of this machine.

    Attributes:
        file: a ``.py`` file; mounted read-only at ``place``.
        name: of the class; empty where it is the only one in the file.
    """

    file: Path
    name: str = ""

    @property
    def place(self) -> str:
        """Where the container finds the file."""
        return f"/class/{self.file.name}"

    @property
    def given(self) -> str:
        """As ``--class`` takes it."""
        return f"{shown(self.file)}:{self.name}" if self.name else shown(self.file)

    @property
    def options(self) -> tuple[str, str]:
        """What the harness is told."""
        return "--backend-option", f"class={self.place}:{self.name}" if self.name else f"class={self.place}"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run.

    Attributes:
        image: reference or id.
        cell_id: for messages.
        scenario: ``Offline``, ...
        mode: ``performance``, ``accuracy``, ``find-peak`` or ``compliance/TESTnn``.
        data: directory of a prepared data set, or ``synthetic``.
        results: volume or directory.
        platform: ``linux/amd64``.
        run_id: name of the result directory.
        harness_options: further options of the harness, as typed (docs/contracts.md, "Harness").
        limits: what the container may take.
        own_class: a class of the user's that takes the place of the cell's own (docs/backends.md).
    """

    image: str
    cell_id: str
    scenario: str
    mode: str
    data: Path | Literal["synthetic"]
    results: Volume | Path
    platform: str
    run_id: str
    harness_options: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    own_class: OwnClass | None = None

    @property
    def command(self) -> list[str]:
        """The harness's arguments."""
        data = SYNTHETIC if self.data == SYNTHETIC else "/data"
        return [
            *("--scenario", self.scenario, "--mode", self.mode, "--data", data, "--results", "/results"),
            *("--run-id", self.run_id, "--progress", "json"),
            *(self.own_class.options if self.own_class else ()),
            *self.harness_options,
        ]


def new_run_id(scenario: str, mode: str) -> str:
    """``20261122T091500Z-offline-performance-3f2a1b``: sortable, and unlike any other."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{now}-{scenario.lower()}-{mode.lower().replace('/', '-')}-{secrets.token_hex(3)}"


def results_from(text: str) -> Volume | Path:
    """``./results`` or ``/data/results`` is a directory, ``results`` a volume: what docker itself makes of ``-v``; so is
    ``volume:results``, as `collect` takes it.

    Raises:
        UsageError: neither, or a name without a slash that a directory has, too.
    """
    if text.startswith(VOLUME_PREFIX):
        return Volume(text.removeprefix(VOLUME_PREFIX))
    if "/" in text or text in {".", ".."}:
        return Path(text).expanduser().absolute()
    if Path(text).is_dir():
        raise UsageError(
            f'"{text}" would be a volume, and there is a directory of that name',
            where="--results",
            expected="a directory with a slash, or a volume with a name of its own",
            remedy=f"--results ./{text}",
        )
    return Volume(text)


def own_class_from(text: str, cell_id: str, backend: str) -> OwnClass:
    """``FILE.py`` or ``FILE.py:CLASS``.

    Args:
        text: as typed.
        cell_id: whose image is to run it.
        backend: of that cell.

    Raises:
        UsageError: no such file, or the image has no Python to run it.
    """
    if backend != "python":
        raise UsageError(
            "the image has no Python to run a class with",
            where=cell_id,
            found=f"backend {backend}",
            expected="backend python",
            remedy="choose a target whose framework has it, such as tflite; mlperf-bake list names them",
        )
    name, colon, after = text.rpartition(":")
    path = Path(name if colon else after).expanduser().absolute()
    if path.suffix != ".py" or not path.is_file() or ":" in path.name:
        raise UsageError(
            "not a file with a class",
            where=text,
            found="no such file" if not path.is_file() else path.name,
            expected="FILE.py, or FILE.py:CLASS",
            remedy=f"{page('backends.md')} shows a class",
        )
    return OwnClass(path, after if colon else "")


def writer_of(results: Volume | Path) -> tuple[str, str]:
    """Prepare a result directory and say as whom the container writes to it.

    A directory of this machine belongs to someone. The container runs as that user, so that results can be read and
    removed without root; a directory that is root's is handed to the image's own user, because the harness never
    runs as root, but only if it is empty or holds nothing but results.

    Returns:
        The container's ``user:group`` and a sentence for the user (empty where there is nothing to say).

    Raises:
        UsageError: it cannot be made or written, or is root's and holds other things.
    """
    own = f"{HARNESS_USER}:{HARNESS_USER}"
    if isinstance(results, Volume):
        return own, ""
    _refuse_run_inside_run(results)
    try:
        results.mkdir(parents=True, exist_ok=True)
        owner = results.stat()
        if owner.st_uid == 0 and os.geteuid() == 0:
            stranger = next((path.name for path in results.iterdir() if not _is_result(path)), None)
            if stranger is not None:
                raise UsageError(
                    "the result directory belongs to root and holds other things than results",
                    where=str(results),
                    found=stranger,
                    expected="an empty directory or one of results only: it is handed to the harness's user",
                    remedy=f"--results {shlex.quote(str(results / 'results'))}, or a volume",
                )
            os.chown(results, HARNESS_USER, HARNESS_USER)
            return own, f"{results} now belongs to user {HARNESS_USER}, as whom the harness runs"
    except OSError as error:
        raise UsageError(
            "the result directory cannot be used",
            where=str(results),
            found=reason(error),
            remedy="name another directory, or a volume",
        ) from error
    if not os.access(results, os.W_OK):
        raise UsageError(
            "the result directory cannot be written",
            where=str(results),
            found=f"it belongs to user {owner.st_uid}",
            remedy="name a directory of your own, or a volume",
        )
    return f"{owner.st_uid}:{owner.st_gid}", ""


def _refuse_run_inside_run(results: Path) -> None:
    """Refuses a directory that is a run's or lies in one: `collect` would take the two for one."""
    run = next((path for path in (results, *results.parents) if (path / "manifest.json").is_file()), None)
    if run is not None:
        raise UsageError(
            "the result directory lies in another run's",
            where=str(results),
            found=f"the run {run.name}",
            expected="a directory that holds the directories of runs",
            remedy=f"--results {shlex.quote(str(run.parent))}",
        )


def _is_result(path: Path) -> bool:
    """Whether this is a run's directory, complete or not yet."""
    return path.is_dir() and (path.name.startswith(".partial-") or (path / "manifest.json").is_file())


def require_readable(data: Path | Literal["synthetic"], user: str) -> None:
    """Do nothing where the container's user may list the data set and read its files.

    Args:
        data: as in ``RunRequest``.
        user: ``uid:gid`` of the container.

    Raises:
        UsageError: it may not; the harness could only say that it finds nothing.
    """
    if isinstance(data, Path):
        for path in (data, *sorted(data.iterdir())):
            _require_readable(path, "the data set", user, f"chmod -R a+rX {shlex.quote(str(data))}")


def require_class_readable(own_class: OwnClass | None, user: str) -> None:
    """The same for the file of a user's own class."""
    if own_class is not None:
        file = own_class.file
        _require_readable(file, "the class's file", user, f"chmod a+r {shlex.quote(str(file))}")


def _require_readable(path: Path, what: str, user: str, remedy: str) -> None:
    uid, gid = (int(part) for part in user.split(":"))
    status = path.stat()
    shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
    needed = 0o5 if path.is_dir() else 0o4
    if (status.st_mode >> shift) & needed != needed:
        raise UsageError(
            f"the harness may not read {what}",
            where=str(path),
            found=f"mode {status.st_mode & 0o777:o}, the harness runs as user {uid}",
            remedy=remedy,
        )
