"""The harness beside those of others, in pairs: each as it comes, and the others in the setting that helps them most."""

from tests.bench.harness_programs import Programs
from tests.bench.pairs import Figures, Ratio, measure_pairs, ratio
from tests.bench.rivals import Rival, rivals

PAIRS = 12
SECONDS = 3.0
"""Of each run: in a shorter one the last batches of 32, which end apart, weigh on the others unduly."""
WITHIN_S = 110.0
"""What the pairs of one row may take."""

Row = tuple[str, str, Ratio, str, bool]
"""As in ``bench_harness``."""


def beside_rivals(programs: Programs) -> tuple[list[Row], list[str], list[str]]:
    """Samples/s in Offline and median latency in SingleStream; lines of a table on memory; and each rival's revision.

    Raises:
        RuntimeError: a rival runs with another LoadGen.
        SystemExit: a checkout is not named.
    """
    rows: list[Row] = []
    memory: list[str] = []
    found = rivals(programs)
    for rival in found:
        for scenario in rival.scenarios:
            ratios, most = _rows(programs, rival, scenario)
            rows += ratios
            memory += most
    return rows, memory, [f"{rival.name}: revision {rival.revision}" for rival in found]


def _rows(programs: Programs, rival: Rival, scenario: str) -> tuple[list[Row], list[str]]:
    """The ratios, and in Offline a line on memory: ours, theirs."""
    offline = scenario == "Offline"
    options = ("--scenario", scenario, "--data", str(programs.data), "--duration", f"{SECONDS:g}")
    first = programs.harness(
        *options, *(("--target-qps", "200") if offline else ("--target-latency-ms", "2"))
    )
    rate = float(first["result"]["value"])
    expected = (
        ("--target-qps", f"{rate:.1f}") if offline else ("--target-latency-ms", "2", "--min-queries", "1")
    )
    loadgen = str(first["loadgen"]["version"])

    def ours() -> Figures:
        manifest = programs.harness(*options, *expected)
        result = manifest["result"]
        figure = result["value"] if offline else result["latency_ns"]["p50"]
        return {"figure": figure, "peak": manifest["peak_bytes"]}

    def theirs() -> Figures:
        seen = rival.run(scenario, SECONDS, rate)
        if not seen.loadgen.startswith(loadgen):
            raise RuntimeError(f"{rival.name} runs with LoadGen {seen.loadgen}, the harness with {loadgen}")
        return {"figure": seen.figure, "peak": seen.peak_bytes}

    pairs = measure_pairs(ours, theirs, PAIRS, WITHIN_S)
    figure = ratio(pairs, "figure")
    name = f"{scenario}: {rival.name}"
    if not offline:
        return [(name, "median latency, ns", figure, "<= 1.02", figure.median <= 1.02)], []
    memory = ratio(pairs, "peak")
    most = f"| {name} | {memory.ours / 1e6:.0f} MB | {memory.bare / 1e6:.0f} MB |"
    return [(name, "samples/s", figure, "> 1", figure.median > 1)], [most]
