"""Which cells are one image on several platforms."""

from pathlib import Path

import pytest

from mlperf_bake.project import Project
from mlperf_bake.publish.families import families_of, family_of, on_platforms
from tests.support.second_matrix import make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def test_a_familys_members_are_the_first_hardware_of_each_platform(project: Project) -> None:
    for cell in project.matrix.every_cell:
        family = family_of(project.matrix, cell)
        platforms = [project.matrix.hardware[member.hardware].platform for member in family.members]
        assert len(set(platforms)) == len(platforms)
        assert family.name == "-".join((cell.model, cell.implementation, cell.framework, cell.os))
        assert family.name not in {other.id for other in project.matrix.every_cell}
        for member in family.members:
            assert (member.model, member.implementation, member.framework, member.os) == (
                cell.model, cell.implementation, cell.framework, cell.os,
            )  # fmt: skip
            assert family_of(project.matrix, member) == family


def test_a_family_of_one_platform_has_no_name_of_its_own(project: Project) -> None:
    families = families_of(project.matrix, project.matrix.every_cell)
    assert families and all(len(family.members) > 1 for family in families)
    assert len({family.name for family in families}) == len(families)


def test_platforms_keep_cells_and_add_what_they_are_elsewhere(project: Project) -> None:
    every = project.matrix.every_cell
    (cell,) = [one for one in every if one.id == "mobilenet-cpp-tflite-cpu-debian12"]
    both = on_platforms(project.matrix, [cell], ["linux/amd64", "linux/arm64"])
    assert [one.hardware for one in both] == ["cpu", "coral"]
    assert [one.hardware for one in on_platforms(project.matrix, [cell], ["linux/arm64"])] == ["coral"]
    assert on_platforms(project.matrix, [cell], ["linux/s390x"]) == ()
    arm = on_platforms(project.matrix, every, ["linux/arm64"])
    assert set(arm) == {
        one for one in every if project.matrix.hardware[one.hardware].platform == "linux/arm64"
    }
