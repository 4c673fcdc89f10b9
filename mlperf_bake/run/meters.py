"""What other meters than the processor's counters say of power while a run lasts: accelerators' (NVML), and the machine's (IPMI).

Information, and never official power. NVML's energy counters are read before and after, through the package ``nvidia-ml-py``
(module ``pynvml``) where it is installed. Without it ``nvidia-smi``, and for the machine ``ipmitool dcmi power reading``, are
asked for watts every few seconds and the mean is taken. What is not there, or does not answer, is left out.
Sources: NVML's nvmlDeviceGetTotalEnergyConsumption (millijoules), nvidia-smi --help-query-gpu, ipmitool(1), DCMI 1.5, 6.6.1.
"""

import importlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

INTERVAL_S: Final = 5.0
"""Between two questions to a program: each costs the processor some hundredths of a second."""
_PATIENCE_S: Final = 10.0
SMI: Final = ("nvidia-smi", "--query-gpu=uuid,power.draw", "--format=csv,noheader,nounits")
IPMI: Final = ("ipmitool", "dcmi", "power", "reading")
NVML: Final = "NVML"
NVIDIA_SMI: Final = "nvidia-smi"
IPMITOOL: Final = "ipmitool dcmi power reading"
_WATTS: Final = re.compile(
    r"^\s*Instantaneous power reading\s*:\s*(\d{1,6})\s*Watts", re.MULTILINE | re.IGNORECASE
)
_SMI_LINE: Final = re.compile(r"^([\w.-]{1,80}),\s*(\d{1,5}(?:\.\d{1,4})?)\s*$")


def read_nvml(module: str = "pynvml") -> dict[str, int]:
    """Accelerators' energy counters in millijoules by UUID; empty where the package, the driver or a counter is missing."""
    try:
        nvml: Any = importlib.import_module(module)
    except ImportError:
        return {}
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return {}
    found: dict[str, int] = {}
    try:
        for index in range(nvml.nvmlDeviceGetCount()):
            device = nvml.nvmlDeviceGetHandleByIndex(index)
            name = nvml.nvmlDeviceGetUUID(device)
            found[name.decode() if isinstance(name, bytes) else name] = (
                nvml.nvmlDeviceGetTotalEnergyConsumption(device)
            )
    except nvml.NVMLError:
        return {}
    finally:
        nvml.nvmlShutdown()
    return found


def smi_watts(said: str) -> dict[str, float]:
    """UUID to watts in what nvidia-smi says; accelerators that do not tell (``[N/A]``) are left out."""
    found = (_SMI_LINE.match(line) for line in said.splitlines())
    return {match.group(1): float(match.group(2)) for match in found if match}


def ipmi_watts(said: str) -> dict[str, float]:
    """The machine's watts in what ipmitool says; nothing where the controller has no reading (0 W while it is off)."""
    match = _WATTS.search(said)
    watts = float(match.group(1)) if match else 0.0
    return {"machine": watts} if watts > 0 else {}


class Sampler:
    """Asks a program for watts every few seconds, from ``start`` to ``stop``, in a thread of its own."""

    def __init__(
        self,
        command: Sequence[str],
        read: Callable[[str], Mapping[str, float]],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._command, self._read, self._interval_s = tuple(command), read, interval_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._watts: dict[str, list[float]] = {}

    def start(self) -> None:
        """Asks once now, and goes on where there was an answer."""
        if shutil.which(self._command[0]) and self._ask():
            self._thread.start()

    def stop(self) -> dict[str, tuple[float, int]]:
        """Mean watts and number of samples by device; empty where there was no answer."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S + 1)
            self._ask()
        return {name: (sum(watts) / len(watts), len(watts)) for name, watts in self._watts.items()}

    def _sample(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._ask()

    def _ask(self) -> bool:
        try:
            done = subprocess.run(
                self._command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        found = self._read(done.stdout) if done.returncode == 0 else {}
        for name, watts in found.items():
            self._watts.setdefault(name, []).append(watts)
        return bool(found)


def clock() -> float:
    """Seconds of a clock that only goes forward."""
    return time.monotonic()
