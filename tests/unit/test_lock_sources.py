"""matrix.lock pins the commit of the repositories that images hold: written, held against the matrix, updated, rendered."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.lock.demand import Demand, demands
from mlperf_bake.lock.git import commit_of
from mlperf_bake.lock.lockfile import load_lock
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.project import LOCK, MATRIX, open_project
from tests.support.second_matrix import CHECKOUT, make_project
from tests.unit.test_cli_cells import mlperf_bake

ADDRESS = "https://git.example/official.git"
COMMIT = "commit: b66003e10e2db4b8c36a448b0545ec90fcc6e9e9"
CELL = "yolo-reference-pytorch-cpu-debian12"
Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """A repository that git finds at ADDRESS, with the tag v6.1; called with git's arguments."""
    place = tmp_path / "official"
    place.mkdir()

    def run(*words: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(place), *identity, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    run("commit", "--quiet", "--allow-empty", "--message=first")
    run("tag", "--annotate", "v6.1", "--message=round")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{place}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", ADDRESS)
    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The real matrix with the reference implementation at a tag of ADDRESS, every other entry locked to something."""
    text = (CHECKOUT / MATRIX).read_text(encoding="utf-8")
    text = text.replace(COMMIT, "revision: v6.1").replace(
        "https://github.com/mlcommons/inference.git", ADDRESS
    )
    (tmp_path / "project").mkdir()
    return make_project(tmp_path / "project", text).root


def locked(root: Path) -> tuple[str, str]:
    pin = load_lock(root / LOCK).sources["reference"]
    return pin.wanted, pin.commit


def test_the_checkouts_own_lock_has_the_reference_implementation() -> None:
    project = open_project(CHECKOUT)
    source = project.matrix.implementations["reference"].source
    assert source is not None
    pin = project.lock.sources["reference"]
    assert (pin.repository, pin.commit) == (source.git, source.revision)


def test_update_pins_the_commit_that_the_tag_names_now_and_prints_the_difference(
    root: Path, git: Git
) -> None:
    before = locked(root)[1]
    assert mlperf_bake(root, "lock").returncode == 0, "invented weights are read off the recipes"
    assert locked(root)[1] == before
    done = mlperf_bake(root, "lock", "--update", "sources/*")
    assert done.returncode == 0, done.stderr
    first = git("rev-parse", "HEAD")
    assert locked(root) == (f"{ADDRESS} v6.1", first)
    assert done.stdout == f"sources/reference: was {ADDRESS} commit {before}, now {ADDRESS} commit {first}\n"
    git("commit", "--quiet", "--allow-empty", "--message=second")
    git("tag", "--force", "v6.1")
    assert mlperf_bake(root, "lock").returncode == 0
    assert locked(root)[1] == first, "what is locked is asked for only when it is to be pinned anew"
    assert mlperf_bake(root, "lock", "--update", "sources/*").returncode == 0
    assert locked(root)[1] == git("rev-parse", "HEAD") != first


def test_dockerfiles_take_the_commit_from_the_lock(root: Path, git: Git) -> None:
    project = open_project(root)
    (cell,) = project.declared_cells([CELL])
    commit = locked(root)[1]
    text = project.renderer.render(cell).text
    assert f"ADD --link {ADDRESS}#{commit} /" in text
    assert f"reference_commit = {commit}" in text
    assert mlperf_bake(root, "lock", "--update", "sources/*").returncode == 0
    again = open_project(root)
    assert f"{ADDRESS}#{git('rev-parse', 'HEAD')} /" in again.renderer.render(cell).text


def test_another_revision_in_the_matrix_makes_the_lock_stale(root: Path) -> None:
    matrix = root / MATRIX
    matrix.write_text(
        matrix.read_text(encoding="utf-8").replace("revision: v6.1", "revision: v6.0"), encoding="utf-8"
    )
    done = mlperf_bake(root, "lock", "--check")
    assert done.returncode == 4
    assert f"not locked: sources reference ({ADDRESS} v6.0)" in done.stderr


def test_an_edit_by_hand_is_noticed(root: Path) -> None:
    commit = locked(root)[1]
    lock = root / LOCK
    lock.write_text(lock.read_text(encoding="utf-8").replace(commit, "0" * 40), encoding="utf-8")
    done = mlperf_bake(root, "lock", "--check")
    assert done.returncode == 4 and "sources/reference" in done.stderr


def test_a_tag_that_is_not_there_keeps_what_is_locked(root: Path, git: Git) -> None:
    commit = locked(root)[1]
    git("tag", "--delete", "v6.1")
    done = mlperf_bake(root, "lock", "--update", "sources/*")
    assert done.returncode == 4 and 'there is no tag or branch "v6.1"' in done.stderr
    assert locked(root)[1] == commit


def test_a_name_means_the_tag_before_the_branch_and_no_longer_name_that_ends_so(git: Git) -> None:
    git("branch", "x/main")
    first = git("rev-parse", "HEAD")
    git("commit", "--quiet", "--allow-empty", "--message=second")
    second = git("rev-parse", "HEAD")
    assert commit_of(ADDRESS, "main") == second
    git("tag", "main", first)
    assert commit_of(ADDRESS, "main") == first
    git("branch", "x/only", first)
    with pytest.raises(UsageError, match='no tag or branch "only"'):
        commit_of(ADDRESS, "only")


@pytest.mark.parametrize(
    "source",
    [
        "{git: https://git.example/official.git}",
        "{git: https://git.example/official.git, revision: v6.1, " + COMMIT + "}",
        "{git: https://git.example/official.git, revision: '--upload-pack=x'}",
        "{git: https://git.example/official.git, revision: 'v6.1 v6.0'}",
    ],
)
def test_a_source_that_names_no_one_revision_is_refused_with_its_line(source: str) -> None:
    text = (CHECKOUT / MATRIX).read_text(encoding="utf-8")
    old = "{git: https://github.com/mlcommons/inference.git, " + COMMIT + "}"
    assert old in text
    with pytest.raises(UsageError, match=r"matrix.yaml:\d+:\d+: "):
        parse_matrix(text.replace(old, source), "matrix.yaml")


def test_what_is_demanded_names_repository_and_revision() -> None:
    project = open_project(CHECKOUT)
    (demand,) = [one for one in demands(project.matrix, {}) if one.section == "sources"]
    assert demand == Demand(
        "sources", "reference", "https://github.com/mlcommons/inference.git " + COMMIT[8:]
    )
