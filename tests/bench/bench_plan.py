"""How long the planner's commands take, as whole processes; one JSON document on stdout.

Usage: python tests/bench/bench_plan.py [RUNS]

Each round runs every command once, so that all meet the same state of the machine; the medians of RUNS rounds (default
11) are compared with the budgets. ``cpu_s`` is user and system time of the process: it drifts less than wall time.
"bare python" is an interpreter that does nothing. Plans are made with --no-engine: asking the engine is not planning.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.generate_matrix import CHECKOUT, SIZES, generate

PROGRAM = (sys.executable, "-c", "from mlperf_bake.cli.app import main; main()")


@dataclass(frozen=True)
class Case:
    """One command, where it runs, and its budget in seconds of wall time; None: for comparison only.

    ``remembering``: what earlier commands parsed and compiled may be used, as in a user's second command.
    """

    name: str
    argv: Sequence[str]
    directory: Path
    budget_s: float | None
    remembering: bool = True


def cases(scratch: Path) -> list[Case]:
    """The commands; their projects are made below ``scratch``."""
    for cells in (1_000, 10_000):
        generate(SIZES[cells], scratch / str(cells))
    plan = (*PROGRAM, "plan", "--json", "--no-engine")
    return [
        Case("bare python", (sys.executable, "-c", ""), CHECKOUT, None),
        Case("--help", (*PROGRAM, "--help"), CHECKOUT, 0.15),
        Case("list", (*PROGRAM, "list"), CHECKOUT, 0.25),
        Case("explain", (*PROGRAM, "explain", "resnet50-arm"), CHECKOUT, 0.25),
        Case("plan 1,000 cells", plan, scratch / "1000", 0.25),
        Case("plan 10,000 cells", plan, scratch / "10000", 1.0),
        Case("plan 1,000 cells, nothing remembered", plan, scratch / "1000", None, remembering=False),
    ]


def measure(case: Case) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    # As in a user's shell, where byte code is kept.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if not case.remembering:
        empty = case.directory / "cache"
        shutil.rmtree(empty, ignore_errors=True)
        environment["MLPERF_BAKE_CACHE"] = str(empty)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        case.argv,
        cwd=case.directory,
        env={**environment, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measures and prints."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        every = cases(Path(name))
        taken: dict[str, list[tuple[float, float]]] = {case.name: [] for case in every}
        for case in every:
            measure(case)  # byte code and file cache
        for _ in range(runs):
            for case in every:
                taken[case.name].append(measure(case))
    results = [
        {
            "name": case.name,
            "wall_s": round(statistics.median(wall for wall, _ in taken[case.name]), 4),
            "cpu_s": round(statistics.median(cpu for _, cpu in taken[case.name]), 4),
            "fastest_wall_s": round(min(wall for wall, _ in taken[case.name]), 4),
            "budget_s": case.budget_s,
        }
        for case in every
    ]
    sys.stdout.write(json.dumps({"runs": runs, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
