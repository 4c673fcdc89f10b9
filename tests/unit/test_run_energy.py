"""The processor's energy counters, on a stand-in for the kernel's directory: packages once, wraps counted, none is none."""

import json
from pathlib import Path

import pytest

from mlperf_bake.run.energy import Energy, Reading, read_counters, spent, write_energy


def counter(root: Path, name: str, value: object, most: int = 1_000_000_000) -> None:
    (root / name).mkdir(parents=True, exist_ok=True)
    (root / name / "energy_uj").write_text(f"{value}\n", encoding="ascii")
    (root / name / "max_energy_range_uj").write_text(f"{most}\n", encoding="ascii")


def test_whole_packages_are_read_and_what_lies_in_them_is_not_counted_twice(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", 5)
    counter(tmp_path, "intel-rapl:0:0", 3)
    counter(tmp_path, "intel-rapl:1", 7)
    counter(tmp_path, "intel-rapl-mmio:0", 9)
    assert read_counters(tmp_path).microjoules == {"intel-rapl:0": 5, "intel-rapl:1": 7}


@pytest.mark.parametrize("value", ["", "secret", "-"])
def test_what_cannot_be_read_is_left_out(tmp_path: Path, value: str) -> None:
    counter(tmp_path, "intel-rapl:0", value)
    assert read_counters(tmp_path).microjoules == {}
    assert read_counters(tmp_path / "nowhere").microjoules == {}


def test_the_difference_is_joules_and_a_counter_may_start_again() -> None:
    before = Reading(10.0, {"a": 1_000_000, "b": 900_000_000, "c": 1}, dict.fromkeys("abc", 1_000_000_000))
    after = Reading(14.0, {"a": 3_500_000, "b": 100_000_000}, before.ranges)
    energy = spent(before, after)
    assert energy == Energy(4.0, {"a": 2.5, "b": 200.0})
    assert str(energy) == ("202.5 J, 50.6 W by RAPL, loading included; information, no official power")


def test_without_counters_nothing_is_said() -> None:
    assert spent(Reading(0.0, {}, {}), Reading(1.0, {}, {})) is None


def test_the_file_says_where_each_reading_is_from_and_that_none_is_official(tmp_path: Path) -> None:
    sampled = Energy(4.0, {"machine": 800.0}, "ipmitool dcmi power reading", 3)
    write_energy((Energy(4.0, {"intel-rapl:0": 2.5}), sampled), tmp_path)
    assert json.loads((tmp_path / "energy.json").read_text(encoding="utf-8")) == {
        "schema": "mlperf-bake/energy/2",
        "official": False,
        "readings": [
            {"source": "RAPL", "seconds": 4.0, "samples": None, "joules": {"intel-rapl:0": 2.5}},
            {
                "source": "ipmitool dcmi power reading",
                "seconds": 4.0,
                "samples": 3,
                "joules": {"machine": 800.0},
            },
        ],
    }
    assert str(sampled) == (
        "800.0 J, 200.0 W by ipmitool dcmi power reading in 3 samples, loading included; information, no official power"
    )
