"""Runs the official submission checker of an mlcommons/inference checkout beside ours.

It is started as a program of its own, in its own directory; nothing of it is imported. What it says is read
from its
log: the errors, the last line, or the traceback it ends in.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError

PLACE: Final = Path("tools") / "submission"
TIME_LIMIT_S: Final = 1800
_ERROR = re.compile(r"^\[[^\]]* ERROR\] (.*)$")
_SUMMARY = re.compile(r"SUMMARY: (.*)$")


@dataclass(frozen=True, slots=True)
class OfficialVerdict:
    """What the official checker said.

    Attributes:
        accepted: it ended with 0.
        summary: its last word, or the last line of its traceback.
        errors: the errors it logged, each once, paths relative to the tree.
        crashed: it ended in a traceback.
    """

    accepted: bool
    summary: str
    errors: tuple[str, ...]
    crashed: bool


def run_official(
    checkout: Path, tree: Path, round_name: str, arguments: Sequence[str] = ()
) -> OfficialVerdict:
    """Lets the official checker judge a tree.

    Args:
        checkout: of mlcommons/inference.
        arguments: further options of its command line, such as ``--skip-dataset-size-check``.

    Raises:
        UsageError: no checker there, or it did not end in time.
    """
    place = checkout / PLACE
    if not (place / "submission_checker" / "main.py").is_file():
        raise UsageError(
            "no official checker there",
            where=str(checkout),
            expected=f"{PLACE}/submission_checker/main.py",
            remedy="git clone https://github.com/mlcommons/inference and give its directory",
        )
    tree = tree.absolute()
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-check-") as scratch:
        command = [
            sys.executable,
            "-m",
            "submission_checker.main",
            "--input",
            str(tree),
            "--version",
            round_name,
        ]
        command += ["--csv", str(Path(scratch) / "summary.csv"), *arguments]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, timeout=TIME_LIMIT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise UsageError(
                "the official checker did not end", where=str(checkout), expected=f"within {TIME_LIMIT_S} s"
            ) from error
        except OSError as error:
            found = error.strerror or str(error)
            raise UsageError(
                "the official checker cannot be run", where=str(checkout), found=found
            ) from error
    return read_verdict(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace"), tree)


def read_verdict(exit_code: int, output: str, tree: Path) -> OfficialVerdict:
    """The verdict in the checker's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    crashed = any(line.startswith("Traceback (most recent call last)") for line in lines)
    said = [match.group(1).replace(f"{tree}/", "") for line in lines if (match := _ERROR.match(line))]
    errors = tuple(dict.fromkeys(text for text in said if not _echo(text)))
    words = [match.group(1) for line in lines if (match := _SUMMARY.search(line))]
    last = lines[-1] if lines else f"nothing, exit code {exit_code}"
    return OfficialVerdict(exit_code == 0, words[-1] if words else last, errors, crashed)


def _echo(text: str) -> bool:
    """Lines that only repeat that something else failed."""
    return text.startswith(("Some ", "NoResults ", "SUMMARY"))
