"""The energy that a machine's own meters saw around a run: information, and never official power.

The processor's counters (RAPL) here, accelerators' and the machine's in ``meters``. They count whole packages and devices, from
before the container starts until it has ended, loading and warm-up included; the kernel lets only root read RAPL on most
machines, and many virtual machines have none. What was read goes into ``energy.json`` beside the manifest, which the harness
writes from inside the container, where no meter can be read.
Source: the kernel's powercap interface, Documentation/power/powercap/powercap.rst.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.run.meters import (
    IPMI,
    IPMITOOL,
    NVIDIA_SMI,
    NVML,
    SMI,
    Sampler,
    clock,
    ipmi_watts,
    read_nvml,
    smi_watts,
)

SCHEMA: Final = "mlperf-bake/energy/2"
RAPL: Final = "RAPL"
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
    """What one source saw between two moments, in joules by package, accelerator or machine.

    Attributes:
        source: ``RAPL``, ``NVML``, ``nvidia-smi`` or ``ipmitool dcmi power reading``.
        samples: of the device with the fewest, where watts were sampled; 0 where a counter counted.
    """

    seconds: float
    joules: Mapping[str, float]
    source: str = RAPL
    samples: int = 0

    @property
    def total(self) -> float:
        """Of all packages or devices."""
        return sum(self.joules.values())

    def __str__(self) -> str:
        watts = f", {self.total / self.seconds:.1f} W" if self.seconds > 0 else ""
        how = f" in {self.samples} samples" if self.samples else ""
        return f"{self.total:.1f} J{watts} by {self.source}{how}, loading included; information, no official power"


class Metering:
    """All of a machine's meters, from ``Metering()`` until ``end``."""

    def __init__(self) -> None:
        self._counters, self._began = read_counters(), clock()
        self._nvml = read_nvml()
        self._samplers = [(IPMITOOL, Sampler(IPMI, ipmi_watts))]
        if not self._nvml:
            self._samplers.append((NVIDIA_SMI, Sampler(SMI, smi_watts)))
        for _, sampler in self._samplers:
            sampler.start()

    def end(self) -> tuple[Energy, ...]:
        """What each source saw since; no source twice, none that saw nothing."""
        seconds = clock() - self._began
        found = [spent(self._counters, read_counters()), _counted(self._nvml, seconds)]
        found += [_sampled(source, sampler, seconds) for source, sampler in self._samplers]
        return tuple(energy for energy in found if energy)


def _counted(before: Mapping[str, int], seconds: float) -> Energy | None:
    """What NVML's counters, which start at 0 with the driver, counted."""
    after = read_nvml() if before else {}
    joules = {
        name: (after[name] - value) / 1000
        for name, value in before.items()
        if name in after and after[name] >= value
    }
    return Energy(seconds, joules, NVML) if joules else None


def _sampled(source: str, sampler: Sampler, seconds: float) -> Energy | None:
    means = sampler.stop()
    joules = {name: watts * seconds for name, (watts, _) in means.items()}
    return Energy(seconds, joules, source, min(count for _, count in means.values())) if joules else None


def read_counters(root: Path = COUNTERS) -> Reading:
    """The counters that can be read; none where there are none or the kernel keeps them to itself."""
    microjoules: dict[str, int] = {}
    ranges: dict[str, int] = {}
    for path in sorted(root.glob("intel-rapl:*")):
        value, most = _number(path / "energy_uj"), _number(path / "max_energy_range_uj")
        if _PACKAGE.fullmatch(path.name) and value is not None and most:
            microjoules[path.name], ranges[path.name] = value, most
    return Reading(clock(), microjoules, ranges)


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


def write_energy(energies: Sequence[Energy], run: Path) -> None:
    """``energy.json`` in a run's directory."""
    data = {
        "schema": SCHEMA,
        "official": False,
        "readings": [
            {
                "source": energy.source,
                "seconds": round(energy.seconds, 3),
                "samples": energy.samples or None,
                "joules": {name: round(joules, 3) for name, joules in energy.joules.items()},
            }
            for energy in energies
        ],
    }
    (run / FILE).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
