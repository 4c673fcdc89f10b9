"""A Python environment of its own for a recipe: made once in the cache from locked requirements, then reused.

Its key is everything that determines it: the requirements, the interpreter's version and the machine. It is whole
when it holds COMPLETE, written last; one that was cut off is removed and made again.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from mlperf_bake.cache.store import Cache
from mlperf_bake.cache.workspace import raise_if_disk_was_full
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress, silent

COMPLETE = "complete"
OLDEST, NEWEST = (3, 11), (3, 13)  # Python versions the requirements are locked for


def make_environment(requirements: Path, cache: Cache, progress: Progress = silent) -> Path:
    """The environment's Python executable.

    Args:
        requirements: a requirements file, every line with hashes.

    Raises:
        UsageError: this Python is not one the requirements are locked for, or venv or pip failed, with its words.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise UsageError(
            "the recipes' libraries are not locked for this Python",
            found=platform.python_version(),
            expected=f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}",
            remedy="let the image build make the weights, or give them with --from FILE",
        )
    identity = (
        requirements.read_bytes(),
        platform.python_version(),
        platform.machine(),
        platform.libc_ver()[0],
    )
    key = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    with cache.making("environments", key, progress) as target:
        python = target / "bin" / "python"
        if (target / COMPLETE).exists():
            return python
        shutil.rmtree(target, ignore_errors=True)
        step = f"installing the libraries of {requirements.name.split('.')[0]}"
        progress(step, 0, None)
        # Environments cannot be renamed, hence the mark instead of a rename.
        _run([sys.executable, "-m", "venv", str(target)], "the environment could not be made", VENV_REMEDY)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--require-hashes",
            "--no-deps",
        ]
        install += ["--only-binary=:all:", f"--requirement={requirements}"]
        _run(
            install,
            "the recipe's libraries could not be installed",
            "check the network and pip's configuration",
        )
        (target / COMPLETE).touch()
        progress(step, 1, 1)
        return python


VENV_REMEDY = "apt-get install python3-venv (Debian, Ubuntu), then again"


def _run(command: list[str], problem: str, remedy: str) -> None:
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise_if_disk_was_full(outcome.stderr + outcome.stdout, Path(command[0]).parent)
        lines = [line.strip() for line in (outcome.stderr + outcome.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR: ")] or lines[-1:]
        raise UsageError(problem, found=" / ".join(errors[:2]), remedy=remedy)
