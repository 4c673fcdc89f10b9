"""`prove --stages`: a cell whose base image nobody gives is recorded with the stages that were built, and no further."""

import inspect
import json
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.cli.prove import prove
from mlperf_bake.errors import BuildFailed
from mlperf_bake.project import Project
from mlperf_bake.proof.record import PROOFS, load_proofs
from tests.support.second_matrix import make_project
from tests.support.stand_in_buildx import calls, stand_in_engine

CELL = "mobilenet-cpp-onnxruntime-cpu-debian12"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A checkout on a machine that no hub gives a base image, so that what compiles fails."""
    engine_folder = tmp_path / "engine"
    engine_folder.mkdir()
    (engine_folder / "compiler.fails").write_text("no such host", encoding="utf-8")
    made = make_project(tmp_path / "checkout")

    def refuse(*_: object) -> None:
        raise BuildFailed("there is no base image")

    monkeypatch.chdir(made.root)
    monkeypatch.setattr("mlperf_bake.engine.find.find_engine", lambda: stand_in_engine(engine_folder))
    monkeypatch.setattr("mlperf_bake.engine.bases.ensure_base", refuse)
    monkeypatch.setattr("mlperf_bake.engine.secrets.host_secrets", tuple)
    monkeypatch.setattr("mlperf_bake.engine.secrets.host_find_links", tuple)
    return made


def test_its_stages_are_recorded_and_shown(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["prove", CELL, "--stages", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["cells"]
    assert (row["state"], row["stages_left"]) == (
        "rendered",
        ["compiler", "loadgen", "harness-core", "harness"],
    )
    assert "toolchain" in row["stages"] and "harness" not in calls(tmp_path / "engine")
    assert load_proofs(project.root / PROOFS)[CELL].stages == tuple(row["stages"])
    assert execute(["list", CELL]) == 0
    whole = len(row["stages"]) + 4
    assert f"declared, {len(row['stages'])} of {whole} stages built" in capsys.readouterr().out
    assert execute(["explain", CELL]) == 0
    assert "not built compiler loadgen harness-core harness" in " ".join(capsys.readouterr().out.split())
    assert execute(["list", CELL, "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)["cells"]
    assert (listed["state"], listed["proof_holds"], listed["image"]) == ("declared", True, None)
    assert listed["stages"] == row["stages"] and listed["stages_left"] == row["stages_left"]


def test_without_the_option_nothing_is_recorded(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["prove", CELL]) == 5
    assert "there is no base image" in capsys.readouterr().err
    assert not (project.root / PROOFS).exists()


def test_proving_leaves_nothing_among_the_results_that_quickstart_and_collect_take() -> None:
    default = inspect.signature(prove).parameters["results"].default
    assert default == Path(".mlperf-bake/proofs")
