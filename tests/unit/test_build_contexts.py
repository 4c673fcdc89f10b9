"""Named contexts: what the user may give, and which of it makes another image."""

from pathlib import Path

import pytest

from mlperf_bake.build.contexts import given_contexts, given_overrides, given_weights, parse_contexts
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.planner import Overrides
from mlperf_bake.plan.state import given_contexts_of, state
from mlperf_bake.project import Project, open_project
from tests.support.second_matrix import CHECKOUT, make_project


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


# Reference images ---------------------------------------------------------------------------------------------------------

YOLO = "yolo-reference-pytorch-cpu-debian12"
PROGRAM = "vision/classification_and_detection/yolo/yolo_loadgen.py"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout of one's own of the reference implementations."""
    for path in (PROGRAM, "LICENSE.md", "language/other.py"):
        (tmp_path / "inference" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "inference" / path).write_text(path)
    return tmp_path / "inference"


def reference_image(**directories: Path) -> PlannedImage:
    project = open_project(CHECKOUT)
    cells = project.cells([YOLO])
    given = parse_contexts([f"{name}={place}" for name, place in directories.items()])
    [image] = project.plan(cells, given_overrides(project, cells, given))
    return image


def test_another_repository_in_the_place_of_the_locked_commit_makes_another_image(repository: Path) -> None:
    locked, first = reference_image(), reference_image(reference=repository)
    assert first.fingerprint != locked.fingerprint
    (repository / "language/other.py").write_text("no image of this model holds it")
    assert reference_image(reference=repository).fingerprint == first.fingerprint
    (repository / PROGRAM).write_text("patched")
    patched = reference_image(reference=repository)
    assert patched.fingerprint not in (first.fingerprint, locked.fingerprint)
    assert state(patched, dict(first.ingredients)).why == "context reference changed"
    assert given_contexts_of(locked, patched.fingerprint, dict(patched.ingredients)) == ("reference",)


def test_a_reference_image_takes_every_file_of_the_weights_and_so_does_its_fingerprint(
    tmp_path: Path,
) -> None:
    (tmp_path / "yolo11l.pt").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    first = reference_image(weights=tmp_path)
    assert reference_image(weights=tmp_path).fingerprint == first.fingerprint
    (tmp_path / "config.json").write_text('{"other": 1}')
    second = reference_image(weights=tmp_path)
    assert second.fingerprint != first.fingerprint
    (tmp_path / "shard").mkdir()
    (tmp_path / "shard" / "link").symlink_to("../yolo11l.pt")
    assert reference_image(weights=tmp_path).fingerprint not in (first.fingerprint, second.fingerprint)


def test_a_repository_of_ones_own_means_nothing_to_a_compiled_cell(
    project: Project, repository: Path
) -> None:
    cells = project.cells(["bert"])
    overrides = given_overrides(project, cells, parse_contexts([f"reference={repository}"]))
    [given], [plain] = project.plan(cells, overrides), project.plan(cells)
    assert given.fingerprint == plain.fingerprint
