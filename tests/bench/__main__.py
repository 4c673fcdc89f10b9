"""`make bench`: measures every budget that applies and writes docs/benchmarks.md.

Usage: python -m tests.bench [--cold]

--cold also times a quickstart in a fresh clone; it empties the engine's build cache and removes this project's images.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mlperf_bake.engine.bootstrap import ensure_engine
from mlperf_bake.project import open_project
from tests.bench.bench_harness import (
    SERVER_RUNS,
    Row,
    against_bare_loop,
    null_against_bare_loadgen,
    server_rates,
)
from tests.bench.bench_images import (
    cold_quickstart,
    image_bytes,
    nothing_to_do_seconds,
    quickstart_seconds,
)
from tests.bench.harness_programs import COMPILED, compile_programs, hosted_here, target_of
from tests.support.cpp_toolchain import ensure_toolchain

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
RUN_SECONDS = 2 * 1.0
"""What the performance runs of a 1-second quickstart take at least."""


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def machine() -> str:
    """Processor, CPUs, memory, kernel."""
    info = Path("/proc/cpuinfo").read_text()
    model = next(
        (line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), ""
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{model or platform.machine()}, {len(os.sched_getaffinity(0))} CPUs, {pages:.0f} GiB, Linux {platform.release()}"


def ratio_table(rows: Iterable[Row]) -> list[str]:
    lines = [
        "| run | figure | ours / bare, median [95 %] | pairs | ours | bare | budget | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, figure, found, budget, met in rows:
        lines.append(
            f"| {name} | {figure} | {found.text()} | {found.pairs} | {found.ours:.4g} | {found.bare:.4g} | {budget} | {verdict(met)} |"
        )
    return lines


def planner_lines() -> list[str]:
    measured = subprocess.run(
        [sys.executable, str(ROOT / "tests/bench/bench_plan.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    report = json.loads(measured.stdout)
    lines = ["| command | wall s, median | CPU s, median | budget, wall s | |", "|---|---|---|---|---|"]
    for row in report["results"]:
        budget = row["budget_s"]
        judged = verdict(row["wall_s"] <= budget) if budget else ""
        lines.append(
            f"| {row['name']} | {row['wall_s']:.3f} | {row['cpu_s']:.3f} | {budget or '-'} | {judged} |"
        )
    return [*lines, "", f"Whole processes, medians of {report['runs']} runs in turn; plans ask no engine."]


def main() -> None:
    """Measures and writes the page."""
    cold = "--cold" in sys.argv[1:]

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    def step(text: str) -> None:
        say(f"measuring {text}")

    ensure_engine(say)
    ensure_toolchain(say)
    step("planner")
    planner = planner_lines()
    cold_lines: list[str] = []
    first = target_of(COMPILED[0])
    if cold:
        step("quickstart in a fresh clone, nothing cached")
        quick = cold_quickstart(first)
        cold_lines = [
            f"| `make quickstart` in a fresh clone, engine but no cache and no base | {quick.seconds:.0f} s | 240 s | {verdict(quick.seconds <= 240)} |",
            f"| the same: received over the network without the base image | {quick.bytes / 1e6:.0f} MB | 250 MB | {verdict(quick.bytes <= 250e6)} |",
            f"| the same: received for the base image | {quick.base_bytes / 1e6:.0f} MB | - | |",
        ]
    step("quickstart, warm")
    subprocess.run(
        [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", "build", first],
        cwd=ROOT,
        check=True,
    )
    warm = quickstart_seconds(3)
    step("image")
    total, payload = image_bytes(f"mlperf-bake/{first}:latest")
    step("nothing to do")
    cells, idle = nothing_to_do_seconds(7)
    bare_rows: list[Row] = []
    for framework in (*COMPILED, *hosted_here()):
        step(f"harness against a bare loop over {framework}")
        bare_rows += against_bare_loop(framework, compile_programs(framework))
    programs = compile_programs(COMPILED[0])
    step("null backend against bare LoadGen")
    null_rows = null_against_bare_loadgen(programs)
    step("Server rates")
    rates = server_rates(programs)

    most = SERVER_RUNS / 2
    best_ours = max((rate for rate, ours, _ in rates if ours > most), default=0)
    best_bare = max((rate for rate, _, bare in rates if bare > most), default=0)
    revision = open_project(ROOT).revision
    share = total / payload
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}, revision {revision[:12]}{'-dirty' * revision.endswith('-dirty')}.",
        f"Machine: {machine()}. It is shared and changes speed within seconds: ratios of neighbouring runs count, single times do not.",
        "",
        "## Planner",
        "",
        *planner,
        "",
        "## Harness against a bare loop over the same runtime",
        "",
        "EfficientNet-Lite0 fp32, 20 photos, same sessions, threads and batch; interleaved pairs of 2 s.",
        "",
        *ratio_table(bare_rows),
        "",
        "## Null backend against a bare LoadGen null system",
        "",
        *ratio_table(null_rows),
        "",
        "LoadGen stamps a completion when it is called and does its bookkeeping afterwards. The bare system of the last row completes",
        "the one Offline query in a single call, so none of that bookkeeping is in its time; the harness completes what",
        "about half a second answered at once, so that a run whose answers are there sooner has none in its time either.",
        "",
        f"Server, 10 ms p99, {SERVER_RUNS} runs of 1 s each in turn:",
        "",
        "| queries/s | VALID, ours | VALID, bare |",
        "|---|---|---|",
        *(f"| {rate:,} | {ours} | {bare} |" for rate, ours, bare in rates),
        "",
        f"Highest rate at which most runs were VALID: {best_ours:,} against {best_bare:,} (budget 0.9): {verdict(best_ours >= 0.9 * best_bare)}.",
        "",
        "## Images and whole commands",
        "",
        "| what | measured | budget | |",
        "|---|---|---|---|",
        f"| image above its base / (library + weights + harness) | {total:,} / {payload:,} bytes = {share:.3f} | 1.1 | {verdict(share <= 1.1)} |",
        f"| nothing to do, {cells} cells | {idle:.2f} s | 1 s | {verdict(idle <= 1)} |",
        f"| quickstart again, warm, two runs of 1 s | {warm:.1f} s | 20 s + the runs | {verdict(warm <= 20 + RUN_SECONDS)} |",
    ]
    lines += cold_lines
    PAGE.write_text("\n".join(lines) + "\n")
    sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
