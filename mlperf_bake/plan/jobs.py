"""Published cells as the jobs of a CI system: each for one platform, so that a native machine can take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Cell
from mlperf_bake.plan.shards import divide


@dataclass(frozen=True, slots=True)
class Job:
    """What one machine builds.

    Attributes:
        name: ``amd64-1-of-4``; unique among the jobs.
        platform: ``linux/amd64``; every cell's.
        cells: ids, at least one.
    """

    name: str
    platform: str
    cells: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """``amd64``: the platform without its system."""
        return self.platform.partition("/")[2]


def ci_jobs(
    matrix: Matrix, cells: Iterable[Cell], shards: int, seconds: Mapping[str, float] | None = None
) -> tuple[Job, ...]:
    """The jobs, by platform; none is empty, so a platform with few cells has fewer than ``shards``.

    Args:
        seconds: how long cells took, by id (``divide``).
    """
    by_platform: dict[str, list[Cell]] = {}
    for cell in cells:
        by_platform.setdefault(matrix.hardware[cell.hardware].platform, []).append(cell)
    jobs: list[Job] = []
    for platform, members in sorted(by_platform.items()):
        parts = [part for part in divide(members, min(shards, len(members)), seconds) if part]
        for number, part in enumerate(parts, 1):
            name = f"{platform.partition('/')[2]}-{number}-of-{len(parts)}"
            jobs.append(Job(name, platform, tuple(cell.id for cell in part)))
    return tuple(jobs)
