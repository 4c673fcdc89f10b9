"""Which accelerators this machine shows, and whether its engine can give them to containers.

An engine hands NVIDIA's accelerators on through NVIDIA's container toolkit, which it finds by its hook or by a description
in CDI's form; others are plain device files.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOOLKIT = (
    "install NVIDIA's nvidia-container-toolkit, then: sudo nvidia-ctk runtime configure --runtime=docker && "
    "sudo systemctl restart docker"
)
HOOK = "nvidia-container-runtime-hook"
CDI_DIRECTORIES = ("etc/cdi", "var/run/cdi")
CORAL_USB = frozenset({("1a6e", "089a"), ("18d1", "9302")})
"""Vendor and product of the Edge TPU's USB form, before and after its firmware is loaded."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One kind of accelerator that is here.

    Attributes:
        hardware: the matrix's value whose cells compute on it.
        found: what was seen, in words.
        reachable: whether containers can be given it.
        remedy: what makes it so; empty where nothing is to be done.
    """

    hardware: str
    found: str
    reachable: bool = True
    remedy: str = ""


def accelerators(root: Path = Path("/")) -> tuple[Accelerator, ...]:
    """Those of this machine, by its device files; nothing is asked of a driver. ``root`` is the machine's root directory."""
    return tuple(_found(root))


def _found(root: Path) -> Iterator[Accelerator]:
    jetson = (root / "etc/nv_tegra_release").is_file()
    count = len(tuple(root.glob("dev/nvidia[0-9]*")))
    if jetson or count:
        what = "Jetson" if jetson else f"{count} NVIDIA GPU{'' if count == 1 else 's'}"
        toolkit = _toolkit(root)
        yield Accelerator(
            "l4t" if jetson else "cuda",
            what + (f", given to containers by {toolkit}" if toolkit else ", but no container toolkit"),
            bool(toolkit),
            "" if toolkit else TOOLKIT,
        )
    if (root / "dev/kfd").exists():
        yield Accelerator("rocm", "AMD's /dev/kfd")
    if (apex := sorted(root.glob("dev/apex_*"))) or _coral_usb(root):
        yield Accelerator("coral", f"Edge TPU ({apex[0].name if apex else 'USB'})")


def _toolkit(root: Path) -> str:
    """What gives NVIDIA's accelerators to containers; empty where nothing does."""
    if shutil.which(HOOK, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"):
        return HOOK
    described = (file for place in CDI_DIRECTORIES for file in (root / place).glob("nvidia*"))
    return next((f"/{file.relative_to(root)}" for file in described), "")


def _coral_usb(root: Path) -> bool:
    return any(
        (_line(device / "idVendor"), _line(device / "idProduct")) in CORAL_USB
        for device in root.glob("sys/bus/usb/devices/*")
    )


def _line(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
