"""Finding the engine by its socket: what is remembered of docker and buildx, and when it no longer holds."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlperf_bake.engine.find import find_engine, survey_engine
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import EngineMissing
from tests.support.standin_daemon import StandinDaemon

INFO: dict[str, object] = {
    "ID": "daemon-1",
    "ServerVersion": "26.1.5",
    "Architecture": "x86_64",
    "MemTotal": 8 << 30,
    "NCPU": 4,
    "DockerRootDir": "/var/lib/docker",
}


class Machine:
    """A docker command that counts its calls, its buildx, and the daemon that both talk to."""

    def __init__(self, root: Path, daemon: StandinDaemon) -> None:
        self.root, self.daemon = root, daemon
        self.docker, self.plugin = (
            root / "bin" / "docker",
            root / "settings" / "cli-plugins" / "docker-buildx",
        )
        self.docker.parent.mkdir()
        self.plugin.parent.mkdir(parents=True)
        self.daemon.info = INFO
        self.install("0.13.1")

    def install(self, buildx: str, where: Path | None = None, **info: object) -> None:
        """Writes both programs anew."""
        plugin = {"Name": "buildx", "Version": buildx, "Path": str(where or self.plugin)}
        answer = {**INFO, **info, "ClientInfo": {"Version": "28.2.2", "Plugins": [plugin]}}
        self.plugin.write_text(f"buildx {buildx}", encoding="ascii")
        text = f"#!/bin/sh\necho called >> {self.root}/calls\ncat <<'END'\n{json.dumps(answer)}\nEND\n"
        self.docker.write_text(text, encoding="ascii")
        self.docker.chmod(0o755)

    @property
    def calls(self) -> int:
        """Of the docker command so far."""
        file = self.root / "calls"
        return len(file.read_text(encoding="ascii").splitlines()) if file.exists() else 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with StandinDaemon(tmp_path / "d.sock") as daemon:
        made = Machine(tmp_path, daemon)
        monkeypatch.setenv("PATH", f"{made.docker.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("DOCKER_HOST", daemon.host)
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "settings"))
        monkeypatch.setenv("MLPERF_BAKE_CACHE", str(tmp_path / "cache"))
        yield made


def test_the_second_command_starts_no_program_and_finds_the_same_engine(machine: Machine) -> None:
    first = find_engine()
    assert machine.calls == 1 and first.buildx_version == Version(0, 13, 1)
    assert find_engine() == first
    assert machine.calls == 1
    assert machine.daemon.asked == ["/info"]


def test_what_the_daemon_is_now_is_never_remembered(machine: Machine) -> None:
    find_engine()
    machine.daemon.info = {**INFO, "ServerVersion": "20.10.24", "NCPU": 1}
    assert survey_engine().server == Version(20, 10, 24)
    with pytest.raises(EngineMissing) as caught:
        find_engine()
    assert "too old" in caught.value.problem
    assert machine.calls == 1


@pytest.mark.parametrize(
    "change", ["docker and buildx", "settings", "daemon", "silence", "no answer to /info"]
)
def test_the_programs_are_asked_again_where_they_the_settings_or_the_daemon_are_others(
    machine: Machine, change: str
) -> None:
    find_engine()
    if change == "docker and buildx":
        machine.install("0.20.0")
    elif change == "settings":
        (machine.root / "settings" / "config.json").write_text("{}", encoding="ascii")
    elif change == "daemon":
        machine.daemon.info = {**INFO, "ID": "daemon-2"}
    elif change == "silence":
        (machine.root / "d.sock").unlink()
    else:
        machine.daemon.failing = True
    assert find_engine().buildx_version == (
        Version(0, 20) if change == "docker and buildx" else Version(0, 13, 1)
    )
    assert machine.calls == 2


def test_buildx_is_not_remembered_where_a_change_of_it_would_not_be_seen(machine: Machine) -> None:
    machine.install("0.13.1", where=Path("/opt/extra/docker-buildx"))
    find_engine()
    find_engine()
    assert machine.calls == 2


def test_what_is_missing_is_asked_for_again_each_time(machine: Machine) -> None:
    machine.install("0.13.1", ServerVersion="")
    for calls in (1, 2):
        with pytest.raises(EngineMissing):
            find_engine()
        assert machine.calls == calls
