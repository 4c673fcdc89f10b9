"""collect killed at every effect it has on the file system: the old tree or the new one, never anything between.

A child counts what changes the disk (files opened for writing, made, renamed, removed) by Python's audit events and kills
itself right before the n-th; this is done for every n until a child gets through.
"""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

import mlperf_bake.submission.replacement as replacement
from mlperf_bake.errors import UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.written import replace_text
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, write_pair

ME = CollectOptions("Me", system="box")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EFFECTS = (
    *(
        "os.mkdir",
        "os.rename",
        "os.remove",
        "os.rmdir",
        "os.symlink",
        "os.link",
        "os.truncate",
        "os.chmod",
        "os.utime",
    ),
    "ctypes.dlsym",
)


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def add(tmp_path: Path, results: str, tree: str = "tree") -> None:
    collect([DirectoryPlace(tmp_path / results)], tmp_path / tree, ME)


def add_and_die(tmp_path: Path, effects: int) -> bool:
    """Collects in a child that kills itself before the effect after so many; True if it got through."""
    child = os.fork()
    if child == 0:
        left = effects

        def effect(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            flags = arguments[2] if event == "open" else None
            if event in EFFECTS or (isinstance(flags, int) and flags & WRITING):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        tempfile.tempdir = str(tmp_path / "scratch")  # what a killed child leaves there goes with the test
        sys.addaudithook(effect)
        code = 1
        try:
            add(tmp_path, "more")
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return not os.WIFSIGNALED(status)


@pytest.fixture
def old(tmp_path: Path) -> dict[str, bytes]:
    """A tree with one result; another run to be added lies in ``more``."""
    write_pair(tmp_path / "results", RunSpec())
    write_pair(tmp_path / "more", RunSpec(scenario="SingleStream", samples=200))
    (tmp_path / "scratch").mkdir()
    add(tmp_path, "results")
    return files(tmp_path / "tree")


@pytest.mark.parametrize(
    ("way", "first"), [("exchange", 0), ("two renames", 60)], ids=["exchange", "two renames"]
)
def test_killed_at_any_step_collect_leaves_the_old_tree_or_the_new_one(
    tmp_path: Path, old: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, way: str, first: int
) -> None:
    shutil.copytree(tmp_path / "tree", tmp_path / "expected")
    add(tmp_path, "more", "expected")
    new = files(tmp_path / "expected")
    assert old != new
    if way == "two renames":
        monkeypatch.setattr(replacement, "_exchange", lambda one, other: False)
    steps, gone, seen = first, 0, []
    while not add_and_die(tmp_path, steps):
        steps += 1
        gone += not (tmp_path / "tree").exists()
        seen.append(files(tmp_path / ("tree" if (tmp_path / "tree").exists() else "tree.replaced")))
    assert all(tree in (old, new) for tree in seen)
    assert seen[0] == old and seen[-1] == new
    assert gone == 0 if way == "exchange" else gone > 0, (
        "without an exchange the old tree waits under another name"
    )
    assert files(tmp_path / "tree") == new
    names = {path.name for path in tmp_path.iterdir()}
    assert not {name for name in names if "partial" in name or "replaced" in name}
    assert {"tree.accuracy-logs.json", "tree.Me.box.yaml"} <= names


def test_a_file_beside_the_tree_that_a_killed_collect_left_empty_is_written_anew(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    file = tmp_path / "tree.Me.box.yaml"
    file.touch()
    add(tmp_path, "results")
    assert "status:" in file.read_text(encoding="utf-8")


def test_a_text_file_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "runs.yaml"
    replace_text(file, "old\n")
    with pytest.raises(UnicodeEncodeError):
        replace_text(file, "new and longer\n" * 9_000 + "\udc80")
    assert file.read_text(encoding="utf-8") == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.yaml"]


def test_a_tree_that_cannot_be_written_is_called_as_the_user_called_it(tmp_path: Path) -> None:
    tree = tmp_path / ("t" * 246)  # its unfinished copy has a name too long for the file system
    with (
        pytest.raises(UsageError, match="the tree cannot be written") as refusal,
        replacement.replacing(tree),
    ):
        pass
    assert refusal.value.where == str(tree)
