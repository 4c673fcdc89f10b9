"""A place that results lie in: a directory, a tar file, or a volume of a container engine.

``parse_place`` turns what a user types into a ``Place``; ``Place.open`` gives a directory that holds the
results, which for a tar file and a volume is a copy below a scratch directory. Volumes are read by streaming
an archive from a container that is created and never started, so that remote engines work too and nothing in
the volume runs.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from mlperf_bake.errors import EngineMissing, UsageError
from mlperf_bake.program import shown
from mlperf_bake.results.archive import RESULT_FILES, PieceStream, extract
from mlperf_bake.results.volume import VOLUME_PREFIX
from mlperf_bake.unreadable import unreadable

if TYPE_CHECKING:
    from docker import DockerClient

IMAGE_LABEL: Final = "org.mlperf-bake.cell"
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_MOUNT: Final = "/results"


class Place(Protocol):
    """Where results lie."""

    @property
    def label(self) -> str:
        """What errors and tables call the place."""

    def open(self, scratch: Path) -> Path:
        """A directory that holds the results; ``scratch`` is an empty directory for a copy."""


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """A directory of runs, a run itself, or a directory of either."""

    path: Path

    @property
    def label(self) -> str:
        """The path."""
        return str(self.path)

    def open(self, scratch: Path) -> Path:
        """The directory itself."""
        return self.path


@dataclass(frozen=True, slots=True)
class TarPlace:
    """A tar file, plain or packed with gzip, bzip2 or xz."""

    path: Path

    @property
    def label(self) -> str:
        """The path."""
        return str(self.path)

    def open(self, scratch: Path) -> Path:
        """The result files, unpacked below ``scratch``; errors as in ``archive.extract``."""
        try:
            with self.path.open("rb") as file:
                extract(file, scratch, self.label)
        except OSError as error:
            raise unreadable(
                "the archive cannot be read", self.path, error, expected="a tar file of runs"
            ) from error
        return scratch


@dataclass(frozen=True, slots=True)
class VolumePlace:
    """A volume of the container engine.

    Attributes:
        name: the volume.
        image: a local image to create the container from; None: any local image of ours.
    """

    name: str
    image: str | None = None

    @property
    def label(self) -> str:
        """``volume:NAME``."""
        return VOLUME_PREFIX + self.name

    def open(self, scratch: Path) -> Path:
        """The result files, streamed from the engine below ``scratch``.

        Raises:
            EngineMissing: no engine answers.
            UsageError: no such volume, no local image to mount it in, or an archive that is not to be
                trusted.
        """
        import docker.errors

        from mlperf_bake.run.hardened import CLIENT_LABEL, RUN_LABEL, this_client

        with _engine() as client:
            try:
                client.volumes.get(self.name)
                container = client.containers.create(
                    self.image or _image(client, self.label),
                    entrypoint=["/never-started"],
                    network_mode="none",
                    volumes={self.name: {"bind": _MOUNT, "mode": "ro"}},
                    labels={RUN_LABEL: f"reading {self.label}", CLIENT_LABEL: this_client()},
                )
                try:
                    pieces, _ = container.get_archive(_MOUNT, chunk_size=2**20)
                    extract(PieceStream(iter(pieces)), scratch, self.label)
                finally:
                    container.remove(force=True)
            except docker.errors.ImageNotFound as error:
                raise _no_image(self.label, self.image) from error
            except docker.errors.NotFound as error:
                raise UsageError(
                    f'there is no directory "{self.name}", and the engine has no volume of that name',
                    remedy="give the directory of the results; docker volume ls shows the volumes",
                ) from error
            except docker.errors.DockerException as error:
                raise EngineMissing(
                    "the engine cannot read the volume", where=self.label, found=str(error)[:300]
                ) from error
        return scratch


@contextmanager
def _engine() -> Iterator["DockerClient"]:
    import docker
    import docker.errors

    from mlperf_bake.engine.host import daemon_host

    host = daemon_host()
    by_ssh = host.startswith("ssh://")
    try:
        if os.environ.get("DOCKER_HOST"):
            client = docker.from_env(use_ssh_client=by_ssh)
        else:
            client = docker.DockerClient(base_url=host, use_ssh_client=by_ssh)
    except docker.errors.DockerException as error:
        raise EngineMissing(
            "no container engine answers, and the results lie in a volume",
            where=host,
            found=str(error)[:300],
            remedy="mlperf-bake doctor",
        ) from error
    try:
        yield client
    finally:
        client.close()


def _no_image(where: str, image: str | None) -> UsageError:
    return UsageError(
        "no local image to read the volume with",
        where=where,
        found=f'"{image}" is not in the engine' if image else "no image of ours in the engine",
        remedy="mlperf-bake build --target efficientnet-lite0, or name a local image with --image",
    )


def _image(client: "DockerClient", where: str) -> str:
    """An image that is here already; its content does not matter, as it is never started."""
    local = client.images.list(filters={"label": IMAGE_LABEL})
    if not local:
        raise _no_image(where, None)
    return str(local[0].id)


def parse_place(text: str, *, image: str | None = None) -> Place:
    """The place a user means: ``volume:NAME``, a directory, a tar file, or else the name of a volume.

    Args:
        text: as typed.
        image: the local image to read volumes with.

    Raises:
        UsageError: nothing of that name can be a place.
    """
    if text.startswith(VOLUME_PREFIX):
        return VolumePlace(text.removeprefix(VOLUME_PREFIX), image)
    path = Path(text)
    if text and path.is_dir():
        return DirectoryPlace(path)
    if path.is_file():
        if path.name in RESULT_FILES:
            raise UsageError(
                "a file of a run is not the run",
                where=text,
                expected="the run's directory, or one above it",
                remedy=f"give {shown(path.parent)} in its place",
            )
        return TarPlace(path)
    if (
        not path.exists()
        and _VOLUME_NAME.fullmatch(text)
        and not text.endswith((".tar", ".gz", ".tgz", ".xz", ".bz2"))
    ):
        return VolumePlace(text, image)
    raise UsageError(
        f'no results at "{text}"',
        found="something that is neither a directory nor a file" if text and path.exists() else "nothing",
        expected="a directory, a tar file, or volume:NAME",
        remedy="give the directory that `mlperf-bake run --results ./DIR` wrote to; docker volume ls shows the volumes",
    )
