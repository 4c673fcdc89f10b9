"""A matrix that names preprocessings or data sets that do not exist is told so, with place and suggestion."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.errors import UsageError
from mlperf_bake.models.names import require_known_assets
from mlperf_bake.project import Project, open_project
from tests.support.second_matrix import CHECKOUT, make_project

LINES = "    preprocessing: imagenet-lite-224\n    sample_data: imagenet-20\n"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str], Project]:
    """The second matrix with other lines in its first model."""

    def edit(lines: str) -> Project:
        path = make_project(tmp_path).root / "matrix.yaml"
        text = path.read_text(encoding="utf-8")
        assert LINES in text
        path.write_text(text.replace(LINES, lines, 1), encoding="utf-8")
        return open_project(tmp_path)

    return edit


def place(project: Project, key: str) -> str:
    return project.matrix.place("models", "mobilenet", key)


def told(project: Project) -> str:
    with pytest.raises(UsageError) as refusal:
        require_known_assets(project.matrix, project.matrix.models)
    return refusal.value.problem


def test_the_matrix_of_this_checkout_names_what_exists() -> None:
    matrix = open_project(CHECKOUT).matrix
    require_known_assets(matrix, matrix.models)


def test_every_wrong_name_is_told_with_its_place_and_the_nearest(edited: Callable[[str], Project]) -> None:
    project = edited("    preprocessing: imagenet-light-224\n    sample_data: imagenet20\n")
    first, second = told(project).splitlines()
    assert first.startswith(
        f'{place(project, "preprocessing")}: unknown preprocessing "imagenet-light-224" (did you mean "imagenet-lite-224"?)'
    )
    assert second.startswith(
        f'{place(project, "sample_data")}: unknown data set "imagenet20" (did you mean "imagenet-20"?)'
    )
    require_known_assets(project.matrix, ["mobilenet-v2"])  # of other models nothing is said


def test_a_preprocessing_of_another_shape_is_told(edited: Callable[[str], Project]) -> None:
    project = edited("    preprocessing: fashion-28\n    sample_data: fashion-mnist\n")
    assert told(project) == (
        f'{place(project, "preprocessing")}: "fashion-28" gives 1x28x28, the model takes 3x224x224'
    )


def test_a_data_set_for_another_preprocessing_is_told(edited: Callable[[str], Project]) -> None:
    project = edited("    preprocessing: imagenet-lite-224\n    sample_data: fashion-mnist\n")
    assert '"fashion-mnist" is not for preprocessing imagenet-lite-224; it is for fashion-28' in told(project)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["explain", "mobilenet-cpp-tvm"], 2),
        (["render", "--check"], 2),
        (["build", "mobilenet-cpp-tvm", "--dry-run"], 2),
        (["list"], 0),
        (["explain", "bert"], 0),
    ],
)
def test_the_commands_that_need_them_refuse_and_list_does_not(
    command: list[str],
    status: int,
    edited: Callable[[str], Project],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(edited("    preprocessing: none\n    sample_data: imagenet-20\n").root)
    assert execute(command) == status
    assert ("unknown preprocessing" in capsys.readouterr().err) == bool(status)
