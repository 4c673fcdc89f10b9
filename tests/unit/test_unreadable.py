"""Files that cannot be read are told in words, with what was expected and what to do; people's YAML has no key twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.results.said import read_said
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.runs_file import read_runs_file
from mlperf_bake.submission.system import read_system_file
from mlperf_bake.unreadable import reason, unreadable

RULES = load_round("v6.1")


def missing(root: Path) -> Path:
    return root / "absent.yaml"


def directory(root: Path) -> Path:
    return root


def below_a_file(root: Path) -> Path:
    (root / "file").touch()
    return root / "file" / "system.yaml"


def too_long(root: Path) -> Path:
    return root / ("x" * 300)


def circle(root: Path) -> Path:
    (root / "circle").symlink_to(root / "circle")
    return root / "circle"


def latin(root: Path) -> Path:
    (root / "latin.yaml").write_bytes(b"status: caf\xe9\n")
    return root / "latin.yaml"


CASES = [
    (missing, "nothing: there is no such file"),
    (directory, "a directory"),
    (below_a_file, "a file where its path has a directory"),
    (too_long, "a name longer than this system has files of"),
    (circle, "a link that leads to itself"),
    (latin, "no UTF-8: the byte 0xe9 at 11"),
]


@pytest.mark.parametrize(("make", "found"), CASES)
def test_what_stands_in_the_way_is_told_in_words(
    make: Callable[[Path], Path], found: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    for read in (lambda: read_system_file(path, RULES), lambda: read_runs_file(path)):
        with pytest.raises(UsageError) as refused:
            read()
        text = str(refused.value)
        assert refused.value.found == found
        assert "Errno" not in text
        assert refused.value.expected == "lines of the form key: value"
        assert refused.value.remedy


def test_a_file_of_another_user_is_told_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    error = PermissionError(13, "Permission denied", str(path))
    told = unreadable("the file cannot be read", path, error)
    assert told.found is not None
    assert told.found.startswith("a file that this user may not read: it belongs to user ")
    assert told.found.endswith("-rw-------")
    assert told.remedy == "the same command as a user who may read it, or its permissions changed"


def test_errors_without_a_number_have_their_own_words() -> None:
    assert reason(OSError("odd")) == "odd"
    assert reason(RecursionError()) == "RecursionError"


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        ("status: preview\ncooling: air\nstatus: available\n", "3:1", "line 1 and line 3"),
        ("- {directory: a, model: b,\n   model: c}\n", "2:4", "line 1 and line 2"),
        ("a:\n  b: 1\n  b: 2\n", "3:3", "line 2 and line 3"),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(
    text: str, where: str, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "system.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="stands there twice") as refused:
        read_said(path, "the system file")
    assert (refused.value.where, refused.value.found) == (f"{path}:{where}", found)


def test_one_key_in_several_mappings_is_no_duplicate(tmp_path: Path) -> None:
    path = tmp_path / "runs.yaml"
    path.write_text("- directory: a\n- directory: b\n", encoding="utf-8")
    assert read_said(path, "the runs file") == [{"directory": "a"}, {"directory": "b"}]
