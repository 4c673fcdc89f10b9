"""The machine that a setting was tuned on, as far as it decides whether the setting fits another run."""

import platform
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.engine.find import Engine

CPUINFO = Path("/proc/cpuinfo")
_NAMES = ("model name", "cpu model", "Hardware", "CPU part")
"""x86, MIPS and POWER, older and newer Arm kernels."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Settings move between equal machines.

    Attributes:
        cpu_model: as the kernel names it; the engine's address where it is another machine.
        cpus: logical CPUs of it.
        cpuset: those the container may use, as ``--cpuset`` has them; empty for all.
    """

    cpu_model: str
    cpus: int
    cpuset: str = ""

    def __str__(self) -> str:
        return f"{self.cpus} x {self.cpu_model}{f' (CPUs {self.cpuset})' if self.cpuset else ''}"


def machine_of(engine: Engine, cpuset: str = "", cpuinfo: Path = CPUINFO) -> Machine:
    """The machine an engine runs containers on."""
    return Machine(_cpu_model(cpuinfo) if engine.local else engine.host, engine.cpus, cpuset)


def _cpu_model(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return next((found[name] for name in _NAMES if found.get(name)), platform.machine())
