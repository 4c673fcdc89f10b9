"""`run --power` against a stand-in for the official client that takes the same options and leaves the same files."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.program import this_program
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.run.power import PowerServer, measure, power_server
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, write_pair

SERVER = PowerServer("meter", 4951, "clock")
CLIENT = """#!{python}
import argparse, pathlib, shutil, subprocess, sys
parser = argparse.ArgumentParser()
for name in ("addr", "port", "ntp", "loadgen-logs", "output", "run-workload"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--no-timestamp-path", action="store_true", required=True)
given = parser.parse_args()
assert (given.addr, given.port, given.ntp) == ("meter", "4951", "clock")
out = pathlib.Path(given.output)
(out / "power").mkdir(parents=True)
for mode in ("ranging", "run_1"):
    before = set(pathlib.Path(given.loadgen_logs).rglob("mlperf_log_detail.txt"))
    subprocess.run(given.run_workload, shell=True, check=True)
    (log,) = set(pathlib.Path(given.loadgen_logs).rglob("mlperf_log_detail.txt")) - before
    (out / mode).mkdir()
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        shutil.copy(log.with_name(name), out / mode)
    (out / mode / "spl.txt").write_text("Time,now,Watts,1\\n")
for name in ("client.json", "client.log", "ptd_logs.txt", "server.json", "server.log"):
    (out / "power" / name).write_text(name)
{sabotage}
"""
WORKLOAD = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.support.synthetic_runs import RunSpec, write_run
root = Path(sys.argv[1])
number = len(list(root.iterdir()))
write_run(root, RunSpec(run_id=f"run {number}", detail={"result_samples_per_second": 300.0 + number}))
"""


def stand_in(tmp_path: Path, sabotage: str = "") -> str:
    client = tmp_path / "client"
    client.write_text(CLIENT.format(python=sys.executable, sabotage=sabotage), encoding="utf-8")
    client.chmod(client.stat().st_mode | stat.S_IXUSR)
    return str(client)


@pytest.fixture
def workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "my results").mkdir()
    return [sys.executable, "-c", WORKLOAD, str(tmp_path / "my results")]


def test_the_measurement_lies_in_the_measured_run_and_collect_places_it(
    tmp_path: Path, workload: list[str]
) -> None:
    results = tmp_path / "my results"
    run = measure(workload, results, SERVER, stand_in(tmp_path))
    assert run == results / "run 1", "the first was for the ranges"
    assert {path.name for path in (run / "power").iterdir()} >= {"client.json", "server.log"}
    assert (run / "ranging" / "mlperf_log_detail.txt").read_bytes() == (
        results / "run 0" / "mlperf_log_detail.txt"
    ).read_bytes()
    assert (run / "spl.txt").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["client", "my results"]


def test_measured_runs_are_runs_that_can_be_collected(tmp_path: Path) -> None:
    performance, _ = write_pair(tmp_path / "results", RunSpec())
    (performance / "power").mkdir()
    (performance / "power" / "client.json").write_text("{}", encoding="utf-8")
    done = collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions("Me"))
    assert (done.results[0].directory / "performance" / "power" / "client.json").is_file()


@pytest.mark.parametrize(
    ("sabotage", "found"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("shutil.rmtree(out / 'ranging')", "no ranging"),
        (
            "(out / 'run_1' / 'mlperf_log_detail.txt').write_text('another log')",
            "has its mlperf_log_detail.txt",
        ),
    ],
)
def test_a_client_that_fails_or_gathers_something_else_is_told(
    tmp_path: Path, workload: list[str], sabotage: str, found: str
) -> None:
    with pytest.raises(RunFailed) as raised:
        measure(workload, tmp_path / "my results", SERVER, stand_in(tmp_path, sabotage))
    assert found in str(raised.value)
    assert not (tmp_path / "my results" / "run 1" / "power").exists()


def test_without_a_client_the_user_is_told_which(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no power client"):
        measure(["true"], tmp_path, SERVER, str(tmp_path / "gone"))


@pytest.mark.parametrize("text", ["", ":5", "host:port", "host:70000", "host:0"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no power server"):
        power_server(text, "clock")


def test_a_server_has_the_clients_port_unless_another_is_named() -> None:
    assert power_server("meter", "clock") == PowerServer("meter", 4950, "clock")
    with pytest.raises(UsageError, match="time server"):
        power_server("meter:1", "")


def test_the_program_can_be_called_again_by_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for started in (sys.argv[0], str(Path(sys.executable).with_name("mlperf-bake"))):
        monkeypatch.setattr(sys, "argv", [started])
        done = subprocess.run([*this_program(), "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("mlperf-bake ")
