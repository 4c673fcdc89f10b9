"""How much disk a build may take, told before it starts, and asked again before each image.

What earlier builds left is in the journal: the size of each image, shared layers included. The estimate adds these up in
full, as if the images shared nothing, so it is what a build takes at most but for intermediate stages; hence too little
room for it is a warning, and only too little for a single build a refusal, when no build cache can make way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from mlperf_bake.build.journal import Entry
from mlperf_bake.engine.disk import BUILD_NEEDS, GIB, free_bytes
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.reclaim import OTHER_ROOM, Say, engine_disk, require_engine_room, spare
from mlperf_bake.plan.image import PlannedImage

UNKNOWN = GIB // 2
"""An image of which nothing is known: those of this matrix take 0.2 to 1 GiB."""
LEFT_OVER = GIB
"""Bytes that must be free for one more build to start after the first."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes that images take at most.

    Attributes:
        total: of all of them, and of the stages that the first one needs.
        images: how many.
        known: of how many an earlier build told the size.
    """

    total: int
    images: int
    known: int

    def __str__(self) -> str:
        """In words, for a sentence."""
        source = (
            f"{self.known} of {self.images} by the size of an earlier build"
            if self.known
            else "by rule of thumb"
        )
        images = "1 image" if self.images == 1 else f"{self.images} images"
        return f"up to {self.total / GIB:.1f} GiB for {images} ({source})"


def estimate(images: Sequence[PlannedImage], entries: Iterable[Entry]) -> Estimate:
    """What these images take at most, by the newest size of each cell that a journal knows; others count as the median."""
    sizes = {entry.cell: entry.size for entry in entries if entry.what == "built" and entry.size > 0}
    typical = int(median(sizes.values())) if sizes else UNKNOWN
    known = [sizes[image.cell_id] for image in images if image.cell_id in sizes]
    total = BUILD_NEEDS + sum(known) + typical * (len(images) - len(known))
    return Estimate(total, len(images), len(known))


def warning(engine: Engine, wanted: Estimate, say: Say) -> str:
    """A sentence where the engine's disk has less than the estimate, build cache that can make way included; empty where
    it suffices or cannot be seen.

    Errors:
        DiskFull: not even one build fits.
        EngineMissing: the engine went away.
    """
    require_engine_room(engine, BUILD_NEEDS, "a build", say)
    disk = engine_disk(engine)
    if disk is None or (free := free_bytes(disk)) >= wanted.total or free + spare(engine) >= wanted.total:
        return ""
    return (
        f"{disk} has {free / GIB:.1f} GiB free, and this build takes {wanted}; "
        f"images are started as long as there is room. {OTHER_ROOM}"
    )


def require_room_for_one_more(engine: Engine, say: Say) -> None:
    """Asked before each image. Errors: DiskFull, EngineMissing."""
    require_engine_room(engine, LEFT_OVER, "another image", say)
