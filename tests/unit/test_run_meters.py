"""Meters of accelerators and of the machine, with stand-ins for their programs and for NVML's package."""

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mlperf_bake.run.energy as energy_module
from mlperf_bake.run.energy import Metering, Reading
from mlperf_bake.run.meters import Sampler, ipmi_watts, read_nvml, smi_watts

IPMI_SAYS = """
    Instantaneous power reading:                   220 Watts
    Minimum during sampling period:                 18 Watts
    Average power reading over sample period:      215 Watts
    IPMI timestamp:                           Sun Nov 22 19:00:00 2026
    Power reading state is:                   activated
"""
SMI_SAYS = "GPU-1a2b, 71.25\nGPU-3c4d, [N/A]\nGPU-5e6f, 68\n"


def program(directory: Path, name: str, script: str) -> None:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of programs that comes first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(energy_module, "read_counters", lambda: Reading(0.0, {}, {}))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    return tmp_path / "bin"


def test_what_the_programs_say_is_watts_by_device() -> None:
    assert smi_watts(SMI_SAYS) == {"GPU-1a2b": 71.25, "GPU-5e6f": 68.0}
    assert ipmi_watts(IPMI_SAYS) == {"machine": 220.0}


@pytest.mark.parametrize("said", ["", "DCMI request failed", "Instantaneous power reading: 0 Watts", "\x00"])
def test_a_controller_without_a_reading_says_nothing(said: str) -> None:
    assert ipmi_watts(said) == {}
    assert smi_watts(said) == {}


def test_watts_are_sampled_while_it_lasts(programs: Path) -> None:
    program(programs, "meter", "echo 'GPU-1, 50.5'")
    sampler = Sampler(("meter",), smi_watts, interval_s=0.01)
    sampler.start()
    while len(sampler._watts["GPU-1"]) < 3:
        pass
    watts, samples = sampler.stop()["GPU-1"]
    assert watts == 50.5
    assert samples >= 4


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo 'GPU-1, 5'; exit 3"])
def test_a_program_that_does_not_answer_is_asked_once(programs: Path, script: str, tmp_path: Path) -> None:
    program(programs, "meter", f"echo >> {tmp_path}/asked\n{script}")
    sampler = Sampler(("meter",), smi_watts, interval_s=0.001)
    sampler.start()
    assert sampler.stop() == {}
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "\n"


def test_without_any_meter_nothing_is_said(programs: Path) -> None:
    program(programs, "nvidia-smi", "exit 9")
    program(programs, "ipmitool", "exit 1")
    assert Metering().end() == ()


def test_machine_and_accelerators_are_told_with_their_source(programs: Path) -> None:
    program(programs, "ipmitool", f"[ \"$*\" = 'dcmi power reading' ] && cat <<EOF\n{IPMI_SAYS}\nEOF")
    program(programs, "nvidia-smi", "echo 'GPU-1, 70.0'")
    machine, accelerators = Metering().end()
    assert (machine.source, list(machine.joules)) == ("ipmitool dcmi power reading", ["machine"])
    assert (accelerators.source, list(accelerators.joules)) == ("nvidia-smi", ["GPU-1"])
    assert accelerators.samples == 2
    assert accelerators.joules["GPU-1"] == pytest.approx(70 * accelerators.seconds)


def stand_in(counters: list[int]) -> ModuleType:
    """NVML's package with one accelerator whose counter gives these values in turn; a negative one is an error of NVML."""

    class NVMLError(Exception):
        pass

    def energy(device: int) -> int:
        value = counters.pop(0)
        if value < 0:
            raise NVMLError
        return value

    module = ModuleType("pynvml")
    made = {
        "NVMLError": NVMLError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUUID": lambda device: b"GPU-1",
        "nvmlDeviceGetTotalEnergyConsumption": energy,
    }
    for name, value in made.items():
        setattr(module, name, value)
    return module


def test_nvmls_counters_come_before_its_program(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "nvidia-smi", "echo 'GPU-1, 70.0'")
    program(programs, "ipmitool", "exit 1")
    monkeypatch.setitem(sys.modules, "pynvml", stand_in([1_000, 3_500]))
    (energy,) = Metering().end()
    assert (energy.source, energy.joules, energy.samples) == ("NVML", {"GPU-1": 2.5}, 0)


@pytest.mark.parametrize("counters", [[-1], [1_000, -1], [1_000, 10]])
def test_a_counter_that_fails_or_goes_back_is_left_out(
    programs: Path, monkeypatch: pytest.MonkeyPatch, counters: list[int]
) -> None:
    program(programs, "nvidia-smi", "exit 9")
    program(programs, "ipmitool", "exit 1")
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(counters))
    assert Metering().end() == ()


def test_without_the_package_there_are_no_counters() -> None:
    assert read_nvml("no_such_package") == {}
