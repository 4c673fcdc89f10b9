"""Named contexts: what the user may give, and which of it makes another image."""

from pathlib import Path

import pytest

from mlperf_bake.build.contexts import given_contexts, given_weights, parse_contexts
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.planner import Overrides
from mlperf_bake.project import Project
from tests.support.second_matrix import make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "checkout")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    directory = tmp_path / "weights"
    directory.mkdir()
    (directory / "bert.onnx").write_bytes(b"trained elsewhere")
    (directory / "mobilenet.onnx").write_bytes(b"mobile")
    return directory


def planned(project: Project, cells: tuple[Cell, ...], directory: Path) -> tuple[PlannedImage, ...]:
    given = parse_contexts([f"weights={directory}"])
    return project.plan(cells, Overrides(given_contexts(given), weights=given_weights(project, cells, given)))


@pytest.mark.parametrize("pair", ["weights", "weights=", "wieghts=/tmp", "=x"])
def test_a_context_is_a_known_name_and_a_value(pair: str) -> None:
    with pytest.raises(UsageError, match="--context takes NAME=VALUE"):
        parse_contexts([pair])


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        parse_contexts([f"wheels={tmp_path / 'none'}"])


def test_the_same_weights_make_the_same_image_and_others_another(project: Project, weights: Path) -> None:
    cells = project.cells(["bert"])
    [first] = planned(project, cells, weights)
    (weights / "README").write_text("not an ingredient")
    assert planned(project, cells, weights)[0].fingerprint == first.fingerprint
    (weights / "bert.onnx").write_bytes(b"trained again")
    assert planned(project, cells, weights)[0].fingerprint != first.fingerprint


def test_what_is_built_beside_a_cell_does_not_change_its_image(project: Project, weights: Path) -> None:
    alone = planned(project, project.cells(["mobilenet-cpp-tvm"]), weights)[0]
    both = planned(project, project.cells(["mobilenet-cpp-tvm", "bert"]), weights)
    assert alone.fingerprint in {image.fingerprint for image in both}


def test_weights_that_the_lock_fixes_are_not_read(project: Project, weights: Path) -> None:
    cells = project.cells(["mobilenet-cpp-tvm"])
    given = {"weights": str(weights)}
    assert given_weights(project, cells, given) == {}
    assert given_weights(project, project.cells(["bert"]), given).keys() == {"bert"}
    (weights / "bert.onnx").unlink()
    assert given_weights(project, project.cells(["bert"]), given) == {}


def test_an_image_given_as_a_base_is_part_of_the_fingerprint() -> None:
    given = parse_contexts(["base=debian@sha256:1"])
    assert given_contexts(given)["base"].identity == "docker-image://debian@sha256:1"
