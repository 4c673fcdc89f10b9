"""`pull`: published images in place of a build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Json, Only, RoundName, Skip, TargetOptions, Targets
from mlperf_bake.cli.output import note, print_json, print_line
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.plan.image import PlannedImage
    from mlperf_bake.publish.delivery import Publisher

PULL_S = 7200.0


def pull(
    registry: Annotated[
        str, typer.Option("--registry", metavar="HOST/PREFIX", help="Where they were published.")
    ],
    targets: Targets = None,
    target: TargetOptions = None,
    only: Only = None,
    skip: Skip = None,
    newest: Annotated[
        bool,
        typer.Option(
            "--newest", help="Take what was published last where this checkout's own image is not there."
        ),
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Take published images by their digests, so that `run` finds them as if they were built here."""
    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.cli.publishing import publisher_to
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.project import open_project

    if not (targets or target or only or skip):
        raise UsageError("nothing was chosen", remedy="mlperf-bake pull TARGET --registry HOST/PREFIX")
    project = open_project(round_name=round_name)
    cells = project.cells([*(targets or ()), *(target or ())], only or (), skip or ())
    publisher = publisher_to(registry, Output())
    engine = find_engine()
    say = note if json else print_line
    # As CI builds them, on the locked base images; else as this machine does, where it made a base image itself.
    locked, own = project.plan(cells), project.plan(cells, present_overrides(project, engine, cells))
    chosen = [published(pair, publisher) for pair in zip(locked, own, strict=True)]
    taken = {image.cell_id: take(image, publisher, engine, newest, say) for image in chosen}
    if json:
        print_json(taken)


def published(images: Sequence[PlannedImage], publisher: Publisher) -> PlannedImage:
    """The first of these images that is in the registry; the first of all where none is. Errors: RegistryFailed."""
    if len({image.fingerprint for image in images}) == 1:
        return images[0]
    return next((image for image in images if publisher.delivered(image)), images[0])


def take(
    image: PlannedImage, publisher: Publisher, engine: Engine, newest: bool, say: Callable[[str], None]
) -> str:
    """Has the engine pull an image by its digest and name it as a build would; returns the reference with the digest.

    Errors:
        UsageError: it is not published, or the engine cannot pull it.
        RegistryFailed: the registry does not answer.
    """
    from mlperf_bake.build.state import named_images
    from mlperf_bake.publish.delivery import fixed_tag, moving_tag

    repository = publisher.repository(image)
    place = f"{publisher.prefix.host}/{repository}"
    registry = publisher.connect(say, lambda: False)
    digest = registry.digest(repository, fixed_tag(image))
    if not digest and newest:
        digest = registry.digest(repository, moving_tag(image))
        if digest:
            say(f"{image.cell_id}: this checkout's image is not published; taking the newest that is")
    if not digest:
        raise UsageError(
            "this image is not published",
            where=f"{place}:{fixed_tag(image)}",
            expected="any image of this cell" if newest else "an image of exactly this checkout",
            remedy=f"mlperf-bake build {image.cell_id}"
            + ("" if newest else ", or --newest takes what was published last"),
        )
    reference = f"{place}@{digest}"
    say(f"pulling {reference}")
    done = engine.call("pull", "--quiet", "--platform", image.platform, reference, timeout=PULL_S)
    if not done.ok:
        raise UsageError(
            "the engine cannot pull the image",
            where=reference,
            found=done.complaint,
            remedy=f"docker login {publisher.prefix.host}, or mlperf-bake doctor; then the same command",
        )
    fingerprints = tuple(named_images(engine.host, (reference,)))
    names = image.tags if image.fingerprint in fingerprints else image.tags[-1:]
    for name in names:
        engine.call("image", "tag", reference, name)
    return reference
