"""What `build` does for a registry: options, where images go, and the families' names at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mlperf_bake.errors import UsageError

if TYPE_CHECKING:
    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.build.service import BuildReport
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.project import Project
    from mlperf_bake.publish.delivery import Publisher
    from mlperf_bake.publish.families import Named
    from mlperf_bake.publish.registry import RegistryFailed

Push = Annotated[
    bool,
    typer.Option(
        "--push",
        help="Publish to --registry, with provenance and bill of materials; nothing half, nothing twice.",
    ),
]
RegistryPrefix = Annotated[
    str,
    typer.Option(
        "--registry",
        metavar="HOST/PREFIX",
        help="Put this in front of every tag; without --push nothing is sent there.",
    ),
]
Platforms = Annotated[
    str,
    typer.Option(
        "--platform",
        metavar="linux/ARCH[,...]",
        help="Keep cells of these platforms, and add what a chosen cell is on the others.",
    ),
]
CacheTo = Annotated[
    list[str] | None,
    typer.Option(
        "--cache-to",
        metavar="type=registry,ref=HOST/REPOSITORY",
        help="Keep build caches there for other machines (also type=local,dest=DIR and type=gha).",
        show_default=False,
    ),
]
CacheFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--cache-from", metavar="PLACE", help="Take build caches from there, likewise.", show_default=False
    ),
]


def output_of(
    project: Project, push: bool, registry: str, cache_to: Iterable[str], cache_from: Iterable[str]
) -> tuple[Output, Publisher | None]:
    """Where images go, and who sends them there.

    Errors:
        UsageError: not a registry, not a place for a cache, or ``push`` without a registry.
    """
    from mlperf_bake.build.bakefile import Output
    from mlperf_bake.build.cache import parse_cache
    from mlperf_bake.publish.prefix import parse_prefix

    if push and not registry:
        raise UsageError("--push needs a registry", remedy="--push --registry registry.example/team")
    prefix = str(parse_prefix(registry)) if registry else ""
    output = Output(
        registry=prefix,
        cache_to=tuple(map(parse_cache, cache_to)),
        cache_from=tuple(map(parse_cache, cache_from)),
    )
    if not push:
        return output, None
    output = replace(output, layouts=project.state / "layouts")
    return output, publisher_to(prefix, output)


def publisher_to(registry: str, output: Output, pause: Callable[[float], None] = time.sleep) -> Publisher:
    """Who sends images to a registry, with this machine's certificates and docker's logins.

    Args:
        pause: waits that many seconds before a request is repeated.

    Errors:
        UsageError: not a registry.
    """
    from mlperf_bake.publish.credentials import login, open_session
    from mlperf_bake.publish.delivery import Publisher
    from mlperf_bake.publish.prefix import parse_prefix
    from mlperf_bake.publish.registry import Registry

    prefix = parse_prefix(registry)

    def connect(said: Callable[[str], None], stopped: Callable[[], bool]) -> Registry:
        return Registry(prefix, open_session(prefix), lambda: login(prefix.host), said, stopped, pause)

    return Publisher(prefix, output, connect)


def name_families(
    project: Project,
    engine: Engine,
    cells: Sequence[Cell],
    given: dict[str, str],
    publisher: Publisher,
    say: Callable[[str], None],
) -> tuple[tuple[Named, ...], RegistryFailed | None]:
    """Moves the name of each family that these cells are members of, where all its members are published.

    Returns:
        What became of the families, and why the rest of them was left where it was: what was built is told all the same.
    """
    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.publish.families import families_of, name_family
    from mlperf_bake.publish.registry import RegistryFailed

    named: list[Named] = []
    for family in families_of(project.matrix, cells):
        overrides = present_overrides(project, engine, family.members, given)
        try:
            found = name_family(publisher, family, project.plan(family.members, overrides), say)
        except RegistryFailed as error:
            return tuple(named), error
        say(
            f"{family.name} names {found.reference}"
            if found.reference
            else f"{family.name} stays where it is: not published yet: {', '.join(found.missing)}"
        )
        named.append(found)
    return tuple(named), None


def named_json(named: Iterable[Named]) -> list[dict[str, object]]:
    """The same as plain values."""
    return [{"family": one.family, "reference": one.reference, "missing": list(one.missing)} for one in named]


def published(report: BuildReport, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The cells whose images are there now."""
    done = {image.cell_id for image in report.done}
    return tuple(cell for cell in cells if cell.id in done)
