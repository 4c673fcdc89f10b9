"""What this machine has and lacks for building and running images, each with the command that mends it."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlperf_bake.engine.accelerators import accelerators
from mlperf_bake.engine.build_cache import cache_use
from mlperf_bake.engine.disk import BUILD_NEEDS, COMFORTABLE, GIB, free_bytes
from mlperf_bake.engine.distribution import Distribution, this_distribution
from mlperf_bake.engine.emulation import emulation_for
from mlperf_bake.engine.find import Engine, judge, survey_engine
from mlperf_bake.engine.reclaim import OTHER_ROOM, engine_disk
from mlperf_bake.engine.secrets import host_secrets
from mlperf_bake.errors import EngineMissing, UsageError

State = Literal["ok", "note", "missing"]

MEMORY_WISHED = 4 * GIB
"""Compiling the harness and converting weights peak below this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        name: what, in a word or two.
        state: ``ok``; ``note`` (works, but worth knowing); ``missing`` (something the tool does will fail).
        found: what is there.
        remedy: the command that mends it, empty where nothing is to be done.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def check_machine(platforms: tuple[str, ...]) -> tuple[Finding, ...]:
    """Look at everything, change nothing.

    Args:
        platforms: platforms whose images are to run here.
    """
    # pip and the engine's build cache each take a third of a second to tell of themselves.
    with ThreadPoolExecutor(1) as beside:
        secrets = beside.submit(lambda: tuple(_secrets()))
        return (*_engine_and_machine(platforms), *secrets.result())


def _engine_and_machine(platforms: tuple[str, ...]) -> tuple[Finding, ...]:
    host, distribution = "", this_distribution()
    try:
        survey = survey_engine()
        host = survey.host
        engine = judge(survey, distribution)
    except EngineMissing as missing:
        found = f"{missing.problem}{f' ({missing.found})' if missing.found else ''}"
        return (
            Finding("engine", "missing", found, missing.remedy or ""),
            *_without_engine(host, distribution),
        )
    return tuple(_with_engine(engine, platforms))


def _without_engine(host: str, distribution: Distribution) -> Iterator[Finding]:
    yield Finding("distribution", "note", distribution.name)
    if os.geteuid() != 0:
        yield Finding(
            "user", "note", f"user {os.geteuid()}, not root: an engine cannot be installed from here"
        )
    yield from _access(host)


def _with_engine(engine: Engine, platforms: tuple[str, ...]) -> Iterator[Finding]:
    yield Finding("engine", "ok", f"Docker Engine {engine.server} at {engine.host}, {engine.platform}")
    yield Finding("buildx", "ok", f"{engine.buildx_version} ({' '.join(engine.buildx)})")
    yield (
        Finding("image store", "ok", "containerd's: multi-platform images and provenance work")
        if engine.containerd_store
        else Finding(
            "image store",
            "note",
            "the classic store: foreign platforms and provenance need a builder of their own",
            'set {"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json and restart docker',
        )
    )
    yield from _access(engine.host)
    yield from _disk(engine)
    memory = engine.memory_bytes / GIB
    enough = engine.memory_bytes >= MEMORY_WISHED
    yield Finding(
        "memory",
        "ok" if enough else "note",
        f"{memory:.1f} GiB, {engine.cpus} CPUs",
        "" if enough else "build with --jobs 1",
    )
    for platform in platforms:
        yield _emulation(engine, platform)
    if engine.host.startswith("unix://"):
        yield from _accelerators()


def _access(host: str) -> Iterator[Finding]:
    path = Path(host.removeprefix("unix://"))
    if host.startswith("unix://") and path.exists() and not os.access(path, os.R_OK | os.W_OK):
        yield Finding(
            "socket",
            "missing",
            f"{path} is not for user {os.geteuid()}",
            "sudo usermod -aG docker $USER, then log in again (members of that group are root on this machine)",
        )


def _disk(engine: Engine) -> Iterator[Finding]:
    disk = engine_disk(engine)
    if disk is None:
        return
    free, use = free_bytes(disk), cache_use(engine)
    found = (
        f"{free / GIB:.1f} GiB free in {disk}; build cache: {use.total / GIB:.1f} GiB, "
        f"{use.reclaimable / GIB:.1f} GiB of it can go"
    )
    if free + use.reclaimable < BUILD_NEEDS:
        yield Finding("disk", "missing", f"{found}; a build wants {BUILD_NEEDS / GIB:.0f} GiB", OTHER_ROOM)
    elif free < COMFORTABLE:
        mend = f"mlperf-bake doctor --mend   (drops build cache until {COMFORTABLE / GIB:.0f} GiB are free)"
        yield Finding("disk", "note", found, mend if use.reclaimable else OTHER_ROOM)
    else:
        yield Finding("disk", "ok", found)


def _emulation(engine: Engine, platform: str) -> Finding:
    found = emulation_for(platform, engine)
    name = f"runs {platform}"
    if found.state == "missing":
        return Finding(
            name, "note", f"no ({found.detail})", f"mlperf-bake doctor --mend --platform {platform}"
        )
    return Finding(name, "ok", f"{found.state} ({found.detail})")


def _accelerators() -> Iterator[Finding]:
    seen = accelerators()
    for one in seen:
        state: State = "ok" if one.reachable else "note"
        yield Finding("accelerator", state, f"{one.found}: cells of {one.hardware}", one.remedy)
    if not seen:
        yield Finding("accelerator", "ok", "none: cells of cuda, l4t, rocm and coral are built here, not run")


def _secrets() -> Iterator[Finding]:
    try:
        secrets = {secret.id: secret for secret in host_secrets()}
    except UsageError as error:
        yield Finding("build secrets", "missing", f"{error.where}: {error.problem}", error.remedy or "")
        return
    bundle = secrets.get("ca")
    yield (
        Finding("certificates", "ok", f"{bundle.file} goes into builds as the secret ca")
        if bundle
        else Finding(
            "certificates", "note", "no bundle found", "set SSL_CERT_FILE where a proxy re-signs TLS"
        )
    )
    if "pip" in secrets:
        yield Finding("pip settings", "ok", "go into builds as the secret pip")
    if "apt" in secrets:
        yield Finding("apt proxy", "ok", "goes into builds as the secret apt")
