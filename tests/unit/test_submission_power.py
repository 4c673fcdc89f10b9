"""Power measurements: what is missing, of another session or changed since is said; the average is LoadGen's time only."""

import hashlib
import json
from pathlib import Path

import pytest

from mlperf_bake.submission.power import PowerMeasurement, is_measured, read_power
from tests.support.synthetic_runs import log_line

WATTS = (90.0, 100.0, 120.0, 500.0)


def sample(second: int, watts: object) -> str:
    return f"Time,11-22-2026 09:15:{second:02d}.000,Watts,{watts},Volts,230.1,Amps,0.4,PF,0.9,Mark,run\n"


@pytest.fixture
def performance(tmp_path: Path) -> Path:
    """A measurement: LoadGen measures from 0.5 s to 3.5 s, the analyser takes a sample every two seconds."""
    root = tmp_path / "performance"
    detail = log_line("power_begin", "11-22-2026 09:15:00.500") + log_line(
        "power_end", "11-22-2026 09:15:03.500"
    )
    for name in ("run_1", "ranging"):
        (root / name).mkdir(parents=True)
        (root / name / "mlperf_log_detail.txt").write_text(detail, encoding="utf-8")
        (root / name / "mlperf_log_summary.txt").write_text("summary\n", encoding="utf-8")
        lines = [sample(second * 2, watts) for second, watts in enumerate(WATTS)]
        lines += ["Notice,something\n", sample(2, "nan"), sample(2, -1), "Time,yesterday,Watts,7\n"]
        (root / name / "spl.txt").write_text("".join(lines), encoding="utf-8")
    (root / "power").mkdir()
    hashes = {
        path.relative_to(root).as_posix(): hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in root.rglob("*.txt")
    }
    session = {"uuid": {"client": "a", "server": "b"}, "session_name": "s", "results": hashes}
    for name in ("client.json", "server.json"):
        (root / "power" / name).write_text(json.dumps(session), encoding="utf-8")
    for name in ("client.log", "server.log", "ptd_logs.txt"):
        (root / "power" / name).write_text("log\n", encoding="utf-8")
    return root


def change(performance: Path, name: str, **values: object) -> None:
    path = performance / "power" / name
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_the_average_is_over_the_time_in_which_loadgen_measured(performance: Path) -> None:
    assert read_power(performance) == PowerMeasurement((), 100.0, 1)


def test_a_result_without_power_has_none(tmp_path: Path) -> None:
    assert not is_measured(tmp_path / "performance")


@pytest.mark.parametrize(
    "name",
    [
        "power/server.log",
        "ranging/spl.txt",
        "run_1/spl.txt",
        "power/client.json",
        "ranging/mlperf_log_summary.txt",
    ],
)
def test_a_missing_or_empty_file_is_named(performance: Path, name: str) -> None:
    (performance / name).write_bytes(b"")
    assert read_power(performance).faults == (f"{name} of the power measurement is missing or empty",)
    (performance / name).unlink()
    assert read_power(performance).faults == (f"{name} of the power measurement is missing or empty",)


def test_files_of_another_session_and_changed_ones_are_told(performance: Path) -> None:
    change(performance, "server.json", uuid={"client": "x", "server": "b"})
    with (performance / "run_1" / "spl.txt").open("a", encoding="utf-8") as file:
        file.write(sample(2, 1))
    faults = read_power(performance).faults
    assert "client.json and server.json have different uuids: two measurements" in faults
    assert "run_1/spl.txt is not the file that client.json was written for" in faults


@pytest.mark.parametrize("results", [None, {"run_1/../../../secret": "0" * 40}, {"run_1/gone": "0" * 40}])
def test_hashes_that_are_missing_or_of_files_elsewhere_are_faults(performance: Path, results: object) -> None:
    change(performance, "client.json", results=results)
    assert len(read_power(performance).faults) == 1


def test_damaged_json_is_a_fault_and_no_crash(performance: Path) -> None:
    (performance / "power" / "server.json").write_text("{", encoding="utf-8")
    assert read_power(performance).faults == ("power/server.json: the file ends in the middle of a value",)


def test_without_loadgens_times_there_is_no_average(performance: Path) -> None:
    for name in ("client.json", "server.json"):
        change(performance, name, results={})
    (performance / "run_1" / "mlperf_log_detail.txt").write_text("no times\n", encoding="utf-8")
    assert read_power(performance) == PowerMeasurement(
        ("run_1/spl.txt holds no sample from the time in which LoadGen measured",), None, 0
    )
