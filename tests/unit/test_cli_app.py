"""What the operating system, the engine or Ctrl-C does to a command ends in one sentence and an exit code."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import docker.errors
import pytest
import requests.exceptions
from urllib3.exceptions import ProtocolError

from mlperf_bake.cli.app import execute
from mlperf_bake.cli.system_failure import system_failure
from mlperf_bake.results.run import MANIFEST

DISK, ENGINE, USAGE, INTERRUPTED = 8, 7, 2, 130


@pytest.mark.parametrize(
    ("error", "exit_code", "told"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full"), DISK, "/full: there is no room"),
        (OSError(errno.ENOSPC, "No space left", "/from", None, "/to"), DISK, "/to: there is no room"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), DISK, "there is no room"),
        (PermissionError(errno.EACCES, "Permission denied", "/secret"), USAGE, "/secret"),
        (requests.exceptions.ConnectionError("aborted"), ENGINE, "stopped answering"),
        (requests.exceptions.ReadTimeout("read timed out"), ENGINE, "read timed out"),
        (
            docker.errors.APIError("400", explanation="invalid reference format"),
            USAGE,
            "invalid reference format",
        ),
        (KeyboardInterrupt(), INTERRUPTED, "interrupted; the same command goes on from here"),
    ],
)
def test_a_failure_from_outside_is_a_sentence(
    error: BaseException,
    exit_code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("mlperf_bake.project.open_project", fail)
    assert execute(["list"]) == exit_code
    said = capsys.readouterr().err
    assert told in said
    assert said.count("mlperf-bake: ") == 1
    assert "defect" not in said


def test_an_engine_that_went_away_is_told_by_what_the_system_said() -> None:
    reset = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    wrapped = requests.exceptions.ConnectionError(ProtocolError("Connection aborted.", reset))
    told = system_failure(wrapped)
    assert (told.exit_code, told.found) == (ENGINE, "Connection reset by peer")


def test_a_name_that_is_too_long_is_a_sentence_and_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    name = "x" * 5000
    assert execute(["check", name]) == USAGE
    said = capsys.readouterr().err
    assert said.startswith("mlperf-bake: ")
    assert "defect" not in said
    assert len(said) < 1000
    with pytest.raises(OSError) as caught:
        (Path(name) / MANIFEST).stat()
    assert system_failure(caught.value).exit_code == USAGE


def test_a_link_that_leads_to_itself_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop, tree = tmp_path / "loop", tmp_path / "tree"
    loop.symlink_to("loop")
    (tree / "open").mkdir(parents=True)
    assert execute(["check", str(tree), "--html", str(loop)]) == USAGE
    said = capsys.readouterr().err
    assert f"{loop}" in said and "a link that leads to itself" in said and "defect" not in said


def test_output_that_cannot_be_written_is_told_once() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == DISK
    assert done.stderr.startswith("mlperf-bake: there is no room")
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_a_file_that_may_not_be_written_is_told_by_the_name_the_user_gave() -> None:
    refused = system_failure(
        PermissionError(errno.EACCES, "Permission denied", "/reports/.page.html.partial-77")
    )
    assert refused.where == "/reports/page.html"
    assert refused.remedy and refused.remedy.startswith("name another place, or make this one")


def test_a_terminal_without_the_characters_gets_question_marks() -> None:
    program = "from mlperf_bake.cli import app; app.execute = lambda words: print('\\u2713 engine') or 0; app.main()"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "? engine\n", "")
