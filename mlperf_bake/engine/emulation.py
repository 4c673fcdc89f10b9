"""Running images of a foreign platform under QEMU's user-mode emulation, through the kernel's binfmt_misc.

Building does not need it: foreign images are cross-compiled. Only running a foreign image does.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlperf_bake.engine.command import call
from mlperf_bake.engine.find import GOARCH, Engine
from mlperf_bake.errors import EngineMissing

BINFMT = Path("/proc/sys/fs/binfmt_misc")

QEMU_NAMES = {"arm64": "aarch64", "amd64": "x86_64"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Emulation:
    """Whether and how a platform runs on an engine.

    Attributes:
        platform: ``linux/arm64``.
        state: ``native``; ``emulated``; or ``missing``.
        detail: what was looked at, for people.
    """

    platform: str
    state: Literal["native", "emulated", "missing"]
    detail: str


def emulation_for(platform: str, engine: Engine, binfmt: Path = BINFMT) -> Emulation:
    """Look, and change nothing.

    A handler counts when it is enabled and has flag ``F``: only then does the kernel hold the emulator open, so that
    it works inside a container that does not contain it.
    """
    if platform == engine.platform:
        return Emulation(platform, "native", f"the engine's own platform is {engine.platform}")
    architecture = platform.removeprefix("linux/")
    handler = binfmt / f"qemu-{QEMU_NAMES.get(architecture, architecture)}"
    if not handler.is_file():
        return Emulation(platform, "missing", f"no {handler}")
    text = handler.read_text(encoding="ascii", errors="replace")
    flags = next(
        (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("flags")), ""
    )
    if not text.startswith("enabled"):
        return Emulation(platform, "missing", f"{handler} is disabled")
    if "F" not in flags:
        return Emulation(platform, "missing", f"{handler} has no flag F (fix binary)")
    return Emulation(platform, "emulated", str(handler))


def require_emulation(platform: str, engine: Engine) -> Emulation:
    """Do nothing where images of the platform run.

    Raises:
        EngineMissing: they do not; with the command that changes it.
    """
    found = emulation_for(platform, engine)
    if found.state == "missing" and engine.local:
        raise EngineMissing(
            f"images for {platform} do not run on this machine",
            found=found.detail,
            expected="QEMU's user-mode emulator registered with the kernel",
            remedy="mlperf-bake doctor --mend --platform " + platform,
        )
    return found


def enable_emulation(platform: str, engine: Engine, say: Say) -> Emulation:
    """Install and register the emulator on Debian and Ubuntu as root; nothing where it is there.

    Raises:
        EngineMissing: not root, not Debian or Ubuntu, or a step failed.
    """
    found = emulation_for(platform, engine)
    if found.state != "missing":
        return found
    installable = os.geteuid() == 0 and call(("apt-get", "--version")).ok
    if not installable:
        raise EngineMissing(
            f"images for {platform} do not run on this machine",
            found=found.detail,
            remedy="as root on Debian or Ubuntu: apt-get install qemu-user-static binfmt-support; elsewhere: "
            "docker run --privileged --rm tonistiigi/binfmt --install " + platform.removeprefix("linux/"),
        )
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    say("installing qemu-user-static, binfmt-support (20 MB to fetch, 250 MB on disk)")
    packages = ("qemu-user-static", "binfmt-support")
    install = (
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
        *packages,
    )
    _step(install, 900, environment)
    if not (BINFMT / "register").exists():
        say(f"mounting binfmt_misc on {BINFMT}")
        _step(("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)), 30, {})
    name = QEMU_NAMES[GOARCH.get(platform.removeprefix("linux/"), platform.removeprefix("linux/"))]
    say(f"registering qemu-{name}")
    _step(("update-binfmts", "--import", f"qemu-{name}"), 30, {})
    _step(("update-binfmts", "--enable", f"qemu-{name}"), 30, {})
    return require_emulation(platform, engine)


def _step(argv: tuple[str, ...], limit_s: float, env: dict[str, str]) -> None:
    answer = call(argv, timeout=limit_s, env=env)
    if not answer.ok:
        raise EngineMissing(
            "the emulator could not be set up",
            where=" ".join(argv),
            found=answer.complaint,
            remedy="run it by hand",
        )
