"""Raw samples through a preprocessing in several processes, in order, with a bounded number under way."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process

from mlperf_bake.assets.preprocessing import Preprocessing, Unreadable
from mlperf_bake.assets.raw_samples import RawSample
from mlperf_bake.datasets.preprocessings import find_known
from mlperf_bake.errors import UsageError

BATCH = 32  # samples a process takes at once: some 20 MB of values for photos
BATCH_BYTES = 1 << 24  # or as many as have so many bytes: a volume alone is more
BATCHES_UNDER_WAY = 3  # a process: one in work, one waiting, one to be written
LARGE = 1 << 26  # bytes of values: a handful of volumes
IN_PROCESS = 256  # up to so many photos starting processes takes longer than the work


@dataclass(frozen=True, slots=True)
class Row:
    """A prepared sample: its values, row-major and little-endian, and its shape."""

    values: bytes
    extents: tuple[int, ...]


def batches(
    preprocessing: Preprocessing,
    samples: Iterator[RawSample],
    count: int,
    workers: int | None,
    size: int = 0,
) -> Iterator[tuple[list[int], list[Row]]]:
    """Labels of successive batches, and the values of each of their samples; the bytes do not depend on the number of processes.

    Args:
        count: of the samples.
        workers: processes; left out, the processors this process may use.
        size: bytes of all their values, where these differ in size: few large ones are work for several processes too.

    Raises:
        UsageError: a sample cannot be read.
    """
    large = size >= LARGE
    processes = min(workers or len(os.sched_getaffinity(0)), count if large else -(-count // BATCH))
    small = not preprocessing.heavy or (count <= IN_PROCESS and not large)
    if processes <= 1 or (workers is None and small):
        for batch in _split(samples):
            yield [sample.label for sample in batch], _apply(preprocessing.id, batch)
        return
    # A fresh interpreter each: forking one that has threads can deadlock.
    with ProcessPoolExecutor(processes, get_context("spawn"), _start_worker) as pool:
        under_way: deque[tuple[list[int], Future[list[Row]]]] = deque()
        try:
            for batch in _split(samples):
                under_way.append(
                    ([sample.label for sample in batch], pool.submit(_apply, preprocessing.id, batch))
                )
                if len(under_way) >= processes * BATCHES_UNDER_WAY:
                    labels, future = under_way.popleft()
                    yield labels, future.result()
            while under_way:
                labels, future = under_way.popleft()
                yield labels, future.result()
        except BrokenExecutor as error:
            raise UsageError(
                "a process that prepares samples was killed",
                found="most often for memory",
                remedy="try again with fewer processes: --workers 1",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Leaves Ctrl-C, which reaches every process of the terminal, to the first; ends with it however it ends; keeps NumPy to one
    thread each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    """A process killed with SIGKILL cannot stop the others, which would wait for work forever."""
    first = parent_process()
    assert first is not None  # only the pool calls this
    first.join()
    os._exit(1)


def _split(samples: Iterable[RawSample]) -> Iterator[list[RawSample]]:
    batch: list[RawSample] = []
    size = 0
    for sample in samples:
        batch.append(sample)
        size += len(sample.data)
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _apply(preprocessing: str, batch: list[RawSample]) -> list[Row]:
    """The values of each sample of a batch; runs in another process."""
    import numpy as np

    steps = find_known(preprocessing)
    rows: list[Row] = []
    for sample in batch:
        try:
            values = steps.apply(sample.data)
        except Unreadable as error:
            raise UsageError(
                "the sample cannot be read",
                where=sample.name,
                found=str(error),
                remedy="replace the file by a whole copy",
            ) from error
        row = values.astype(np.dtype(steps.dtype).newbyteorder("<"), copy=False).tobytes()
        rows.append(Row(row, values.shape))
    return rows
