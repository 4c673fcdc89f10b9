"""`make bench`: measures every budget that applies and writes docs/benchmarks.md.

Usage: python -m tests.bench [--cold | --parts] [SECTION...]

Sections: planner, check, commands, each framework by its name, rivals, null, stages, publish, tuning; all of them where none is named
(rivals only where its checkouts are, see tests/bench/rivals.py). --cold adds
`cold`: a quickstart in a fresh clone, which empties the engine's build cache and removes this project's images. --parts only builds
what the sections compare, once and for all; each framework's section then ends within about five minutes. Each section is kept in
docs/benchmarks/ when it is done, with its date and revision, and the page is made anew of all that are there: a measurement
that is cut short loses nothing else.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from mlperf_bake.engine.bootstrap import ensure_engine
from mlperf_bake.project import open_project
from tests.bench.bench_check import BUDGET_MB, BUDGET_S, check_large_tree
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
    is_here,
    nothing_to_do,
    quickstart_seconds,
)
from tests.bench.bench_publish import publishing
from tests.bench.bench_rivals import beside_rivals
from tests.bench.bench_stages import CELLS, stage_sharing
from tests.bench.bench_tuning import TUNED, tuning_gain
from tests.bench.harness_programs import COMPILED, HOSTED, compile_programs, hosted_here, target_of
from tests.bench.rivals import named
from tests.support.cpp_toolchain import ensure_toolchain

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
SECTIONS = ROOT / "docs" / "benchmarks"
FIRST_PAIR_SECONDS, PAIR_SECONDS = 2.0, 1.0
"""Length of the runs that are compared: of the first framework, whose budget the design names, and of the others."""
MEMORY_BUDGET_MB = 64
"""What the harness may have in memory beside the runtime, the weights and the samples."""
RUN_SECONDS = 2 * 1.0
"""What the performance runs of a 1-second quickstart take at least."""
FIRST = target_of(COMPILED[0])

PLANNER = ("| command | wall s, median | CPU s, median | budget, wall s | |", "|---|---|---|---|---|")
RATIOS = (
    "| run | figure | ours / bare, median [95 %] | pairs | ours | bare | budget | |",
    "|---|---|---|---|---|---|---|---|",
)
WHOLE = ("| what | measured | budget | |", "|---|---|---|---|")


def verdict(met: bool) -> str:
    return "met" if met else "**missed**"


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def machine() -> str:
    """Processor, CPUs, memory, kernel."""
    info = Path("/proc/cpuinfo").read_text()
    model = next(
        (line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), ""
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{model or platform.machine()}, {len(os.sched_getaffinity(0))} CPUs, {pages:.0f} GiB, Linux {platform.release()}"


def ratio_lines(rows: Iterable[Row]) -> list[str]:
    return [
        f"| {name} | {figure} | {found.text()} | {found.pairs} | {found.ours:.4g} | {found.bare:.4g} | {budget} | {verdict(met)} |"
        for name, figure, found, budget, met in rows
    ]


def planner() -> list[str]:
    measured = subprocess.run(
        [sys.executable, str(ROOT / "tests/bench/bench_plan.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    report = json.loads(measured.stdout)
    lines = list(PLANNER)
    for row in report["results"]:
        budget = row["budget_s"]
        judged = verdict(row["wall_s"] <= budget) if budget else ""
        lines.append(
            f"| {row['name']} | {row['wall_s']:.3f} | {row['cpu_s']:.3f} | {budget or '-'} | {judged} |"
        )
    return [
        *lines,
        "",
        f"Whole processes, medians of {report['runs']} runs in turn; plans ask no engine. What an earlier command parsed or compiled",
        "is remembered by its content, so a command is slower the first time after matrix.yaml or a template changed.",
    ]


def cold() -> list[str]:
    quick = cold_quickstart(FIRST)
    return [
        *WHOLE,
        f"| `make quickstart` in a fresh clone, engine but no cache and no base | {quick.seconds:.0f} s | 240 s | {verdict(quick.seconds <= 240)} |",
        f"| the same: received over the network without the base image | {quick.bytes / 1e6:.0f} MB | 250 MB | {verdict(quick.bytes <= 250e6)} |",
        f"| the same: received for the base image | {quick.base_bytes / 1e6:.0f} MB | - | |",
    ]


def check() -> list[str]:
    found = check_large_tree()
    return [
        *WHOLE,
        f"| `check` of a tree of {found.files:,} files, {found.results:,} results: wall | {found.seconds:.1f} s | {BUDGET_S} s | {verdict(found.seconds <= BUDGET_S)} |",
        f"| the same: memory of all its processes, at most | {found.megabytes:.0f} MB | {BUDGET_MB} MB | {verdict(found.megabytes <= BUDGET_MB)} |",
        f"| the same: CPU time | {found.cpu_seconds:.1f} s | - | |",
        "",
        f"{found.log_megabytes:,.0f} MB of the tree are detail logs, as long as those of an ImageNet run.",
    ]


def commands() -> list[str]:
    subprocess.run(
        [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", "build", FIRST],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    warm = quickstart_seconds(3)
    idle = nothing_to_do(7)
    return [
        *WHOLE,
        *image_lines(),
        f"| nothing to do, {idle.cells} cells | {idle.ours:.2f} s | 1 s | {verdict(idle.ours <= 1)} |",
        f"| the same images, `docker buildx bake` with every step cached | {idle.bake:.2f} s | - | |",
        f"| the same file, `docker buildx bake --print` | {idle.printed:.2f} s | - | |",
        f"| quickstart again, warm, two runs of 1 s | {warm:.1f} s | 20 s + the runs | {verdict(warm <= 20 + RUN_SECONDS)} |",
    ]


def image_lines() -> list[str]:
    """The sizes of the images of EfficientNet-Lite0 that are here, one a framework."""
    lines = []
    for framework in (*COMPILED, *HOSTED):
        image = f"mlperf-bake/{target_of(framework)}:latest"
        if not is_here(image):
            continue
        total, payload = image_bytes(image)
        share = total / payload
        size = f"{total:,} / {payload:,} bytes = {share:.3f}"
        lines.append(
            f"| {framework}: image above its base / (library + weights + harness) | {size} | 1.1 | {verdict(share <= 1.1)} |"
        )
    return lines


def stages() -> list[str]:
    found = stage_sharing()
    others = " + ".join(f"{seconds:.1f}" for seconds in found.own)
    return [
        *WHOLE,
        f"| {CELLS[0]} alone, no stage cached | {found.first:.1f} s | - | |",
        f"| the own stages of {' and '.join(CELLS[1:])} | {others} s | - | |",
        f"| all {len(CELLS)} together, no stage cached, one at a time | {found.together:.1f} s | {found.allowed:.1f} s | {verdict(found.together <= found.allowed)} |",
    ]


def publish() -> list[str]:
    found = publishing(FIRST)
    return [
        "| what | seconds, ours / Docker's, median [all] | pairs | ours | Docker's |",
        "|---|---|---|---|---|",
        f"| `build --push` to an empty registry on loopback; `docker push` | {found.push.text()} | {found.push.pairs} | {found.push.ours:.1f} s | {found.push.bare:.1f} s |",
        f"| `build --offline --bundle`, every step known; `buildx bake` from a cache | {found.offline.text()} | {found.offline.pairs} | {found.offline.ours:.1f} s | {found.offline.bare:.1f} s |",
        f"| `bundle`; `buildx bake` writing a cache | {found.bundle / found.cache:.3f} | 1 | {found.bundle:.1f} s | {found.cache:.1f} s |",
        "",
        f"The bundle has {found.bundle_bytes / 1e6:,.0f} MB with its base image, the plain cache {found.cache_bytes / 1e6:,.0f} MB.",
        f"A push of ours also has BuildKit write the image out, {found.layout:.1f} s, sets its times, and writes bill of materials and provenance;",
        "a build of ours compares every file of the bundle with its checksum.",
    ]


def tuning() -> list[str]:
    gains = {target: tuning_gain(target) for target in TUNED}
    defaults = f"--workers {len(os.sched_getaffinity(0))} --threads 1 --batch 1"
    return [
        "| run | figure | tuned / untuned, median [95 %] | pairs | tuned | untuned | budget | |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {target}: Offline, `{gain.setting}` | samples/s | {gain.offline.text()} | {gain.offline.pairs} "
            f"| {gain.offline.ours:.4g} | {gain.offline.bare:.4g} | > 1 | {gain.judged} |"
            for target, gain in gains.items()
        ),
        "",
        f"In backticks the setting that `tune` found; the defaults here are `{defaults}`.",
    ]


def bare_loop(framework: str) -> list[str]:
    seconds = FIRST_PAIR_SECONDS if framework == COMPILED[0] else PAIR_SECONDS
    rows, more = against_bare_loop(framework, compile_programs(framework), seconds)
    memory = f"| {framework}: most in memory in SingleStream, above the bare loop with runtime, weights and samples "
    return [
        f"Pairs of {seconds:g} s.",
        "",
        *RATIOS,
        *ratio_lines(rows),
        "",
        *WHOLE,
        f"{memory}| {more / 1e6:.0f} MB | {MEMORY_BUDGET_MB} MB | {verdict(more <= MEMORY_BUDGET_MB * 1e6)} |",
        *(
            ["", "CPU time and memory are the client's: the server's own are in neither."]
            * (framework == "triton")
        ),
    ]


def rivals() -> list[str]:
    rows, memory, sources = beside_rivals(compile_programs(COMPILED[0]))
    return [
        RATIOS[0].replace("bare", "theirs"),
        RATIOS[1],
        *ratio_lines(rows),
        "",
        "| most in memory (ours: a session a CPU) | ours | theirs |",
        "|---|---|---|",
        *memory,
        "",
        "EfficientNet-Lite0 fp32, the same 20 prepared photos, ONNX Runtime and LoadGen; ours with its defaults. "
        + "; ".join(sources)
        + ".",
    ]


def null() -> list[str]:
    programs = compile_programs(COMPILED[0])
    rows = null_against_bare_loadgen(programs)
    rates = server_rates(programs)
    most = SERVER_RUNS / 2
    best_ours = max((rate for rate, ours, _ in rates if ours > most), default=0)
    best_bare = max((rate for rate, _, bare in rates if bare > most), default=0)
    return [
        *RATIOS,
        *ratio_lines(rows),
        "",
        "LoadGen stamps a completion when it is called and does its bookkeeping afterwards. In Offline the bare system",
        "completes the one query in a single call, so none of that bookkeeping is in its time; the harness completes what about half a",
        "second answered at once, so that a short run has none in its time either, and a longer one has. The last row counts all of it in both.",
        "",
        f"Server, 10 ms p99, {SERVER_RUNS} runs of 1 s each in turn:",
        "",
        "| queries/s | VALID, ours | VALID, bare |",
        "|---|---|---|",
        *(f"| {rate:,} | {ours} | {bare} |" for rate, ours, bare in rates),
        "",
        f"Highest rate at which most runs were VALID: {best_ours:,} against {best_bare:,} (budget 0.9): {verdict(best_ours >= 0.9 * best_bare)}.",
    ]


def sections() -> dict[str, tuple[str, Callable[[], list[str]]]]:
    """Every section in the order of the page: its name, title, and what measures it."""
    loops = {
        framework: (
            f"Harness against a bare loop over the same runtime: {framework}",
            lambda framework=framework: bare_loop(framework),
        )
        for framework in (*COMPILED, *HOSTED)
    }
    return {
        "planner": ("Planner", planner),
        **loops,
        "rivals": ("Harness beside other harnesses", rivals),
        "null": ("Null backend against a bare LoadGen null system", null),
        "check": ("Judging a large submission tree", check),
        "commands": ("Images and whole commands", commands),
        "stages": ("Cells that share stages", stages),
        "publish": ("Publishing, and building without a network", publish),
        "tuning": ("Tuned against untuned", tuning),
        "cold": ("A cold quickstart", cold),
    }


def measure(name: str, how: Callable[[], list[str]], revision: str) -> None:
    """Measures one section and keeps it, as of a revision."""
    lines = how()
    SECTIONS.mkdir(parents=True, exist_ok=True)
    kept = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "revision": revision[:12] + "-dirty" * revision.endswith("-dirty"),
        "machine": machine(),
        "lines": lines,
    }
    (SECTIONS / f"{name}.json").write_text(json.dumps(kept, indent=1))


def page() -> str:
    """The page out of every section in docs/benchmarks/, each from the machine and revision it names."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. The machines are shared and change speed within seconds: ratios of neighbouring runs count,",
        "single times do not. Bare loops: EfficientNet-Lite0 fp32, 20 photos, same sessions, threads and batch, interleaved pairs.",
    ]
    for name, (title, _) in sections().items():
        file = SECTIONS / f"{name}.json"
        if file.exists():
            kept = json.loads(file.read_text())
            where = f"{kept['date']}, revision {kept['revision']}, {kept['machine']}."
            lines += ["", f"## {title}", "", where, "", *kept["lines"]]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures the named sections and writes the page."""
    words = [word for word in sys.argv[1:] if word not in ("--cold", "--parts")]
    known = sections()
    unknown = [word for word in words if word not in known]
    if unknown:
        raise SystemExit(f"unknown section {', '.join(unknown)}; expected {', '.join(known)}")
    skipped = {*HOSTED} - {*hosted_here()} | {"cold"} | ({"rivals"} if not named() else set())
    chosen = words or [name for name in known if name not in skipped]
    if "--cold" in sys.argv[1:] and "cold" not in chosen:
        chosen = ["cold", *chosen]
    revision = open_project(ROOT).revision  # before the page changes
    ensure_engine(say)
    ensure_toolchain(say)
    if "--parts" in sys.argv[1:]:
        for framework in (name for name in chosen if name in (*COMPILED, *HOSTED)):
            say(f"building the parts of {framework}")
            compile_programs(framework)
        return
    for name in chosen:
        say(f"measuring {name}")
        measure(name, known[name][1], revision)
        PAGE.write_text(page())
    say(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
