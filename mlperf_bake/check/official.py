"""Runs the official submission checker of an mlcommons/inference checkout beside ours.

It is started as a program of its own, in its own directory; nothing of it is imported. What it says is read
from its
log: the errors, the last line, or the traceback it ends in.
"""

import csv
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isclose
from pathlib import Path
from typing import Final

from mlperf_bake.check.verdict import Verdict
from mlperf_bake.errors import UsageError

PLACE: Final = Path("tools") / "submission"
TIME_LIMIT_S: Final = 1800
SCALES: Final = (1, 1_000)
"""We quote every latency in milliseconds, the official checker that of generated videos in seconds."""
SAYS: Final = {
    "performance.sample_count": "performance_sample_count, found",
    "performance.duration": "Test duration less than",
    "performance.queries": "Required minimum samples per query",
    "accuracy.dataset": "does not cover all dataset",
    "accuracy.target": "accuracy not met",
    "system.values": "but is empty",
    "system.status": "has invalid status",
    "system.type": "has invalid system type",
    "measurements.values": "is missing meaningful value",
}
"""Rules that a demonstration cannot keep, and what the official checker says where they are broken."""
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
        results: the figure it takes for each result it accepts, by the result's directory in the tree.
    """

    accepted: bool
    summary: str
    errors: tuple[str, ...]
    crashed: bool
    results: Mapping[str, float] = field(default_factory=dict)


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
        table = Path(scratch) / "summary.csv"
        command += ["--csv", str(table), *arguments]
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
        said = read_verdict(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace"), tree)
        return replace(said, results=read_results(table, tree))


def read_verdict(exit_code: int, output: str, tree: Path) -> OfficialVerdict:
    """The verdict in the checker's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    crashed = any(line.startswith("Traceback (most recent call last)") for line in lines)
    said = [match.group(1).replace(f"{tree}/", "") for line in lines if (match := _ERROR.match(line))]
    errors = tuple(dict.fromkeys(text for text in said if not _echo(text)))
    words = [match.group(1) for line in lines if (match := _SUMMARY.search(line))]
    last = lines[-1] if lines else f"nothing, exit code {exit_code}"
    return OfficialVerdict(exit_code == 0, words[-1] if words else last, errors, crashed)


def read_results(table: Path, tree: Path) -> dict[str, float]:
    """The figures in the checker's CSV by the result's directory; none where it wrote no table."""
    found: dict[str, float] = {}
    try:
        with table.open(encoding="utf-8", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                run = Path(row.get("Location") or "")
                directory = run.relative_to(tree).parents[1] if run.is_relative_to(tree) else run
                found.setdefault(directory.as_posix(), float(row.get("Result") or "nan"))
    except (OSError, ValueError, IndexError, csv.Error):
        return {}
    return found


def differences(official: OfficialVerdict, verdict: Verdict) -> tuple[str, ...]:
    """Where the official checker takes another figure than we do for a result, in words."""
    ours = {result.directory: result.figure for result in verdict.results}
    told = []
    for directory, value in official.results.items():
        figure = ours.get(directory)
        mine = figure.value if figure else None
        if mine is None or not any(isclose(mine / scale, value, rel_tol=1e-9) for scale in SCALES):
            told.append(f"{directory}: the official checker takes {value:g}, mlperf-bake {mine or 'nothing'}")
    return tuple(told)


def unexcused(official: OfficialVerdict, verdict: Verdict) -> tuple[str, ...]:
    """What the official checker refuses the tree for, less what a demonstration cannot keep by our own verdict.

    An error is excused where it names a file in which we found a demonstration to break the same rule.

    Returns:
        The other errors; its last words where it refused without a reason that could be read, or crashed.
    """
    if official.accepted:
        return ()
    excuses = [
        (_name(finding.breach.path, verdict.tree), SAYS[finding.rule])
        for finding in verdict.findings
        if finding.breach.demonstration and finding.rule in SAYS
    ]
    left = tuple(
        error
        for error in official.errors
        if not any(name in error and words in error for name, words in excuses)
    )
    return left or ((official.summary,) if official.crashed or not official.errors else ())


def _name(path: Path, tree: Path) -> str:
    return path.relative_to(tree).as_posix() if path.is_relative_to(tree) else str(path)


def _echo(text: str) -> bool:
    """Lines that only repeat that something else failed."""
    return text.startswith(("Some ", "NoResults ", "SUMMARY"))
