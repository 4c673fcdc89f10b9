"""Find the container engine and hold it to the versions that the build needs.

In comes nothing but this machine; out comes a frozen ``Engine``, or ``EngineMissing`` saying what was found, what is
needed and how to get it on this distribution.

Why these versions:
- Engine 25.0 is the first whose BuildKit (0.12) knows heredocs, named contexts, secrets and ``ADD --checksum``
  without pulling a newer Dockerfile frontend from a hub.
- buildx 0.12 is the first whose ``--progress=rawjson`` the progress reader understands.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.engine.client import Client, keep_client, known_client, plugin_files
from mlperf_bake.engine.command import Finished, call
from mlperf_bake.engine.daemon_socket import DaemonSocket
from mlperf_bake.engine.distribution import Distribution, this_distribution
from mlperf_bake.engine.host import SYSTEM_HOSTS, UNIX, daemon_host
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import EngineMissing

NEEDED_SERVER = Version(25, 0, 0)
NEEDED_BUILDX = Version(0, 12, 0)

GOARCH = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "amd64": "amd64"}


@dataclass(frozen=True, slots=True)
class Engine:
    """A daemon that answers, with a client and a buildx that are new enough.

    Attributes:
        docker: path of the docker CLI.
        buildx: argument prefix that runs buildx, ``(docker, "buildx")`` or the plug-in called by its path.
        host: the daemon's URL, ``unix:///var/run/docker.sock``.
        client: version of the CLI.
        server: version of the daemon.
        buildx_version: version of buildx.
        platform: the daemon's own platform, ``linux/amd64``.
        containerd_store: whether images lie in containerd's store (multi-platform images and attestations).
        memory_bytes: memory of the daemon's machine.
        cpus: logical CPUs of the daemon's machine.
        root_dir: the daemon's data directory, on the daemon's machine.
    """

    docker: str
    buildx: tuple[str, ...]
    host: str
    client: Version
    server: Version
    buildx_version: Version
    platform: str
    containerd_store: bool
    memory_bytes: int
    cpus: int
    root_dir: str

    @property
    def local(self) -> bool:
        """Whether the daemon is on this machine, so that its disk and kernel are ours to look at."""
        return self.host.startswith("unix://")

    def call(self, *arguments: str, timeout: float = 60.0) -> Finished:
        """Run the docker CLI against this daemon."""
        return call((self.docker, *arguments), timeout=timeout)


@dataclass(frozen=True, slots=True)
class EngineSurvey:
    """What is there, complete or not; ``doctor`` shows it, ``find_engine`` judges it.

    Attributes:
        docker: path of the CLI, or None.
        client, server, buildx: versions, None where missing or not answering.
        buildx_argv: how buildx is called, empty where there is none.
        host: the daemon's URL.
        complaint: why the daemon does not answer, empty when it does.
        info: the daemon's description as ``docker info`` gives it.
    """

    docker: str | None
    client: Version | None
    server: Version | None
    buildx: Version | None
    buildx_argv: tuple[str, ...]
    host: str
    complaint: str
    info: dict[str, object]


def survey_engine() -> EngineSurvey:
    """Look at client, daemon and buildx: by the daemon's socket where an earlier command saw the same programs talk to the
    same daemon, else with one call of the CLI (two where the plug-in is not registered)."""
    docker = shutil.which("docker")
    host = daemon_host()
    if docker is None:
        return EngineSurvey(None, None, None, None, (), host, "there is no docker command", {})
    return _known(docker, host) or _asked(docker, host)


def _known(docker: str, host: str) -> EngineSurvey | None:
    """By the daemon's socket; None where nothing is remembered, nobody answers or it is another daemon."""
    if not host.startswith(UNIX) or (known := known_client(docker, host)) is None:
        return None
    try:
        with DaemonSocket(host.removeprefix(UNIX)) as daemon:
            _, answer = daemon.request("GET", "/info")
    except EngineMissing:
        return None
    info = answer if isinstance(answer, dict) else {}
    server = Version.parse(str(info.get("ServerVersion") or ""))
    if server is None or info.get("ID") != known.daemon:
        return None
    argv = (docker, "buildx")
    return EngineSurvey(docker, known.version, server, known.buildx, argv, host, "", info)


def _asked(docker: str, host: str) -> EngineSurvey:
    """By the CLI, and remembered where nothing is missing."""
    answer = call((docker, "info", "--format", "{{json .}}"), timeout=30)
    info = _object(answer.stdout)
    client = _dict(info, "ClientInfo")
    server = Version.parse(str(info.get("ServerVersion") or ""))
    complaint = "" if server else _daemon_complaint(answer, info)
    plugin = _plugin(client)
    version, buildx = (
        Version.parse(str(client.get("Version") or "")),
        Version.parse(plugin.get("Version", "")),
    )
    if server and version and buildx:
        keep_client(docker, host, Client(str(info.get("ID") or ""), version, buildx, plugin.get("Path", "")))
    buildx_argv, buildx = ((docker, "buildx"), buildx) if plugin else _unregistered_buildx()
    return EngineSurvey(
        docker=docker,
        client=version,
        server=server,
        buildx=buildx,
        buildx_argv=buildx_argv,
        host=host,
        complaint=complaint,
        info=info,
    )


def find_engine() -> Engine:
    """The engine of this machine.

    Raises:
        EngineMissing: no CLI, no daemon that answers, no buildx, or one of them too old.
    """
    return judge(survey_engine(), this_distribution())


def judge(found: EngineSurvey, distribution: Distribution) -> Engine:
    """Turn a survey into an engine, or say in plain words what is missing.

    Raises:
        EngineMissing: as ``find_engine``.
    """
    remedy = how_to_get_it(distribution)
    if found.docker is None:
        raise EngineMissing(
            "there is no container engine",
            found="no docker command on the PATH",
            expected=f"Docker Engine {NEEDED_SERVER} or newer with buildx {NEEDED_BUILDX} or newer",
            remedy=remedy,
        )
    if found.server is None:
        raise EngineMissing(
            "the container engine does not answer",
            where=found.host,
            found=found.complaint,
            expected=f"a running Docker Engine, {NEEDED_SERVER} or newer",
            remedy=_not_answering_remedy(found, distribution),
        )
    if found.server < NEEDED_SERVER:
        raise EngineMissing(
            "the container engine is too old",
            where=found.host,
            found=f"Docker Engine {found.server}",
            expected=f"{NEEDED_SERVER} or newer: its BuildKit must know heredocs, named contexts and secrets",
            remedy=remedy,
        )
    if found.buildx is None or not found.buildx_argv:
        raise EngineMissing(
            "docker has no buildx",
            found=f"{found.docker} without the buildx plug-in",
            expected=f"buildx {NEEDED_BUILDX} or newer",
            remedy=remedy,
        )
    if found.buildx < NEEDED_BUILDX:
        raise EngineMissing(
            "buildx is too old",
            found=f"buildx {found.buildx}",
            expected=f"{NEEDED_BUILDX} or newer: it must know --progress=rawjson",
            remedy=remedy,
        )
    info = found.info
    status = info.get("DriverStatus")
    machine = str(info.get("Architecture") or "")
    return Engine(
        docker=found.docker,
        buildx=found.buildx_argv,
        host=found.host,
        client=found.client or found.server,
        server=found.server,
        buildx_version=found.buildx,
        platform=f"linux/{GOARCH.get(machine, machine)}",
        containerd_store=isinstance(status, list)
        and ["driver-type", "io.containerd.snapshotter.v1"] in status,
        memory_bytes=_number(info, "MemTotal"),
        cpus=_number(info, "NCPU"),
        root_dir=str(info.get("DockerRootDir") or ""),
    )


def how_to_get_it(distribution: Distribution) -> str:
    """The command that brings an engine onto this distribution."""
    ours = "mlperf-bake doctor --mend"
    as_root = ours if os.geteuid() == 0 else f"sudo {ours}"
    commands = {
        "debian": f"{as_root}   (installs docker.io, docker-cli, docker-buildx, containerd)",
        "ubuntu": f"{as_root}   (installs docker.io, docker-buildx)",
        "fedora": "sudo dnf install moby-engine docker-cli docker-buildx && sudo systemctl enable --now docker",
        "arch": "sudo pacman -S docker docker-buildx && sudo systemctl enable --now docker",
        "opensuse-tumbleweed": "sudo zypper install docker docker-buildx && sudo systemctl enable --now docker",
        "alpine": "sudo apk add docker docker-cli-buildx && sudo service docker start",
        "darwin": "install Docker Desktop, or: brew install colima docker docker-buildx && colima start",
        "windows": "install Docker Desktop with the WSL 2 backend and run mlperf-bake inside WSL",
    }
    return commands.get(
        distribution.id,
        f"install Docker Engine {NEEDED_SERVER} or newer with buildx {NEEDED_BUILDX} or newer for {distribution.name}",
    )


def _not_answering_remedy(found: EngineSurvey, distribution: Distribution) -> str:
    if "permission denied" in found.complaint.lower():
        return "sudo usermod -aG docker $USER, then log in again (members of that group are root on this machine)"
    if found.host not in SYSTEM_HOSTS:
        return f"check DOCKER_HOST or the docker context: nothing answers at {found.host}"
    if Path("/run/systemd/system").is_dir():
        return "sudo systemctl enable --now docker"
    return how_to_get_it(distribution)


def _daemon_complaint(answer: Finished, info: dict[str, object]) -> str:
    errors = info.get("ServerErrors")
    if isinstance(errors, list) and errors:
        return str(errors[0])
    if answer.ok and not info.get("ServerVersion"):
        return "the docker command is not Docker's own (is it Podman's?)"
    return answer.complaint


def _plugin(client: dict[str, object]) -> dict[str, str]:
    """What docker tells of buildx where it is registered with it."""
    plugins = client.get("Plugins")
    for plugin in plugins if isinstance(plugins, list) else []:
        if isinstance(plugin, dict) and plugin.get("Name") == "buildx":
            return {str(key): str(value) for key, value in plugin.items()}
    return {}


def _unregistered_buildx() -> tuple[tuple[str, ...], Version | None]:
    for program in plugin_files():
        if os.access(program, os.X_OK):
            answer = call((str(program), "version"), timeout=10)
            if answer.ok:
                words = answer.stdout.split()
                return (str(program),), Version.parse(words[1]) if len(words) > 1 else None
    return (), None


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _dict(value: dict[str, object], key: str) -> dict[str, object]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _number(value: dict[str, object], key: str) -> int:
    found = value.get(key)
    return found if isinstance(found, int) else 0
