"""How long ``check`` takes over a large submission tree, and how much memory, as a whole process."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.check.workers import processes
from tests.bench.large_tree import write_large_tree

FILES: Final = 50_000
RUNS: Final = 3
BUDGET_S: Final = 30
BUDGET_MB: Final = 500


@dataclass(frozen=True)
class Checked:
    """What the runs took.

    Attributes:
        seconds: wall, median.
        cpu_seconds: of all its processes, median.
        megabytes: at most: the largest process' peak, times the number of processes.
        log_megabytes: how much of the tree are detail logs.
    """

    files: int
    results: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    log_megabytes: float


def check_large_tree(files: int = FILES, runs: int = RUNS) -> Checked:
    """Writes a tree and lets the command judge it ``runs`` times."""
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        tree = Path(name) / "tree"
        written = write_large_tree(tree, files)
        logs = list(tree.rglob("mlperf_log_detail.txt"))
        taken = [_measure(tree) for _ in range(runs)]
        return Checked(
            files=written,
            results=sum("accuracy" in log.parts for log in logs),
            seconds=statistics.median(wall for wall, _ in taken),
            cpu_seconds=statistics.median(cpu for _, cpu in taken),
            megabytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 * (processes() + 1),
            log_megabytes=sum(log.stat().st_size for log in logs) / 1e6,
        )


def _measure(tree: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one run, which must find the tree valid."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", "check", str(tree)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=True,
    )
    wall = time.perf_counter() - start
    if b"verdict    valid" not in done.stdout:
        raise RuntimeError("the large tree is not valid")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
