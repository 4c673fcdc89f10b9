"""What became of the published cells since a commit: by Dockerfile and copied file, through a real git repository."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.errors import UsageError
from mlperf_bake.history import History, changes_since
from mlperf_bake.matrix.selectors import published
from mlperf_bake.project import IMAGES, Project, open_project
from mlperf_bake.render.checkout import write
from tests.support.second_matrix import TEXT, edit_lock, make_project

IDENTITY = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *IDENTITY, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path) -> str:
    """Renders, commits everything, and returns the commit."""
    project = open_project(root)
    images = project.plan(published(project.matrix))
    write(root, IMAGES, {image.dockerfile_path: image.dockerfile for image in images})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message=x")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project below the top of a git repository, committed."""
    top = tmp_path_factory.mktemp("repository")
    git(top, "init", "--quiet")
    root = top / "inner"
    root.mkdir()
    make_project(root)
    commit(root)
    return root


@pytest.fixture
def project(committed: Path) -> Project:
    """The same, as it was committed first."""
    first = git(committed, "rev-list", "--max-parents=0", "HEAD")
    git(committed, "checkout", "--quiet", "--force", first)
    git(committed, "clean", "--quiet", "-fd")
    return open_project(committed)


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


@pytest.mark.parametrize(
    ("edit", "chosen", "why"),
    [
        (replace("matrix.yaml", "title: Debian 12", "title: Bookworm"), lambda cell: False, ""),
        (replace("templates/final.j2", "WORKDIR /results", "WORKDIR /tmp"), lambda cell: True, "Dockerfile:"),
        (replace("harness/CMakeLists.txt", "project(", "# x\nproject("), lambda cell: True, "harness/CMakeLists.txt changed"),
        (lambda root: (root / "docs.md").write_text("nothing\n"), lambda cell: False, ""),
        (lambda root: (root / "harness/tests/new.cc").write_text("int x;\n"), lambda cell: False, ""),
        (lambda root: (root / "harness/src/core/new.cc").write_text("int x;\n"), lambda cell: True, "core/new.cc changed"),
    ],
    ids=["title", "template", "source", "file of no image", "test", "new file"],
)  # fmt: skip
def test_exactly_the_cells_that_use_what_changed_are_affected(
    project: Project, edit: Callable[[Path], None], chosen: Callable[[object], bool], why: str
) -> None:
    edit(project.root)
    changed = open_project(project.root)
    found = changes_since(changed, "HEAD")
    cells = [cell for cell in published(changed.matrix) if chosen(cell)]
    assert [row.cell_id for row in found.affected] == [cell.id for cell in cells]
    assert all(why in " ".join(row.why) and row.change == "changed" for row in found.affected)
    assert found.gone == ()


def test_a_pin_affects_the_cells_that_hold_it_and_the_reason_names_the_stage(project: Project) -> None:
    edit_lock(project.root, lambda text: text.replace("file: pypi-tvm-1.0", "file: new-tvm-1.0"))
    found = changes_since(open_project(project.root), "HEAD")
    assert [row.cell_id for row in found.affected] == [
        cell.id for cell in published(project.matrix) if cell.framework == "tvm"
    ]
    assert all("(stage " in row.why[0] for row in found.affected)


def test_two_commits_are_compared_by_what_they_publish(project: Project) -> None:
    first = git(project.root, "rev-parse", "HEAD")
    path = project.root / "matrix.yaml"
    path.write_text(TEXT.replace('"mobilenet-*"', '"mobilenet-cpp-*"\n  - "bert-*"'), encoding="utf-8")
    second = commit(project.root)
    there = changes_since(open_project(project.root), first)
    now = {cell.id for cell in published(open_project(project.root).matrix)}
    assert {row.cell_id for row in there.affected} == {cell for cell in now if cell.startswith("bert-")}
    assert {row.change for row in there.affected} == {"new"}
    assert there.gone and not set(there.gone) & now
    assert changes_since(open_project(project.root), second).affected == ()
    assert there.since == first


def test_an_earlier_commit_whose_matrix_no_one_can_read_any_more_still_counts(project: Project) -> None:
    text = (project.root / "matrix.yaml").read_text(encoding="utf-8")
    (project.root / "matrix.yaml").write_text("version: 99\n", encoding="utf-8")
    git(project.root, "commit", "--quiet", "--all", "--message=unreadable")
    old = git(project.root, "rev-parse", "HEAD")
    (project.root / "matrix.yaml").write_text(text, encoding="utf-8")
    assert changes_since(open_project(project.root), old).affected == ()


def test_an_unknown_commit_and_no_repository_are_told(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='there is no commit "nope"'):
        History(project.root).commit("nope")
    with pytest.raises(UsageError, match='there is no commit "--all"'):
        History(project.root).commit("--all")
    with pytest.raises(UsageError, match="this is no git checkout"):
        History(tmp_path).commit("HEAD")


def test_a_partial_clone_whose_origin_is_gone_is_told_so(
    project: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = git(project.root, "rev-parse", "HEAD")
    replace("templates/final.j2", "WORKDIR /results", "WORKDIR /tmp")(project.root)
    commit(project.root)
    git(project.root, "config", "uploadpack.allowFilter", "true")
    origin = git(project.root, "rev-parse", "--show-toplevel")
    branch = git(project.root, "rev-parse", "HEAD")
    git(project.root, "branch", "--force", "newest", branch)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", "--branch=newest", f"file://{origin}", str(clone))
    git(clone, "remote", "set-url", "origin", f"file://{tmp_path}/gone")
    monkeypatch.chdir(clone / "inner")
    assert execute(["affected", "--since", first]) == 2
    told = capfd.readouterr().err
    assert "git does not have the files of the earlier commit" in told and "--filter" in told


def test_a_checkout_of_another_user_and_a_missing_git_are_no_missing_repository(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("GIT_CONFIG_GLOBAL", "/dev/null")  # where this user may trust every directory
        patched.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
        patched.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
        with pytest.raises(UsageError, match="belongs to another user") as raised:
            changes_since(project, "HEAD")
        assert raised.value.remedy == f"git config --global --add safe.directory {project.root.parent}"
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UsageError, match="there is no git command"):
        changes_since(project, "HEAD")


def test_the_command_and_its_shards_tell_what_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    (project.root / "harness/src/core/new.cc").write_text("int x;\n", encoding="utf-8")
    ids = [cell.id for cell in published(project.matrix)]

    def told(*words: str) -> dict[str, list[dict[str, str]]]:
        assert execute([*words, "--json"]) == 0
        document: dict[str, list[dict[str, str]]] = json.loads(capsys.readouterr().out)
        return document

    assert [row["id"] for row in told("affected", "--since", "HEAD")["cells"]] == ids
    parts = [
        row["id"]
        for part in ("1/3", "2/3", "3/3")
        for row in told("affected", "--since", "HEAD", "--shard", part)["cells"]
    ]
    assert sorted(parts) == sorted(ids)
    planned = [
        row["id"] for part in ("1/2", "2/2") for row in told("plan", "--no-engine", "--shard", part)["images"]
    ]
    assert sorted(planned) == sorted(cell.id for cell in project.cells())
    jobs = told("ci", "matrix", "--shards", "2", "--since", "HEAD")["include"]
    assert sorted(" ".join(job["targets"] for job in jobs).split()) == sorted(ids)
    (project.root / "harness/src/core/new.cc").unlink()
    assert told("ci", "matrix", "--since", "HEAD")["include"] == []
    assert execute(["affected", "--since", "nope"]) == 2
