"""The processor's own energy counters (RAPL) around a run: information, and never official power.

They count the packages of the whole machine, from before the container starts until it has ended, loading and warm-up
included; the kernel lets only root read them on most machines, and many virtual machines have none. What was read goes
into ``energy.json`` beside the manifest, which the harness writes from inside the container, where no counter can be read.
Source: the kernel's powercap interface, Documentation/power/powercap/powercap.rst.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SCHEMA: Final = "mlperf-bake/energy/1"
FILE: Final = "energy.json"
COUNTERS: Final = Path("/sys/class/powercap")
_PACKAGE: Final = re.compile(r"intel-rapl:\d+")
"""Whole packages; what lies below one (``intel-rapl:0:0``) is counted in it already."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All counters at one moment.

    Attributes:
        seconds: of a clock that only goes forward.
        microjoules: counter to its value.
        ranges: counter to the value at which it starts again from 0.
    """

    seconds: float
    microjoules: Mapping[str, int]
    ranges: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Energy:
    """What was spent between two readings, in joules by package."""

    seconds: float
    joules: Mapping[str, float]

    @property
    def total(self) -> float:
        """Of all packages."""
        return sum(self.joules.values())

    def __str__(self) -> str:
        watts = f", {self.total / self.seconds:.1f} W" if self.seconds > 0 else ""
        return f"{self.total:.1f} J{watts} by the processor's counters, loading included; information, no official power"


def read_counters(root: Path = COUNTERS) -> Reading:
    """The counters that can be read; none where there are none or the kernel keeps them to itself."""
    microjoules: dict[str, int] = {}
    ranges: dict[str, int] = {}
    for path in sorted(root.glob("intel-rapl:*")):
        value, most = _number(path / "energy_uj"), _number(path / "max_energy_range_uj")
        if _PACKAGE.fullmatch(path.name) and value is not None and most:
            microjoules[path.name], ranges[path.name] = value, most
    return Reading(time.monotonic(), microjoules, ranges)


def spent(before: Reading, after: Reading) -> Energy | None:
    """The energy between two readings; None where no counter was read twice.

    A counter that starts again from 0 is taken to have done so once; at 100 W that is about every 43 minutes for the
    usual range of 262 kJ, so that longer runs may be told too little.
    """
    joules = {
        name: (after.microjoules[name] - value) % before.ranges[name] / 1e6
        for name, value in before.microjoules.items()
        if name in after.microjoules
    }
    return Energy(after.seconds - before.seconds, joules) if joules else None


def write_energy(energy: Energy, run: Path) -> None:
    """``energy.json`` in a run's directory."""
    data = {
        "schema": SCHEMA,
        "official": False,
        "source": "RAPL",
        "seconds": round(energy.seconds, 3),
        "joules": dict(energy.joules),
    }
    (run / FILE).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
