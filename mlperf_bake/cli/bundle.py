"""`bundle`, and what `build` does with one: images on machines without a network."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.options import Contexts, Json, Only, RoundName, Skip, TargetOptions, Targets, repeated
from mlperf_bake.cli.output import counted, note, print_json, print_line
from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.bundle.make import WantedBase
    from mlperf_bake.bundle.record import Bundle
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.plan.planner import Overrides
    from mlperf_bake.project import Project

BundleDirectory = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="DIR",
        help="Take everything from a directory that `mlperf-bake bundle` made; implies --offline.",
        show_default=False,
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Ask no hub and make no base image: only what is here already.")
]


def bundle(
    targets: Targets = None,
    target: TargetOptions = None,
    only: Only = None,
    skip: Skip = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where to; one that is there is added to.")
    ] = Path("bundle"),
    context: Contexts = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Do every step anew, so that what each made is in it.")
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Fetch and check everything that images need, so that a machine without a network builds them."""
    from mlperf_bake.build.contexts import overrides_for, parse_contexts
    from mlperf_bake.build.local_wheels import with_local_wheels
    from mlperf_bake.build.service import BuildOptions
    from mlperf_bake.bundle.make import make_bundle
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.engine.secrets import host_find_links, host_secrets
    from mlperf_bake.models.names import require_known_assets
    from mlperf_bake.project import open_project

    if not (targets or target or only or skip):
        raise UsageError("nothing was chosen", remedy="mlperf-bake bundle TARGET --out DIR")
    project, out = open_project(round_name=round_name), out.expanduser()
    cells = project.cells([*(targets or ()), *(target or ())], only or (), skip or ())
    require_known_assets(project.matrix, (cell.model for cell in cells))
    given = parse_contexts(context or ())
    engine = find_engine()
    overrides = overrides_for(project, cells, engine, given, note)
    again = repeated(context, round_name)
    options = BuildOptions(
        checkout=project.sources,
        state=project.state,
        no_cache=no_cache,
        secrets=host_secrets,
        complete=lambda waiting: with_local_wheels(project, waiting, host_find_links, note),
        again=again,
    )
    say = note if json else print_line
    bases = wanted_bases(project, cells, overrides, engine)
    images = project.plan(cells, overrides)
    made = make_bundle(out, images, bases, engine, options, project.revision, say)
    size = sum(made.blobs.values())
    if json:
        print_json({"bundle": str(out), "files": len(made.blobs), "bytes": size, "cells": _cells(made)})
    else:
        print_line(
            f"{out}: {counted(len(made.cells), 'cell')}, {counted(len(made.blobs), 'file')}, {size / 1e9:.2f} GB"
        )
        command = ["mlperf-bake", "build", cells[0].id, "--offline", "--bundle", str(out), *again]
        print_line(f"copy it with the checkout; there: {shlex.join(command)}")


def wanted_bases(
    project: Project, cells: Sequence[Cell], overrides: Overrides, engine: Engine
) -> tuple[WantedBase, ...]:
    """The base images of these cells, those that are not given by the user."""
    from mlperf_bake.build.contexts import IMAGE_PREFIX
    from mlperf_bake.bundle.make import WantedBase

    wanted: dict[tuple[str, str], None] = {}
    for cell in cells:
        platform = project.matrix.hardware[cell.hardware].platform
        for name, key, needed in project.matrix.images_of(cell, platform, engine.platform):
            if name not in overrides.every:
                wanted[key, needed] = None
    found = []
    for key, platform in sorted(wanted):
        own = overrides.bases.get((key, platform))
        reference = own.value.removeprefix(IMAGE_PREFIX) if own else str(project.lock.bases[key].pinned)
        found.append(WantedBase(key, platform, reference, locked=own is None))
    return tuple(found)


def offline_parts(
    project: Project,
    engine: Engine,
    cells: Sequence[Cell],
    given: Mapping[str, str],
    directory: Path | None,
    output: Output,
    say: Callable[[str], None],
    load: bool = True,
) -> tuple[Overrides, Output]:
    """The contexts and caches of a build that no network is asked for.

    Args:
        directory: a bundle; None for what the engine has.
        load: whether the engine gets the bundle's base images; without, those it lacks are named.

    Errors:
        UsageError: the bundle is not whole, or was not made for these cells or this kind of machine.
    """
    from dataclasses import replace

    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.bundle.record import open_bundle
    from mlperf_bake.bundle.use import (
        bundled_cache,
        farm_of,
        load_bases,
        name_bases,
        offline_overrides,
        require_bundled,
    )

    if directory is None:
        return present_overrides(project, engine, cells, given), output
    found = open_bundle(directory.expanduser().resolve())
    if found.build_platform != engine.platform:
        raise UsageError(
            "the bundle was made on another kind of machine",
            where=str(directory),
            found=found.build_platform,
            expected=engine.platform,
            remedy="make it where the engine's platform is the same",
        )
    (load_bases if load else name_bases)(found, engine, say)
    farm = farm_of(found, project.state / "bundle")
    overrides = offline_overrides(present_overrides(project, engine, cells, given), found, farm)
    require_bundled(found, project.plan(cells, overrides), say)
    return overrides, replace(output, cache_from=(*output.cache_from, *bundled_cache(found, farm)))


def _cells(made: Bundle) -> list[dict[str, str]]:
    return [
        {"cell": one.cell, "platform": one.platform, "fingerprint": one.fingerprint} for one in made.cells
    ]
