"""`build`: choose cells, plan them, build what is not built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.cli.bundle import BundleDirectory, Offline, offline_parts
from mlperf_bake.cli.options import Contexts, Json, Only, RoundName, Skip, TargetOptions, Targets, repeated
from mlperf_bake.cli.output import note, print_json
from mlperf_bake.cli.publishing import (
    CacheFrom,
    CacheTo,
    Platforms,
    Push,
    RegistryPrefix,
    name_families,
    named_json,
    output_of,
    published,
)
from mlperf_bake.cli.sharding import Durations, ShardOption, shard_of
from mlperf_bake.errors import NothingSelected, UsageError

if TYPE_CHECKING:
    from mlperf_bake.plan.image import PlannedImage


def build(
    targets: Targets = None,
    target: TargetOptions = None,
    only: Only = None,
    skip: Skip = None,
    everything: Annotated[bool, typer.Option("--all", help="Build every cell of the matrix.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, metavar="N", help="Builds at a time [half the CPUs].", show_default=False
        ),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            metavar="MINUTES",
            help="End the build of an image that takes longer.",
            show_default=False,
        ),
    ] = None,
    context: Contexts = None,
    platform: Platforms = "",
    push: Push = False,
    registry: RegistryPrefix = "",
    cache_to: CacheTo = None,
    cache_from: CacheFrom = None,
    bundle: BundleDirectory = None,
    offline: Offline = False,
    builder: Annotated[
        str, typer.Option("--builder", metavar="NAME", help="Build on this buildx builder.")
    ] = "",
    shard: ShardOption = "",
    durations: Durations = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Start no build after a failure.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build images that are up to date too.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Do every step anew; implies --force.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show what would be built and why, with --json as the bake file; pull, make and build nothing.",
        ),
    ] = False,
    round_name: RoundName = "",
    json: Json = False,
) -> None:
    """Build images."""
    from rich.console import Console

    from mlperf_bake.build.contexts import foreseen_overrides, overrides_for, parse_contexts
    from mlperf_bake.build.elsewhere import require_builder, require_layouts, with_layouts
    from mlperf_bake.build.intention import intention
    from mlperf_bake.build.local_wheels import with_local_wheels
    from mlperf_bake.build.report import print_report, report_json
    from mlperf_bake.build.service import BuildOptions, BuildReport, bake_files, build_images, default_jobs
    from mlperf_bake.cli.intention import print_intention
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.engine.secrets import host_find_links, host_secrets
    from mlperf_bake.models.names import require_known_assets
    from mlperf_bake.project import open_project

    if time_limit is not None and not 0 < time_limit < float("inf"):
        raise UsageError("--time-limit takes minutes", found=f"{time_limit:g}", expected="more than 0")
    project = open_project(round_name=round_name)
    output, publisher = output_of(project, push, registry, cache_to or (), cache_from or ())
    if not (everything or targets or target or only or skip or platform):
        raise UsageError(
            "nothing was chosen to build",
            expected=f"a target, --only, --skip or --platform; --all for each of {len(project.cells())} cells",
            remedy="mlperf-bake plan shows what a build would do; mlperf-bake build --all does it",
        )
    cells = project.cells([*(targets or ()), *(target or ())], only or (), skip or ())
    if platform:
        from mlperf_bake.publish.families import on_platforms

        cells = on_platforms(project.matrix, cells, platform.split(","))
        if not cells:
            raise NothingSelected(
                "no chosen cell is of this platform",
                found=platform,
                expected=", ".join(sorted({value.platform for value in project.matrix.hardware.values()})),
                remedy="leave --platform out, or choose other cells: mlperf-bake list --json names their platforms",
            )
    cells = shard_of(cells, shard, durations)
    if not cells:  # more machines than cells: this one is done
        if json:
            print_json(report_json(BuildReport((), (), ())))
        return
    require_known_assets(project.matrix, (cell.model for cell in cells))
    given = parse_contexts(context or ())
    engine = find_engine()
    if not dry_run:
        require_builder(engine, builder)
    if offline or bundle is not None:
        overrides, output = offline_parts(
            project, engine, cells, given, bundle, output, note, load=not dry_run
        )
    else:
        choose = foreseen_overrides if dry_run else overrides_for
        overrides = choose(project, cells, engine, given, note)
    require_layouts(engine, output, builder)
    images = project.plan(cells, overrides)

    def complete(waiting: Sequence[PlannedImage]) -> Sequence[PlannedImage]:
        ready = with_local_wheels(project, waiting, host_find_links, note)
        return (
            with_layouts(ready, engine, project.state / "bases", note) if builder and not dry_run else ready
        )

    options = BuildOptions(
        checkout=project.sources,
        state=project.state,
        jobs=jobs or default_jobs(),
        keep_going=not fail_fast,
        force=force,
        no_cache=no_cache,
        secrets=host_secrets,
        complete=complete,
        output=output,
        builder=builder,
        deliver=publisher.deliver if publisher else None,
        delivered=publisher.delivered if publisher else None,
        name_again=publisher.name_again if publisher else None,
        limit_s=None if time_limit is None else time_limit * 60,
        again=(
            *repeated(context, round_name),
            *((f"--builder={builder}",) if builder else ()),
            *((f"--bundle={bundle}",) if bundle is not None else ()),
            *(("--offline",) if offline else ()),
            *(("--push",) if push else ()),
            *((f"--registry={registry}",) if registry else ()),
        ),
    )
    if dry_run and json:
        for text in bake_files(images, options):
            typer.echo(text, nl=False)
        return
    if dry_run:
        print_intention(intention(images, engine, options, project.round_name))
        return
    console = Console(stderr=json)
    report = build_images(
        images, engine, options, origin=project.origin, console=console, say=note if json else typer.echo
    )
    if not json:
        print_report(report, console)
    say = note if json else typer.echo
    named, unnamed = (
        name_families(project, engine, published(report, cells), given, publisher, say)
        if publisher
        else ((), None)
    )
    if json:
        print_json({**report_json(report), **({"families": named_json(named)} if publisher else {})})
    report.raise_if_failed()
    if unnamed:
        raise unnamed
