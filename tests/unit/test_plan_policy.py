"""policy.yaml: what builds may fetch, by kind and pattern, told at plan time with everything that is forbidden."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.lock.lockfile import write_lock
from mlperf_bake.lock.pins import BasePin
from mlperf_bake.plan.fetched import Fetched, fetched
from mlperf_bake.plan.planner import Context, Overrides
from mlperf_bake.project import LOCK, Project, open_project
from tests.support.second_matrix import CHECKOUT, make_project

ALL = """version: 1
allow:
  image: ["*"]
  pypi: ["*"]
  debian: ["*"]
  url: ["*"]
  git: ["*"]
pinned: false
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def with_policy(project: Project, text: str) -> Project:
    (project.root / "policy.yaml").write_text(text, encoding="utf-8")
    return open_project(project.root)


def refusal(project: Project, target: str, overrides: Overrides | None = None) -> UsageError:
    with pytest.raises(UsageError, match="the policy forbids") as caught:
        project.plan(project.cells([target]), overrides)
    return caught.value


def things(project: Project, target: str, overrides: Overrides | None = None) -> tuple[Fetched, ...]:
    (cell,) = project.cells([target])
    (image,) = project.plan([cell], overrides)
    return fetched(project.matrix, project.lock, cell, image, "linux/amd64", lambda path: "")


def test_without_a_policy_and_with_one_that_allows_all_everything_is_planned(project: Project) -> None:
    cells = project.matrix.every_cell
    plain = project.plan(cells)
    assert with_policy(project, ALL).plan(cells) == plain


def test_what_is_fetched_is_named_by_kind_and_use(project: Project) -> None:
    found = {(one.kind, one.name) for one in things(project, "mobilenet-tvm")}
    assert found == {
        ("image", "debian:bookworm"),
        ("pypi", "mlcommons-loadgen"),
        ("pypi", "tvm"),
        ("debian", "libtvm-dev"),
        ("url", "https://example.org/mobilenet.onnx"),
    }
    assert ("debian", "dataset-bert") in {(one.kind, one.name) for one in things(project, "bert")}


def test_packages_of_requirements_files_count(project: Project) -> None:
    (cell,) = project.cells(["bert"])
    (image,) = project.plan([cell])
    asked: list[str] = []

    def read(path: str) -> str:
        asked.append(path)
        return (
            "numpy==2.0 \\\n    --hash=sha256:aa\nonnx[reference]==1.2 ; python_version > '3'\n# torch==1\n"
        )

    found = {one.name for one in fetched(project.matrix, project.lock, cell, image, "linux/amd64", read)}
    assert {"numpy", "onnx"} <= found and "torch" not in found
    assert "mlperf_bake/assets/recipes/fashion_net.requirements.txt" in asked


def test_what_a_context_stands_in_for_is_not_fetched(project: Project) -> None:
    given = Overrides({name: Context("/x") for name in ("weights", "wheels", "base", "build-base")})
    assert {(one.kind, one.name) for one in things(project, "mobilenet-tvm", given)} == {
        ("pypi", "mlcommons-loadgen"),
        ("debian", "libtvm-dev"),
    }


def test_everything_that_is_forbidden_is_told_with_its_use_and_the_place_of_the_rule(
    project: Project,
) -> None:
    strict = with_policy(
        project,
        "version: 1\nallow:\n  image: ['debian:*']\n  pypi: [mlcommons-loadgen]\n  debian: ['lib*']\n",
    )
    error = refusal(strict, "mobilenet-tvm-debian12")
    assert error.exit_code == 2
    assert error.where == "policy.yaml:2:1"
    assert error.found == (
        "pypi tvm (framework tvm): not allowed; "
        "url https://example.org/mobilenet.onnx (weights of mobilenet): not allowed"
    )
    given = Overrides({name: Context("/x") for name in ("weights", "wheels")})
    assert strict.plan(strict.cells(["mobilenet-tvm-debian12"]), given)
    assert "image ubuntu:jammy" in str(refusal(strict, "mobilenet-tvm-cpu-ubuntu22.04", given).found)


def test_what_nothing_fixes_is_refused_unless_the_policy_says_otherwise(project: Project) -> None:
    path = project.root / LOCK
    lock = project.lock
    unlocked = {**lock.bases, "debian12": BasePin("debian:bookworm", None)}
    path.write_text(write_lock(replace(lock, bases=unlocked)), encoding="utf-8")
    strict = with_policy(project, re.sub("pinned: false\n", "", ALL))
    assert "image debian:bookworm (stage base): not pinned" in str(
        refusal(strict, "mobilenet-tvm-debian12").found
    )
    loose = with_policy(project, ALL)
    assert loose.plan(loose.cells(["mobilenet-tvm-debian12"]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 2\nallow: {}\n", "policy.yaml:1:10"),
        ("version: 1\n", 'lacks the key "allow"'),
        ("version: 1\nallow: {npm: ['*']}\n", 'unknown key "npm"'),
        ("version: 1\nallow: {pypi: torch}\n", "must be a list"),
        ("version: 1\nallow: {}\npinned: maybe\n", "must be true or false"),
        ("allow: [\n", "this is not YAML"),
    ],
)
def test_a_wrong_policy_is_told_with_its_place(project: Project, text: str, said: str) -> None:
    wrong = with_policy(project, text)
    with pytest.raises(UsageError) as caught:
        wrong.plan(wrong.matrix.every_cell)
    assert said in str(caught.value)
    assert "policy.yaml:" in str(caught.value)


def test_every_published_cell_of_this_checkout_says_what_it_fetches() -> None:
    project = open_project(CHECKOUT)
    for cell in project.published():
        (image,) = project.plan([cell])

        def read(path: str) -> str:
            return (CHECKOUT / path).read_text(encoding="utf-8")

        kinds = {one.kind for one in fetched(project.matrix, project.lock, cell, image, "linux/amd64", read)}
        assert {"image", "pypi"} <= kinds
