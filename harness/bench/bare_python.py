"""The least that Python can do with a runtime: a class of the backend `python` in threads, each running batch after batch.

    python3 -S bare_python.py --class FILE --packages DIR --weights FILE --shape 3x224x224 --classes N --input NAME --output NAME
        --data DIR --scenario Offline|SingleStream --workers N --threads M --batch B --duration SECONDS

prints {"samples": N, "samples_per_second": x, "median_batch_ns": x, "cpu_ns_per_sample": x}. What the harness adds to this
is its cost.
"""

import argparse
import json
import statistics
import sys
import threading
import time
import types
from pathlib import Path

WARM_UP = 8


def arguments() -> argparse.Namespace:
    """The command line: cell.conf's words and the harness's own."""
    parser = argparse.ArgumentParser()
    for name in ("class", "packages", "weights", "shape", "input", "output", "data"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--scenario", default="Offline")
    parser.add_argument("--classes", type=int, required=True)
    for name in ("workers", "threads", "batch"):
        parser.add_argument(f"--{name}", type=int, default=1)
    parser.add_argument("--duration", type=float, default=2.0)
    return parser.parse_args()


def opened(given: argparse.Namespace) -> tuple[type, types.SimpleNamespace]:
    """The class, and what it is told of the cell."""
    path = vars(given)["class"]
    names: dict = {"__name__": "bare"}
    exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), names)
    [found] = [value for value in names.values() if isinstance(value, type) and hasattr(value, "predict")]
    shape = tuple(int(extent) for extent in given.shape.split("x"))
    return found, types.SimpleNamespace(
        input_name=given.input,
        input_shape=shape,
        input_dtype="float32",
        output_name=given.output,
        output_kind="scores",
        classes=given.classes,
        precision="fp32",
    )


def main() -> None:
    """Loads, warms up in the thread that will run, runs for the duration, prints."""
    given = arguments()
    sys.path.insert(0, given.packages)
    import numpy as np

    single = given.scenario == "SingleStream"
    workers, batch = (1, 1) if single else (given.workers, given.batch)
    cls, cell = opened(given)
    samples = np.fromfile(Path(given.data) / "samples.bin", np.float32).reshape(-1, *cell.input_shape)
    samples.flags.writeable = False
    ready, stop = threading.Barrier(workers + 1), threading.Event()
    times: list[list[int]] = [[] for _ in range(workers)]

    def run(own: list[int]) -> None:
        instance = cls()
        instance.load(given.weights, cell, given.threads, batch, {})
        for _ in range(WARM_UP):
            instance.predict(samples[:batch])
        ready.wait()
        start = 0
        while not stop.is_set():
            before = time.perf_counter_ns()
            instance.predict(samples[start : start + batch])
            own.append(time.perf_counter_ns() - before)
            start = 0 if start + 2 * batch > len(samples) else start + batch

    threads = [threading.Thread(target=run, args=(own,)) for own in times]
    for thread in threads:
        thread.start()
    ready.wait()
    cpu, began = time.process_time(), time.perf_counter()
    time.sleep(given.duration)
    stop.set()
    for thread in threads:
        thread.join()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    batches = [took for own in times for took in own]
    count = len(batches) * batch
    figures = {
        "samples": count,
        "samples_per_second": count / seconds,
        "median_batch_ns": statistics.median(batches),
        "cpu_ns_per_sample": 1e9 * cpu / count,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


main()
