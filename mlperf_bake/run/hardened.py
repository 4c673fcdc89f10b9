"""How a benchmark container is started: nothing it does not need.

No network, no capabilities, no new privileges, a read-only root, a memory and a process limit, a small ``/tmp`` in
memory, never root. Data is mounted read-only; ``/results`` is the one place that can be written.
"""

import os
import socket
from pathlib import Path
from typing import Any

from mlperf_bake.engine.find import Engine
from mlperf_bake.run.request import RunRequest, Volume

RUN_LABEL = "org.mlperf-bake.run"
CLIENT_LABEL = "org.mlperf-bake.client"

EMULATED_ARM64 = "neoverse-n1"


def container_options(
    request: RunRequest, engine: Engine, user: str, digest: str, client: str
) -> dict[str, Any]:
    """Keyword arguments for docker-py's ``containers.create``.

    An emulated harness runs below an init process: QEMU ends a crashed program by a signal to itself, which the first
    process of a container never receives, so it would hang for ever.

    Args:
        request: what is to be run.
        engine: where.
        user: ``uid:gid`` of the container.
        digest: of the image, recorded in the manifest.
        client: who started it, see ``this_client``.
    """
    limits = request.limits
    memory = limits.memory_bytes or engine.memory_bytes * 9 // 10
    options: dict[str, Any] = {
        "command": request.command,
        "user": user,
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "read_only": True,
        "pids_limit": limits.pids,
        "tmpfs": {"/tmp": f"size={limits.tmp_bytes},mode=1777,noexec,nosuid,nodev"},
        "volumes": _volumes(request),
        "environment": {"MLPERF_BAKE_IMAGE_DIGEST": digest, **_emulator(request, engine)},
        "labels": {RUN_LABEL: request.run_id, CLIENT_LABEL: client},
        "platform": request.platform,
        "stdin_open": False,
        "tty": False,
        "init": request.platform != engine.platform,
        "stop_signal": "SIGTERM",
    }
    if memory:
        options |= {"mem_limit": memory, "memswap_limit": memory}
    if limits.cpuset:
        options["cpuset_cpus"] = limits.cpuset
    if limits.gpus:
        import docker.types

        options["device_requests"] = [docker.types.DeviceRequest(count=-1, capabilities=[["gpu"]])]
    if limits.devices:
        options["devices"] = [f"{path}:{path}:rw" for path in limits.devices]
        options["group_add"] = _groups(limits.devices)
    return options


def _groups(devices: tuple[str, ...]) -> list[int]:
    """The groups that own the device files here, so that a user who is not root may open them; root's is not among them."""
    found = (Path(path) for path in devices)
    return sorted({path.stat().st_gid for path in found if path.exists()} - {0})


def _emulator(request: RunRequest, engine: Engine) -> dict[str, str]:
    """A processor without scalable vectors for an emulated run: QEMU is about five times slower with them."""
    emulated = request.platform == "linux/arm64" != engine.platform
    return {"QEMU_CPU": EMULATED_ARM64} if emulated else {}


def this_client() -> str:
    """``host:pid:start`` of this process: tells a container whose client was killed from one that is being watched."""
    return f"{socket.gethostname()}:{os.getpid()}:{process_start(os.getpid())}"


def client_is_gone(client: str) -> bool:
    """Whether the process that started a container ended; clients of other machines are taken to be alive."""
    host, _, process = client.rpartition(":")[0].rpartition(":")
    start = client.rpartition(":")[2]
    if host != socket.gethostname() or not process.isdigit():
        return False
    return process_start(int(process)) != start


def process_start(process: int, proc: Path = Path("/proc")) -> str:
    """Start time of a process in clock ticks since boot; empty when there is no such process."""
    try:
        stat = (proc / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _volumes(request: RunRequest) -> dict[str, dict[str, str]]:
    results = request.results
    where = results.name if isinstance(results, Volume) else str(results)
    volumes = {where: {"bind": "/results", "mode": "rw"}}
    if isinstance(request.data, Path):
        volumes[str(request.data)] = {"bind": "/data", "mode": "ro"}
    if request.own_class:
        volumes[str(request.own_class.file)] = {"bind": request.own_class.place, "mode": "ro"}
    return volumes
