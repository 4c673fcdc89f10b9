"""The least that Python can do with a runtime: a class of the backend `python` in threads, each running batch after batch.

    python3 -S bare_python.py --cell FILE --data DIR --scenario Offline|SingleStream --workers N --threads M --batch B
        --duration SECONDS

prints {"samples": N, "samples_per_second": x, "median_batch_ns": x, "cpu_ns_per_sample": x}. What the harness adds to this
is its cost. Class, packages and weights are those of cell.conf; the Python that runs this must be the packages' own.
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
    """The command line, in the harness's own words."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cell", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scenario", default="Offline")
    for name in ("workers", "threads", "batch"):
        parser.add_argument(f"--{name}", type=int, default=1)
    parser.add_argument("--duration", type=float, default=2.0)
    return parser.parse_args()


def read_cell(conf: Path) -> dict[str, str]:
    """The keys of cell.conf."""
    lines = (line.partition("=") for line in conf.read_text(encoding="utf-8").splitlines())
    return {key.strip(): value.strip() for key, equals, value in lines if equals}


def facts(keys: dict[str, str]) -> types.SimpleNamespace:
    """What the class is told of the cell."""
    told = {
        name: keys[name]
        for name in ("model", "precision", "input_name", "input_dtype", "output_name", "output_kind")
    }
    shape = tuple(int(extent) for extent in keys["input_shape"].split("x"))
    return types.SimpleNamespace(id=keys["cell"], input_shape=shape, classes=int(keys["classes"]), **told)


def class_in(path: Path) -> type:
    """The class of a file that holds one."""
    names: dict = {"__name__": "bare", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    [found] = [value for value in names.values() if isinstance(value, type) and hasattr(value, "predict")]
    return found


def main() -> None:
    """Loads, warms up in the thread that will run, runs for the duration, prints."""
    given = arguments()
    keys, here = read_cell(given.cell), given.cell.absolute().parent
    sys.path.insert(0, str(here / keys["backend.packages"]))
    import numpy as np

    single = given.scenario == "SingleStream"
    workers, batch = (1, 1) if single else (given.workers, given.batch)
    cls, cell = class_in(here / keys["backend.class"]), facts(keys)
    samples = np.fromfile(given.data / "samples.bin", np.float32).reshape(-1, *cell.input_shape)
    samples.flags.writeable = False
    loaded, ready, stop = threading.Barrier(workers), threading.Barrier(workers + 1), threading.Event()
    times: list[list[int]] = [[] for _ in range(workers)]

    def run(own: list[int]) -> None:
        try:
            work(own)
        except BaseException:
            for barrier in (loaded, ready):
                barrier.abort()  # else all the others would wait for this one
            stop.set()
            raise

    def work(own: list[int]) -> None:
        instance = cls()
        instance.load(str(here / keys["weights"]), cell, given.threads, batch, {})
        loaded.wait()  # as in the harness: a class may let go after its first answer of what loading needed
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
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        raise SystemExit("a worker failed, as said above") from None
    cpu, began = time.process_time(), time.perf_counter()
    time.sleep(given.duration)
    stop.set()
    for thread in threads:
        thread.join()
    if ready.broken:
        raise SystemExit("a worker failed, as said above")
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
