"""A directory by what it holds: what counts and what does not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.build.tree_digest import tree_digest


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "inner" / "b").write_bytes(b"second")
    (tmp_path / "link").symlink_to("a")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").write_bytes(b"other"),
        lambda root: (root / "a").rename(root / "c"),
        lambda root: (root / "a").chmod(0o755),
        lambda root: (root / "inner" / "b").rename(root / "b"),
        lambda root: ((root / "link").unlink(), (root / "link").symlink_to("inner/b")),
        lambda root: ((root / "link").unlink(), (root / "link").write_bytes(b"first")),
        lambda root: (root / "inner" / os.fsdecode(b"\xff")).touch(),
        lambda root: os.mkfifo(root / "pipe"),
    ],
    ids=["content", "name", "executable", "place", "link", "link to file", "undecodable name", "pipe"],
)
def test_what_an_image_would_see_counts(tree: Path, change: Callable[[Path], object]) -> None:
    before = tree_digest(tree, (".",))
    change(tree)
    assert tree_digest(tree, (".",)) != before


def test_times_umask_empty_directories_and_what_was_not_asked_for_do_not_count(tree: Path) -> None:
    before, inner = tree_digest(tree, (".",)), tree_digest(tree, ("inner", "missing"))
    os.utime(tree / "a", (1, 1))
    (tree / "a").chmod(0o600)
    (tree / "empty").mkdir()
    assert tree_digest(tree, (".",)) == before
    (tree / "a").write_bytes(b"other")
    assert tree_digest(tree, ("inner", "missing")) == inner


def test_a_link_that_leads_to_itself_is_only_a_link(tree: Path) -> None:
    (tree / "loop").symlink_to(".")
    assert tree_digest(tree, (".",)) != tree_digest(tree, ("a", "inner", "link"))
