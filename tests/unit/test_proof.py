"""Proving cells: how far one came is recorded, no further; the file changes one line a cell and in one step."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mlperf_bake.build.service import DoneImage
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.matrix.values import AXES, KnownAccuracy
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.project import open_project
from mlperf_bake.proof.prove import SCENARIOS, Trial, prove
from mlperf_bake.proof.record import PROOFS, Proof, load_proofs, save_proofs, sources_digest, write_proofs
from mlperf_bake.run.request import RunRequest
from mlperf_bake.run.service import RunOutcome

DIGEST = "sha256:" + "0a" * 32
FILES = (("file harness/src", "bb"), ("platform", "linux/amd64"))
PROOF = Proof(
    "accuracy checked", "2026-11-22", DIGEST, DIGEST, "EPYC, 2 CPUs", ("Offline", "Server"), "18 of 20"
)


def test_what_is_written_is_read_back_sorted(tmp_path: Path) -> None:
    proofs = {"b": PROOF, "a": replace(PROOF, state="built", scenarios=(), accuracy="")}
    path = tmp_path / "matrix.proofs"
    path.write_text(write_proofs(proofs), encoding="utf-8")
    assert load_proofs(path) == proofs
    cells = [
        line.split('"')[1] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("  ")
    ]
    assert cells == ["a", "b"]


@pytest.mark.parametrize("model", ['ARM "Neoverse"', "a \\ b", "Kryo\u2122", "a: {b}, # c"])
def test_a_processor_of_any_name_leaves_a_file_that_can_be_read(model: str, tmp_path: Path) -> None:
    path = tmp_path / "matrix.proofs"
    save_proofs(path, {"a": replace(PROOF, machine=model)})
    assert load_proofs(path)["a"].machine == model


def test_saving_keeps_the_other_cells(tmp_path: Path) -> None:
    path = tmp_path / "matrix.proofs"
    save_proofs(path, {"a": PROOF, "b": PROOF})
    save_proofs(path, {"b": replace(PROOF, state="ran")})
    assert {cell: proof.state for cell, proof in load_proofs(path).items()} == {
        "a": "accuracy checked",
        "b": "ran",
    }
    assert [child.name for child in tmp_path.iterdir()] == ["matrix.proofs"]


def test_two_that_prove_at_once_keep_each_others_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "matrix.proofs"
    save_proofs(path, {"a": PROOF})

    def slowly(place: Path) -> dict[str, Proof]:
        found = load_proofs(place)
        time.sleep(0.05)  # long enough for the other to read the same, were it not to wait
        return found

    monkeypatch.setattr("mlperf_bake.proof.record.load_proofs", slowly)
    with ThreadPoolExecutor(2) as pool:
        for saved in [pool.submit(save_proofs, path, {cell: PROOF}) for cell in ("b", "c")]:
            saved.result()
    assert sorted(load_proofs(path)) == ["a", "b", "c"]


def test_a_damaged_file_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "matrix.proofs"
    path.write_text(
        write_proofs({"a": PROOF}).replace("state: accuracy checked", "state: fine"), encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"matrix.proofs:4:\d+: .*fine"):
        load_proofs(path)


class Runs:
    """Stands in for the engine: each run gives what ``correct`` and ``invalid`` say, or fails."""

    def __init__(self, correct: dict[str, int], invalid: str = "", fails: str = "") -> None:
        self.correct, self.invalid, self.fails = correct, invalid, fails
        self.asked: list[tuple[str, str]] = []

    def __call__(self, request: RunRequest, *_: object, **__: object) -> RunOutcome:
        self.asked.append((request.scenario, request.mode))
        if request.scenario == self.fails:
            raise RunFailed("the backend failed")
        accuracy = {"correct": self.correct.get(request.scenario, 18), "total": 20}
        manifest: dict[str, Any] = {"accuracy": accuracy, "host": {"cpu_model": "EPYC"}}
        valid = request.scenario != self.invalid or request.mode == "accuracy"
        return RunOutcome(request.run_id, request.cell_id, "here", valid, manifest, DIGEST)


def trial(known: KnownAccuracy | None) -> Trial:
    planned = PlannedImage(
        "net", ("FROM base\n",), "D", "linux/amd64", "sha256:aa", FILES, ("net:aa",), (), (), ()
    )
    return Trial(
        planned,
        DoneImage("net", DIGEST, "net:aa", 1.0, "built"),
        Path("/data"),
        known,
        Path("/r"),
        2.0,
        "v6.1",
    )


def proven(
    monkeypatch: pytest.MonkeyPatch, runs: Runs, known: KnownAccuracy | None, platform: str = "linux/amd64"
) -> tuple[Proof, str]:
    monkeypatch.setattr("mlperf_bake.run.service.run_image", runs)
    version = Version(1, 0)
    engine = Engine(
        "docker", ("docker", "buildx"), "unix:///x", version, version, version, "linux/amd64", True, 1, 2, "/"
    )
    tried = trial(known)
    tried = replace(tried, planned=replace(tried.planned, platform=platform))
    outcome = prove(tried, engine, Console(quiet=True), lambda _: None)
    return outcome.proof, str(outcome.stopped_by or "")


def test_the_known_accuracy_in_every_scenario_is_the_furthest_a_cell_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = Runs({})
    proof, stopped = proven(monkeypatch, runs, KnownAccuracy(18, 20))
    assert (proof.state, proof.accuracy, proof.scenarios, stopped) == (
        "accuracy checked",
        "18 of 20",
        SCENARIOS,
        "",
    )
    assert proof.machine == "EPYC, 2 CPUs, linux/amd64"
    assert (proof.round, proof.sources) == ("v6.1", sources_digest(FILES))
    assert runs.asked == [(scenario, mode) for scenario in SCENARIOS for mode in ("accuracy", "performance")]


def test_a_run_in_an_emulator_is_recorded_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    proof, _ = proven(monkeypatch, Runs({}), KnownAccuracy(18, 20), "linux/arm64")
    assert proof.machine == "EPYC, 2 CPUs, linux/arm64 emulated"


@pytest.mark.parametrize(
    ("runs", "known", "state", "says"),
    [
        (Runs({}), None, "ran", ""),
        (Runs({}), KnownAccuracy(17, 20), "ran", "the accuracy is not the known one"),
        (Runs({}), KnownAccuracy(17, 20, within=1), "accuracy checked", ""),
        (Runs({"Server": 17}), KnownAccuracy(18, 20), "ran", "MultiStream 18 of 20, Server 17 of 20"),
        (Runs({}, fails="Server"), KnownAccuracy(18, 20), "built", "the backend failed"),
        (Runs({}, invalid="Server"), KnownAccuracy(18, 20), "accuracy checked", ""),
    ],
)
def test_no_cell_claims_more_than_was_seen(
    monkeypatch: pytest.MonkeyPatch, runs: Runs, known: KnownAccuracy | None, state: str, says: str
) -> None:
    proof, stopped = proven(monkeypatch, runs, known)
    assert proof.state == state
    assert says in stopped
    assert bool(stopped) == bool(says)


def test_what_stood_in_is_kept_and_told(tmp_path: Path) -> None:
    digest = "sha256:" + "0a" * 32
    proof = Proof("built", "2026-11-22", digest, digest, "EPYC, 2 CPUs", stand_ins=("base", "build-base"))
    save_proofs(tmp_path / PROOFS, {"a-cell": proof})
    assert load_proofs(tmp_path / PROOFS) == {"a-cell": proof}
    assert proof.qualified == "built, base and build-base stood in"
    assert Proof("ran", "2026-11-22", digest, digest, "EPYC").qualified == "ran"


def test_every_value_of_every_axis_is_published_but_the_one_that_cannot_be_built() -> None:
    project = open_project(Path(__file__))
    for axis in AXES:
        missing = set(project.matrix.names(axis)) - {cell.value(axis) for cell in project.published()}
        assert missing == ({"rnnt"} if axis == "model" else set())
