"""The harness against a bare loop over the same runtime, and its null backend against bare LoadGen."""

import os
import statistics

from tests.bench.harness_programs import Programs
from tests.bench.pairs import Figures, Ratio, measure_pairs, ratio

PAIRS = 20
PAIRS_WITHIN_S = 120.0
"""What the pairs of one scenario may take: a section ends within five minutes."""
NULL_PAIRS = 20
SERVER_RATES = (200_000, 300_000, 400_000, 480_000)
SERVER_RUNS = 5

Row = tuple[str, str, Ratio, str, bool]
"""What was measured, the figure, the ratio, the budget in words, and whether it was met."""


def against_bare_loop(framework: str, programs: Programs, seconds: float) -> tuple[list[Row], int]:
    """Offline throughput, SingleStream median latency and CPU time a sample, on EfficientNet-Lite0 fp32.

    Args:
        seconds: of each run.

    Returns:
        The rows, and the bytes by which the harness had more in memory than the bare loop in SingleStream: the bare loop
        holds the runtime, the weights and the samples, too.
    """
    duration = ("--duration", f"{seconds:g}")
    least, most = (0.95, 1.05) if programs.backend == "python" else (0.98, 1.02)
    workers = str(len(os.sched_getaffinity(0)))
    data = ("--data", str(programs.data))
    offline = ("--scenario", "Offline", *data, "--workers", workers, "--threads", "1", "--batch", "1")
    stream = ("--scenario", "SingleStream", *data, "--threads", "1")
    as_long_as_bare = (
        "--target-latency-ms",
        "2",
        "--min-queries",
        "1",
    )  # LoadGen's 100 take TVM half a minute

    peaks: dict[str, list[int]] = {"ours": [], "bare": []}

    def bare(*options: str) -> Figures:
        printed = programs.bare_loop("--cell", str(programs.cell), *duration, *options)
        peaks["bare"].append(printed["peak_bytes"])
        return {
            "rate": printed["samples_per_second"],
            "median": printed["median_batch_ns"],
            "cpu": printed["cpu_ns_per_sample"],
        }

    def ours(*options: str) -> Figures:
        manifest = programs.harness(*options, *duration)
        counts = manifest["counts"]
        peaks["ours"].append(manifest["peak_bytes"])
        return {
            "rate": manifest["result"]["value"],
            "median": manifest["result"]["latency_ns"]["p50"],
            "cpu": counts["cpu_seconds"] * 1e9 / counts["samples"],
        }

    speed = bare(*offline)["rate"]
    batch = measure_pairs(
        lambda: ours(*offline, "--target-qps", f"{speed:.1f}"), lambda: bare(*offline), PAIRS, PAIRS_WITHIN_S
    )
    for runs in peaks.values():
        runs.clear()
    single = measure_pairs(
        lambda: ours(*stream, *as_long_as_bare), lambda: bare(*stream), PAIRS, PAIRS_WITHIN_S
    )
    name = f"{framework}: Offline, {workers} workers x 1 thread, batch 1"
    inline = f"{framework}: SingleStream, 1 thread"
    rate, batch_cpu = ratio(batch, "rate"), ratio(batch, "cpu")
    latency, single_cpu = ratio(single, "median"), ratio(single, "cpu")
    more = int(statistics.median(peaks["ours"]) - statistics.median(peaks["bare"]))
    rows = [
        (name, "samples/s", rate, f">= {least}", rate.median >= least),
        (name, "CPU ns a sample", batch_cpu, f"<= {most}", batch_cpu.median <= most),
        (inline, "median latency, ns", latency, f"<= {most}", latency.median <= most),
        (inline, "CPU ns a sample", single_cpu, f"<= {most}", single_cpu.median <= most),
    ]
    return rows, more


def null_against_bare_loadgen(programs: Programs) -> list[Row]:
    """The null backend: what the harness itself costs."""
    null = ("--backend", "null", "--data", "synthetic", "--samples", "1024", "--duration", "1")
    rows: list[Row] = []

    def pair(name: str, figure: str, key: str, options: tuple[str, ...]) -> list[tuple[Figures, Figures]]:
        def ours() -> Figures:
            manifest = programs.harness(*null, *options)
            counts = manifest["counts"]
            return {
                "rate": manifest["result"]["value"],
                "queries": counts["queries"],
                "cpu": counts["cpu_seconds"],
            }

        def bare() -> Figures:
            output = ("--outdir", str(programs.build / "null"))
            (programs.build / "null").mkdir(exist_ok=True)
            printed = programs.bare("bare-null", "--duration", "1", *options, *output)
            return {"rate": printed["value"], "queries": printed["queries"], "cpu": printed["cpu_seconds"]}

        pairs = measure_pairs(ours, bare, NULL_PAIRS)
        found = ratio(pairs, key)
        rows.append((name, figure, found, ">= 0.9", found.median >= 0.9))
        return pairs

    pair(
        "SingleStream, answered inline",
        "queries in 1 s",
        "queries",
        ("--scenario", "SingleStream", "--target-latency-ms", "0.001"),
    )
    pair(
        "MultiStream of 8",
        "queries in 1 s",
        "queries",
        ("--scenario", "MultiStream", "--target-latency-ms", "0.0015"),
    )
    offline = ("--scenario", "Offline", "--target-qps", "6000000")
    pairs = pair("Offline, bare completing everything in one call", "samples/s", "rate", offline)
    whole = ratio(pairs, "cpu")  # as many samples in both
    rows.append(
        ("the same, LoadGen's bookkeeping counted", "CPU s", whole, "<= 1 / 0.9", whole.median <= 1 / 0.9)
    )
    return rows


def server_rates(programs: Programs) -> list[tuple[int, int, int]]:
    """For each rate how many of SERVER_RUNS runs were VALID at 10 ms p99: (queries/s, ours, bare)."""
    null = ("--backend", "null", "--data", "synthetic", "--samples", "1024", "--target-latency-ms", "10")
    found = []
    for rate in SERVER_RATES:
        options = ("--scenario", "Server", "--duration", "1", "--target-qps", str(rate))
        ours = bare = 0
        for _ in range(SERVER_RUNS):
            ours += programs.harness(*options, *null)["result"]["validity"] == "VALID"
            output = ("--outdir", str(programs.build / "null"))
            bare += programs.bare("bare-null", *options, *output)["validity"] == "VALID"
        found.append((rate, ours, bare))
    return found
