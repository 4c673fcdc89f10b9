"""Results in a volume of a real engine: read through a container that is never started and leaves nothing behind."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import UsageError
from mlperf_bake.results.place import VolumePlace
from mlperf_bake.results.run import read_runs
from mlperf_bake.run.client import connect
from mlperf_bake.run.hardened import RUN_LABEL
from tests.engine.conftest import PREFIX
from tests.support.synthetic_runs import RunSpec, write_pair

if TYPE_CHECKING:
    from docker import DockerClient

VOLUME = "mlperf-bake-engine-test-results"
IMAGE = f"{PREFIX}-empty:latest"


def tar_of(directory: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(directory, arcname=".")
    return buffer.getvalue()


@pytest.fixture
def client(engine: Engine) -> Iterator["DockerClient"]:
    """A client, and an image without a single file."""
    client = connect(engine)
    repository, _, tag = IMAGE.partition(":")
    client.api.import_image_from_data(tar_of_nothing(), repository=repository, tag=tag)
    yield client
    client.close()


def tar_of_nothing() -> bytes:
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w").close()
    return buffer.getvalue()


@pytest.fixture
def volume(client: "DockerClient", tmp_path: Path) -> Iterator[str]:
    """A volume that holds an accuracy and a performance run."""
    write_pair(tmp_path / "results", RunSpec())
    volume = client.volumes.create(VOLUME)
    container = client.containers.create(IMAGE, "/none", volumes={VOLUME: {"bind": "/results", "mode": "rw"}})
    container.put_archive("/results", tar_of(tmp_path / "results"))
    container.remove()
    yield VOLUME
    volume.remove(force=True)


def test_runs_in_a_volume_are_read_and_no_container_is_left(
    client: "DockerClient", volume: str, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    runs = read_runs([VolumePlace(volume, IMAGE)], scratch)
    assert {run.manifest.mode for run in runs.complete} == {"accuracy", "performance"}
    assert {run.place for run in runs.complete} == {f"volume:{VOLUME}"}
    assert client.containers.list(all=True, filters={"label": f"{RUN_LABEL}=reading volume:{VOLUME}"}) == []


def test_a_volume_that_is_not_there_is_not_made(client: "DockerClient", tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no volume"):
        VolumePlace("mlperf-bake-engine-test-none", IMAGE).open(tmp_path)
    names = [volume.name for volume in client.volumes.list()]
    assert "mlperf-bake-engine-test-none" not in names


def test_an_image_that_is_not_here_is_said(volume: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no local image"):
        VolumePlace(volume, f"{PREFIX}-none:latest").open(tmp_path)
