"""What CI offers to machines that nobody sits at: no cell that cannot be built there, and the reason for each left out."""

import json
from pathlib import Path

import pytest

from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.unattended import Lacking, lacking
from mlperf_bake.project import Project, open_project
from tests.support.second_matrix import CHECKOUT, TEXT, make_project
from tests.unit.test_cli_cells import mlperf_bake

GIVEN = "{file: mobilenet-v2.onnx, supply: curl -O https://example.org/mobilenet-v2.onnx}"
URL = "{file: mobilenet-v2.onnx, url: https://example.org/mobilenet-v2.onnx}"
ASKS = "the hub asks for an account"
MATRIX = (
    TEXT.replace(URL, GIVEN)
    .replace('{pypi: tvm, version: "1.0"', '{pypi: tvm, version: "1.0+cpu"')
    .replace(
        "    title: NVIDIA\n",
        f"    title: NVIDIA\n    bases: {{ubuntu22.04: {{image: hub.example/cuda, tag: x, login: {ASKS}}}}}\n",
    )
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("unattended"), MATRIX)


def lacks(project: Project, *values: str) -> tuple[Lacking, ...]:
    cell = Cell(*values)
    (image,) = project.plan([cell])
    return lacking(project.matrix, cell, image, lambda path: (project.sources / path).read_text())


def test_a_cell_with_all_it_needs_lacks_nothing(project: Project) -> None:
    assert lacks(project, "mobilenet", "cpp", "onnxruntime", "cpu", "debian12") == ()


def test_each_thing_that_somebody_must_provide_is_told(project: Project) -> None:
    assert lacks(project, "mobilenet-v2", "cpp", "onnxruntime", "cpu", "debian12") == (
        Lacking("weights", "whoever builds gives mobilenet-v2.onnx: --context weights=DIR"),
    )
    assert lacks(project, "mobilenet", "cpp", "onnxruntime", "cuda", "ubuntu22.04") == (
        Lacking("login", f"hub.example/cuda:x: {ASKS}"),
    )
    (lack,) = lacks(project, "mobilenet", "cpp", "tvm", "cpu", "debian12")
    assert lack.need == "index" and "tvm 1.0+cpu" in lack.why


def test_packages_of_requirements_count_and_weights_of_reference_images_do_not() -> None:
    real = open_project(CHECKOUT)
    (lack,) = lacks(real, "yolo", "reference", "pytorch", "cpu", "debian12")
    assert lack.need == "index" and "torch " in lack.why
    (lack,) = lacks(real, "efficientnet-lite0", "cpp", "pytorch", "cpu", "debian12")
    assert lack.need == "index"


def offered(root: Path, *options: str) -> tuple[set[str], dict[str, set[str]]]:
    done = mlperf_bake(root, "ci", "matrix", "--json", *options)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    cells = {cell for job in told["include"] for cell in job["targets"].split()}
    assert told["cells"] == len(cells)
    return cells, {cell["id"]: {one["need"] for one in cell["needs"]} for cell in told["left_out"]}


def test_ci_offers_what_can_succeed_and_says_why_the_rest_is_left_out(project: Project) -> None:
    published = {cell.id for cell in project.published()}
    cells, left_out = offered(project.root)
    assert cells | left_out.keys() == published and not cells & left_out.keys()
    assert all(needs for needs in left_out.values())
    assert left_out["mobilenet-v2-cpp-tvm-cuda-ubuntu22.04"] == {"weights", "login", "index"}
    assert not {
        cell for cell in cells if "-cuda-" in cell or "-tvm-" in cell or cell.startswith("mobilenet-v2")
    }

    more, still = offered(project.root, "--also", "weights,index")
    assert more > cells and all("login" in needs for needs in still.values())
    assert offered(project.root, "--all") == (published, {})


def test_a_need_that_is_none_is_refused(project: Project) -> None:
    done = mlperf_bake(project.root, "ci", "matrix", "--also", "wieghts")
    assert done.returncode == 2 and 'did you mean "weights"?' in done.stderr


def test_nothing_in_the_checkouts_own_jobs_waits_for_weights_or_a_login() -> None:
    project = open_project(CHECKOUT)
    models = project.matrix.models
    cells, left_out = offered(CHECKOUT)
    given = {cell.id for cell in project.published() if models[cell.model].weights.kind == "given"}
    compiled = {cell for cell in given if "-reference-" not in cell}
    assert compiled and compiled <= left_out.keys()
    assert {name for name, needs in left_out.items() if "login" in needs} == {
        "resnet50-cpp-onnxruntime-l4t-ubuntu22.04",
        "resnet50-nvidia-tensorrt-cuda-ubuntu24.04",
    }
    assert len(cells) > 20
