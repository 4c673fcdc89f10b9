"""`reproduce`: builds twice from nothing, and says what differs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlperf_bake.cli.options import Contexts, Json, Only, RoundName, Skip, TargetOptions, Targets, repeated
from mlperf_bake.cli.output import note, print_json, print_line
from mlperf_bake.errors import BuildFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.build.service import BuildOptions
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.oci.difference import Difference
    from mlperf_bake.plan.image import PlannedImage

SHOWN = 20


def reproduce(
    targets: Targets = None,
    target: TargetOptions = None,
    only: Only = None,
    skip: Skip = None,
    context: Contexts = None,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Build images twice without any cache and compare them bit by bit."""
    from mlperf_bake.build.contexts import overrides_for, parse_contexts
    from mlperf_bake.build.local_wheels import with_local_wheels
    from mlperf_bake.build.service import BuildOptions
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.engine.secrets import host_find_links, host_secrets
    from mlperf_bake.models.names import require_known_assets
    from mlperf_bake.project import open_project

    if not (targets or target or only or skip):
        raise UsageError("nothing was chosen", remedy="mlperf-bake reproduce TARGET")
    project = open_project(round_name=round_name)
    cells = project.cells([*(targets or ()), *(target or ())], only or (), skip or ())
    require_known_assets(project.matrix, (cell.model for cell in cells))
    given = parse_contexts(context or ())
    engine = find_engine()
    images = project.plan(cells, overrides_for(project, cells, engine, given, note))
    options = BuildOptions(
        checkout=project.sources,
        state=project.state,
        no_cache=True,
        secrets=host_secrets,
        complete=lambda waiting: with_local_wheels(project, waiting, host_find_links, note),
        again=repeated(context, round_name),
    )
    say = note if json else print_line
    found: dict[str, list[Difference]] = {}
    for image in images:  # one after the other: two layouts of one image are on the disk, not of all
        found[image.cell_id], digest = compared(image, engine, options, project.state / "reproduce")
        if not found[image.cell_id]:
            say(f"{image.cell_id}: the same twice, {digest}")
        for one in found[image.cell_id][:SHOWN]:
            say(f"{image.cell_id}: {one}")
    if json:
        print_json({name: [_plain(one) for one in differing] for name, differing in found.items()})
    different = [name for name, differing in found.items() if differing]
    if different:
        raise BuildFailed(
            f"{len(different)} of {len(found)} images differ from build to build",
            found="; ".join(f"{name}: {len(found[name])} differences" for name in different),
            remedy="find what writes the files that are named above, and make it write the same each time",
        )


def compared(
    image: PlannedImage, engine: Engine, options: BuildOptions, place: Path
) -> tuple[list[Difference], str]:
    """What differs between two builds of an image, and the digest of the first one's image.

    Errors:
        BuildFailed: it was not built twice.
    """
    from dataclasses import replace
    from functools import partial

    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.build.service import build_images
    from mlperf_bake.oci.difference import differences
    from mlperf_bake.oci.layout import Layout

    layouts = []
    try:
        for name in ("first", "second"):
            output = Output(layouts=place / name)
            anew = replace(options, output=output, no_cache=True, deliver=partial(_kept, output))
            report = build_images([image], engine, anew, say=note)
            report.raise_if_failed()
            layouts.append(Layout(place / name / image.cell_id))
        first, second = layouts
        return list(differences(first, second)), first.images()[0].manifest.digest
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _kept(
    output: Output, image: PlannedImage, said: Callable[[str], None], stopped: Callable[[], bool]
) -> str:
    """Leaves the image where it was built, as it would be published."""
    from mlperf_bake.build.settled import settled

    return settled(image, output, stopped).top.digest


def _plain(one: Difference) -> dict[str, str]:
    return {"where": one.where, "what": one.what, "first": one.first, "second": one.second}
