"""Does the same to many things in several processes, in order; in this one where they are few.

The processes are forked, so that what they work on is there without being sent; only results are. Where the
system cannot fork, or kills a process, the work is done here: the answer is the same either way.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")
BATCHES: Final = 8
"""Into so many parts each process's work is cut, so that none waits long for the last."""

_work: tuple[Callable[[Any], Any], Sequence[Any]] | None = None
"""In a forked process: what to do, and to what."""


def _begin(work: Callable[[Any], Any], things: Sequence[Any]) -> None:
    global _work
    _work = work, things
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(index: int) -> Any:
    if _work is None:
        raise RuntimeError("the process was not begun")
    work, things = _work
    return work(things[index])


def processes() -> int:
    """How many processes may work at once here; 1 where the system cannot fork."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(work: Callable[[T], R], things: Sequence[T], workers: int) -> list[R]:
    """``work`` of every thing, in order.

    Args:
        work: what it gives must be picklable.
        workers: how many processes; 1: this one.
    """
    if workers < 2 or len(things) < 2:
        return [work(thing) for thing in things]
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("fork"), initializer=_begin, initargs=(work, things)
    )
    try:
        chunk = max(1, len(things) // (workers * BATCHES))
        return list(executor.map(_one, range(len(things)), chunksize=chunk))
    except (BrokenProcessPool, BlockingIOError):
        return [work(thing) for thing in things]
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
