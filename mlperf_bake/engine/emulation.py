"""Running images of a foreign platform under QEMU's user-mode emulation, through the kernel's binfmt_misc.

Building does not need it: foreign images are cross-compiled. Only running a foreign image does.

Seen: with QEMU 7.2 an arm64 program crashes in ONNX Runtime's start-up, with QEMU 10.0 it works. 8.2 is asked for because
it is the first to show an arm64 program an arm64 ``/proc/cpuinfo``, which is the likely but unproven cause. Debian 12 has
7.2, so there the package comes from Debian 13's suite of the same mirror, as the engine does.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlperf_bake.engine.bootstrap import Recipe, install
from mlperf_bake.engine.command import call
from mlperf_bake.engine.distribution import this_distribution
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import EngineMissing

BINFMT = Path("/proc/sys/fs/binfmt_misc")
BINFMT_FILES = Path("/usr/lib/binfmt.d")

QEMU_NAMES = {"arm64": "aarch64", "amd64": "x86_64"}

NEEDED_QEMU = Version(8, 2, 0)

_PIN_FILE = Path("etc/apt/preferences.d/mlperf-bake-emulation")

RECIPES = {
    ("debian", "12"): Recipe(("qemu-user", "qemu-user-binfmt"), (), newer_suite="trixie", pin_file=_PIN_FILE),
    ("debian", "13"): Recipe(("qemu-user", "qemu-user-binfmt"), ()),
    ("ubuntu", "24.04"): Recipe(("qemu-user-static",), ()),
}

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

    A handler counts when it is enabled, has flag ``F`` (only then does the kernel hold the emulator open, so that it
    works inside a container that does not contain it), and its program, where it can be seen, is new enough.
    """
    if platform == engine.platform:
        return Emulation(platform, "native", f"the engine's own platform is {engine.platform}")
    handler = binfmt / f"qemu-{qemu_name(platform)}"
    if not handler.is_file():
        return Emulation(platform, "missing", f"no {handler}")
    state, *lines = handler.read_text(encoding="ascii", errors="replace").splitlines() or [""]
    fields = dict(line.partition(" ")[::2] for line in lines)
    if state != "enabled":
        return Emulation(platform, "missing", f"{handler} is disabled")
    if "F" not in fields.get("flags:", ""):
        return Emulation(platform, "missing", f"{handler} has no flag F (fix binary)")
    version = qemu_version(Path(fields.get("interpreter", "")))
    if version is not None and version < NEEDED_QEMU:
        return Emulation(platform, "missing", f"QEMU {version} is too old, {NEEDED_QEMU} or newer is needed")
    return Emulation(platform, "emulated", f"QEMU {version}" if version else str(handler))


def qemu_name(platform: str) -> str:
    """QEMU's word for a platform's processor: ``aarch64`` for ``linux/arm64``."""
    architecture = platform.removeprefix("linux/")
    return QEMU_NAMES.get(architecture, architecture)


def qemu_version(interpreter: Path) -> Version | None:
    """The version of an emulator; None where the program itself is out of sight (it may lie in an image)."""
    if not interpreter.is_file():
        return None
    answer = call((str(interpreter.resolve()), "--version"), timeout=10)
    return Version.parse(answer.stdout.partition(" version ")[2]) if answer.ok else None


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
    distribution = this_distribution()
    recipe = RECIPES.get((distribution.id, distribution.version))
    if recipe is None or os.geteuid() != 0:
        raise EngineMissing(
            f"images for {platform} do not run on this machine",
            found=found.detail,
            expected=f"QEMU's user-mode emulator, {NEEDED_QEMU} or newer, registered with the kernel",
            remedy="as root on Debian 12, Debian 13 or Ubuntu 24.04 this command sets it up; elsewhere: "
            "docker run --privileged --rm tonistiigi/binfmt --install " + platform.removeprefix("linux/"),
        )
    install(recipe, distribution, say)
    register(platform, say)
    return require_emulation(platform, engine)


def register(platform: str, say: Say, binfmt: Path = BINFMT, files: Path = BINFMT_FILES) -> None:
    """Register the installed emulator with the kernel, in place of one that is registered already.

    With flag ``F`` the kernel keeps the program that it opened, so a newer package alone changes nothing.

    Raises:
        EngineMissing: binfmt_misc cannot be mounted or written, or the package brought no description.
    """
    if not (binfmt / "register").exists():
        say(f"mounting binfmt_misc on {binfmt}")
        answer = call(("mount", "-t", "binfmt_misc", "binfmt_misc", str(binfmt)))
        if not answer.ok:
            raise EngineMissing(
                "binfmt_misc cannot be mounted", found=answer.complaint, remedy="modprobe binfmt_misc"
            )
    handler = f"qemu-{qemu_name(platform)}"
    say(f"registering {handler}")
    try:
        description = (files / f"{handler}.conf").read_bytes().strip()
        if (binfmt / handler).exists():
            (binfmt / handler).write_bytes(b"-1")
        (binfmt / "register").write_bytes(description)
    except OSError as error:
        raise EngineMissing(
            "the emulator cannot be registered",
            where=error.filename or handler,
            found=error.strerror or str(error),
        ) from error
