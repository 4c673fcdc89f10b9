"""The docker command and its buildx, remembered from one command of ours to the next.

``docker info`` takes 70 ms, most of them to ask every plug-in who it is; the daemon tells of itself within 6. What the
programs said holds as long as the very files are there, with the settings that choose among them, and the same daemon
answers at the same place.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.cache.remembered import Remembered
from mlperf_bake.engine.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
BUILDX = "docker-buildx"


@dataclass(frozen=True, slots=True)
class Client:
    """What is remembered.

    Attributes:
        daemon: the id of the daemon that the command talked to, as ``docker info`` gives it.
        version: of the command.
        buildx: version of the plug-in.
        plugin: where the plug-in lies.
    """

    daemon: str
    version: Version
    buildx: Version
    plugin: str


def plugin_files() -> tuple[Path, ...]:
    """Where buildx may lie; docker takes the first that is there."""
    return tuple(Path(folder) / BUILDX for folder in (_settings() / "cli-plugins", *PLUGIN_FOLDERS))


def known_client(docker: str, host: str) -> Client | None:
    """What an earlier command saw, where it still holds but for the daemon, which may be another by now."""
    content = _memory().get(_key(docker, host))
    daemon, first, second, plugin = json.loads(content) if content else ("", "", "", "")
    version, buildx = Version.parse(first), Version.parse(second)
    return Client(daemon, version, buildx, plugin) if version and buildx else None


def keep_client(docker: str, host: str, client: Client) -> None:
    """Remembers it, unless the plug-in lies where a change of it would not be seen."""
    if client.daemon and Path(client.plugin) in plugin_files():
        seen = [client.daemon, str(client.version), str(client.buildx), client.plugin]
        _memory().keep(_key(docker, host), json.dumps(seen).encode())


def _settings() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path(os.environ.get("HOME", "/")) / ".docker")


def _memory() -> Remembered:
    return Remembered("clients", (Path(__file__),))


def _key(docker: str, host: str) -> str:
    """Stands for the daemon's place and for the very files that decide what docker and buildx are."""
    files = (Path(docker), _settings() / "config.json", *plugin_files())
    return hashlib.sha256("\0".join((host, *_states(files))).encode()).hexdigest()


def _states(files: Iterable[Path]) -> Iterable[str]:
    for file in files:
        try:
            found = file.stat()
        except OSError:
            yield f"{file} is not there"
        else:
            yield f"{file.resolve()} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
