"""What a build of these images would do, and why, without doing any of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.durations import durations
from mlperf_bake.build.room import Estimate, estimate
from mlperf_bake.build.service import BuildOptions, ids_there
from mlperf_bake.build.state import states
from mlperf_bake.engine.find import Engine
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.state import State

ASKED = State("build", "asked for, whether it is up to date or not")


@dataclass(frozen=True, slots=True)
class Intention:
    """What would be done.

    Attributes:
        states: each image, and what a build would do with it.
        seconds: cell id to how long its last builds took here at most; without those never built here.
        room: what the images that would be built take on the disk at most.
        jobs: builds at the same time.
        output: where they go.
    """

    states: tuple[tuple[PlannedImage, State], ...]
    seconds: dict[str, float]
    room: Estimate
    jobs: int
    output: Output

    @property
    def to_build(self) -> tuple[PlannedImage, ...]:
        """Those that would be built."""
        return tuple(image for image, state in self.states if state.action == "build")


def intention(
    images: Sequence[PlannedImage], engine: Engine, options: BuildOptions, round_name: str
) -> Intention:
    """What ``build_images`` would do with these images of a round now.

    Raises:
        EngineMissing: the engine does not answer.
    """
    if options.force or options.no_cache:
        judged = [ASKED] * len(images)
    else:
        there = ids_there(images, engine, options)
        asked = [options.output.tags(image)[0] for image in images]
        judged = states(images, there, asked, engine.host, round_name)
    pairs = tuple(zip(images, judged, strict=True))
    entries = options.journal.entries()
    waiting = [image for image, one in pairs if one.action == "build"]
    taken = durations(entries)
    return Intention(
        pairs,
        {image.cell_id: taken[image.cell_id] for image in waiting if image.cell_id in taken},
        estimate(waiting, entries),
        options.jobs,
        options.output,
    )
