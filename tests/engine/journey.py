"""The command line as a person types it, in the checkout, with results and trees elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CELL = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"
HARDENED = (
    "--read-only",
    "--cap-drop=ALL",
    "--network=none",
    "--security-opt=no-new-privileges",
)


def bake(*arguments: str, status: int = 0, timeout_s: float = 900) -> subprocess.CompletedProcess[str]:
    """Runs ``mlperf-bake`` in the checkout and holds its exit code against ``status``."""
    done = subprocess.run(
        [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert "Traceback" not in done.stdout + done.stderr
    return done


def bake_json(*arguments: str, timeout_s: float = 900) -> Any:
    """The parsed stdout of a command with ``--json``."""
    return json.loads(bake(*arguments, "--json", timeout_s=timeout_s).stdout)


def docker(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """The docker command line, as somebody who has never heard of this tool types it."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout_s)
