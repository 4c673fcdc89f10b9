"""A checkout lies on any file system: names that macOS and Windows can hold, and the same bytes whatever git is set to."""

import re
import subprocess
from pathlib import Path

import pytest

from mlperf_bake.cli import app

CHECKOUT = Path(__file__).parents[2]
REFUSED = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.I)
LONGEST = 200
"""Of Windows' 260 characters, what is left behind a home directory and the checkout's own name."""


def git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def paths() -> list[str]:
    return list(filter(None, git("ls-files", "-z").split("\0")))


def test_no_two_paths_differ_in_case_alone(paths: list[str]) -> None:
    directories = {str(parent) for path in paths for parent in Path(path).parents}
    known = {*paths, *directories}
    assert len({path.casefold() for path in known}) == len(known)


def test_every_name_is_one_that_windows_can_hold(paths: list[str]) -> None:
    parts = {part for path in paths for part in path.split("/")}
    assert not [part for part in parts if REFUSED.search(part) or DEVICES.fullmatch(part)]
    assert max(map(len, paths)) <= LONGEST


def test_git_changes_no_line_end_of_a_checkout(paths: list[str]) -> None:
    told = git("check-attr", "text", "--", *paths[:: max(1, len(paths) // 50)]).splitlines()
    assert told and all(line.endswith(": text: unset") for line in told)


def test_on_windows_itself_the_program_says_where_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert app.execute(["list"]) == 2
    assert "WSL 2" in capsys.readouterr().err
