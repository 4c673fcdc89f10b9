"""The axes along which workers, threads and batch are varied, and the climb along them.

Every axis is an ordered list that the current execution is part of. The climb goes up it while that is better, else
down; what lies beyond a worse one is taken to be worse too. One pass over all axes, then another while the last one
changed something.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from mlperf_bake.tune.setting import Execution

MOST_BATCH = 128
MULTISTREAM_SAMPLES = 8

Axis = Callable[[Execution], tuple[Execution, ...]]
Challenge = Callable[[Execution], bool | None]
"""Whether an execution beats the best one so far; None where no run is left to find out."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What the user gave and the search leaves alone."""

    workers: int | None = None
    threads: int | None = None
    batch: int | None = None


def axes(scenario: str, cpus: int, fixed: Fixed) -> tuple[Axis, ...]:
    """The axes of a scenario on a machine with so many usable CPUs.

    Returns:
        Threads (all CPUs shared out among fewer, wider workers), batch, workers; less what the scenario or the user fixes.
        MultiStream comes with one more, along which threads and batch grow together.
    """
    threads, batches = _powers(cpus), _powers(MOST_BATCH)
    if scenario == "MultiStream":
        batches = _powers(MULTISTREAM_SAMPLES)

    def shapes(now: Execution) -> tuple[Execution, ...]:
        if scenario == "SingleStream" or fixed.workers is not None:
            return _along(now, (replace(now, threads=each) for each in threads))
        return _along(now, (replace(now, threads=each, workers=max(1, cpus // each)) for each in threads))

    def shares(now: Execution) -> tuple[Execution, ...]:
        """A MultiStream query dealt out in one round: fewer workers get larger batches."""
        dealt = ((max(1, cpus // each), each) for each in threads)
        return _along(now, (Execution(w, t, -(-MULTISTREAM_SAMPLES // w)) for w, t in dealt))

    def batch(now: Execution) -> tuple[Execution, ...]:
        return _along(now, (replace(now, batch=each) for each in batches))

    def workers(now: Execution) -> tuple[Execution, ...]:
        around = {max(1, now.workers // 2), now.workers, 2 * now.workers}
        return _along(now, (replace(now, workers=each) for each in around))

    chosen: list[Axis] = []
    if scenario == "MultiStream" and fixed == Fixed():
        chosen.append(shares)
    if fixed.threads is None:
        chosen.append(shapes)
    if scenario != "SingleStream":
        if fixed.batch is None:
            chosen.append(batch)
        if fixed.workers is None:
            chosen.append(workers)
    return tuple(chosen)


def climb(start: Execution, along: tuple[Axis, ...], challenge: Challenge) -> Execution:
    """The best execution that was found; each is challenged at most once.

    Args:
        start: is known to run.
        along: the axes, in the order of what matters most.
        challenge: decides between an execution and the best one so far.
    """
    best, seen = start, {start}
    while True:
        before = best
        for axis in along:
            for step in (1, -1):
                moved = False
                while (rival := _neighbour(axis(best), best, step)) is not None and rival not in seen:
                    seen.add(rival)
                    better = challenge(rival)
                    if better is None:
                        return best
                    if not better:
                        break
                    best, moved = rival, True
                if moved:
                    break
        if best == before:
            return best


def _neighbour(line: tuple[Execution, ...], now: Execution, step: int) -> Execution | None:
    at = line.index(now) + step
    return line[at] if 0 <= at < len(line) else None


def _along(now: Execution, others: Iterable[Execution]) -> tuple[Execution, ...]:
    """In the order of threads, then batch, then workers; on one axis only one of them differs, or threads lead."""
    return tuple(sorted({now, *others}, key=lambda each: (each.threads, each.batch, each.workers)))


def _powers(most: int) -> tuple[int, ...]:
    """1, 2, 4, ... up to ``most``, and ``most``."""
    powers = [1]
    while powers[-1] * 2 <= most:
        powers.append(powers[-1] * 2)
    return tuple(powers) if powers[-1] == most else (*powers, most)
