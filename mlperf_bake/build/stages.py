"""Build the stages of an image one by one, where the image itself cannot be built: how much of it works on this machine.

What a stage makes stays in the engine's build cache, where a later build of the image finds it; no image comes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mlperf_bake.build.failures import Origin, explain_failure
from mlperf_bake.build.stopping import sigterm_as_interrupt
from mlperf_bake.build.target import BakeCall, BakeTarget, TargetOutcome
from mlperf_bake.errors import Interrupted
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.render.stages import stages


@dataclass(frozen=True, slots=True)
class BuiltStages:
    """How far the stages of one image came.

    Attributes:
        built: those that were built, in the Dockerfile's order.
        left: those that were not: they failed, or need one that did.
    """

    built: tuple[str, ...]
    left: tuple[str, ...]


def build_stages(
    image: PlannedImage, call: BakeCall, origin: Origin | None, say: Callable[[str], None]
) -> BuiltStages:
    """Builds every stage that has steps of its own and that no named context replaces; one that fails leaves out what needs it.

    Args:
        call: as for the image; each stage has its log below ``<logs>/<cell>/``.
        origin: where a line of the Dockerfile comes from.
        say: told of each stage; of one that failed by itself why, and what to do about it.

    Errors:
        Interrupted: Ctrl-C or SIGTERM; nothing goes on.
    """
    given = {name for name, _ in image.contexts}
    built: list[str] = []
    left: list[str] = []
    unusable: set[str] = set()
    for stage in stages(image.dockerfile):
        if stage.name in given:
            continue
        if stage.needs & unusable:
            unusable.add(stage.name)
            if stage.works:
                left.append(stage.name)
            continue
        if not stage.works:
            continue
        outcome, own = _build(image, stage.name, call)
        if outcome.succeeded:
            built.append(stage.name)
            say(f"  {stage.name}: built ({outcome.seconds:.0f} s)")
            continue
        failure = explain_failure(
            image.cell_id, image.dockerfile_path, outcome.events, own.log_file(outcome.image), origin
        )
        unusable.add(stage.name)
        left.append(stage.name)
        say(f"  {stage.name}: not built: {failure.message}; {failure.remedy}")
    return BuiltStages(tuple(built), tuple(left))


def _build(image: PlannedImage, stage: str, call: BakeCall) -> tuple[TargetOutcome, BakeCall]:
    """One stage, by a call of its own that keeps its log apart from the others."""
    own = replace(call, logs=call.logs / image.cell_id, output=replace(call.output, stage=stage))
    target = BakeTarget(own, replace(image, cell_id=stage))
    with sigterm_as_interrupt():
        try:
            return target.run(lambda _: None), own
        except KeyboardInterrupt:
            target.stop()
            raise Interrupted(
                "the build was interrupted",
                where=f"{image.cell_id}, stage {stage}",
                remedy="the same command again",
            ) from None
