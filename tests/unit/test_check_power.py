"""Power measurements: a whole one is taken with its figure, and each way to break it is named."""

import shutil
from pathlib import Path

import pytest

from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import State
from tests.support.power_session import add_power
from tests.support.submission_trees import (
    OPEN,
    Break,
    build,
    edit,
    found,
    json_key,
    judged,
    remove,
    setting,
    text,
)
from tests.support.synthetic_runs import RunSpec

PERFORMANCE = f"{OPEN.result}/performance"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree whose Offline and SingleStream results have power."""
    tree = build(tmp_path_factory.mktemp("open"), RunSpec(), "open")
    add_power(tree / OPEN.result, watts=101.5)
    add_power(tree / OPEN.result.replace("Offline", "SingleStream"), watts=50.0, ranging_watts=50.0)
    return tree


@pytest.fixture
def tree(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tree"))


def test_a_whole_measurement_gives_its_figure(tree: Path) -> None:
    verdict = judged(tree)
    assert [one.rule for one in verdict.findings if one.breach.severity is not Severity.NOTE] == []
    assert verdict.state is State.VALID
    power = {result.scenario: result.power for result in verdict.results}
    assert power["MultiStream"] is None
    offline, stream = power["Offline"], power["SingleStream"]
    assert offline is not None
    assert stream is not None
    assert offline.value == pytest.approx(101.5)
    assert stream.value == pytest.approx(50.0 * 10 * 1000 / 4000)
    assert (offline.unit, stream.unit) == ("W", "mJ/query")
    assert {one.rule for one in verdict.findings} == {"power.elsewhere", "system.nameplate"}


def scaled(path: str, factor: float) -> Break:
    def apply(root: Path) -> None:
        edit(path, r"Watts,101.500", f"Watts,{101.5 * factor:.3f}")(root)

    return apply


BREACHES: list[tuple[str, str, Break]] = [
    ("power.files", "ranging", remove(f"{PERFORMANCE}/ranging/spl.txt")),
    ("power.files", "power", remove(f"{PERFORMANCE}/power/server.log")),
    ("power.files", "run_1", text(f"{PERFORMANCE}/run_1/manifest.json", "{}")),
    ("power.window", "mlperf_log_detail.txt", setting(OPEN.detail, "power_begin", None)),
    ("power.window", "mlperf_log_detail.txt", setting(OPEN.detail, "power_end", "yesterday")),
    ("power.window", "spl.txt", text(f"{PERFORMANCE}/run_1/spl.txt", "")),
    ("power.window", "spl.txt", text(f"{PERFORMANCE}/run_1/spl.txt", "Time,now,Watts,1\n")),
    ("power.window", "spl.txt", edit(f"{PERFORMANCE}/run_1/spl.txt", "Watts,101.500", "Watts,nan")),
    ("power.ranging", "spl.txt", scaled(f"{PERFORMANCE}/run_1/spl.txt", 0.9)),
    ("power.session", "server.json", json_key(f"{PERFORMANCE}/power/server.json", "session_name", value="x")),
    (
        "power.session",
        "server.json",
        json_key(f"{PERFORMANCE}/power/server.json", "uuid", "client", value="x"),
    ),
    ("power.session", "server.json", json_key(f"{PERFORMANCE}/power/server.json", "messages", value=[])),
    ("power.session", "client.json", json_key(f"{PERFORMANCE}/power/client.json", "phases", value=...)),
    ("power.session", "client.json", json_key(f"{PERFORMANCE}/power/client.json", "phases", value=7)),
    ("power.debug", "server.json", json_key(f"{PERFORMANCE}/power/server.json", "debug", value=True)),
    ("power.session", "client.json", text(f"{PERFORMANCE}/power/client.json", "[")),
    ("power.results", "ptd_logs.txt", text(f"{PERFORMANCE}/power/ptd_logs.txt", "other")),
    (
        "power.phases",
        "server.json",
        json_key(f"{PERFORMANCE}/power/server.json", "phases", "testing", value=[[0], [1], [2]]),
    ),
    (
        "power.phases",
        "mlperf_log_detail.txt",
        setting(OPEN.detail, "power_begin", "11-22-2026 08:00:00.000"),
    ),
    ("system.nameplate", "box_power.yaml", text("open/Me/systems/box_power.yaml", "a: [")),
]


@pytest.mark.parametrize(
    ("rule", "file", "break_it"), BREACHES, ids=[f"{case[0]}-{index}" for index, case in enumerate(BREACHES)]
)
def test_a_broken_measurement_is_named(tree: Path, rule: str, file: str, break_it: Break) -> None:
    break_it(tree)
    verdict = judged(tree)
    assert verdict.state is State.INVALID
    errors = [one.breach for one in found(verdict, rule) if one.breach.severity is Severity.ERROR]
    assert file in {breach.path.name for breach in errors}
    assert all(breach.expected or breach.found for breach in errors)


def test_a_nameplate_is_enough(tree: Path) -> None:
    text(
        "open/Me/systems/box_power.yaml",
        "server:\n  PSUs: [{PowerCapacityWatts: 800}]\n  Min PSUs Needed: 1\n",
    )(tree)
    assert found(judged(tree), "system.nameplate") == []
