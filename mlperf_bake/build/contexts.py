"""The named contexts of a build: base images that this machine can have, and what the user gives in place of a fetch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.build.tree_digest import tree_digest
from mlperf_bake.errors import BuildFailed, UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.plan.planner import Context, Overrides

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.project import Project

IMAGES = ("base", "build-base", "tools-base")
DIRECTORIES = ("weights", "wheels", "reference")
DEBIAN = "debian"
"""The image whose releases can be made out of the distribution's packages."""
IMAGE_PREFIX = "docker-image://"

Say = Callable[[str], None]


def parse_contexts(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` pairs, as ``--context`` takes them.

    Errors:
        UsageError: an unknown name, a missing directory, or something that is not a pair.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not value or name not in (*IMAGES, *DIRECTORIES):
            raise UsageError(
                f"--context takes NAME=VALUE{did_you_mean(name, (*IMAGES, *DIRECTORIES))}",
                found=pair,
                expected=f"an image for {' or '.join(IMAGES)}, a directory for {' or '.join(DIRECTORIES)}",
                remedy="for example --context weights=DIR",
            )
        given[name] = _directory(name, value) if name in DIRECTORIES else _image(value)
    return given


def overrides_for(
    project: Project,
    cells: Iterable[Cell],
    engine: Engine,
    given: Mapping[str, str],
    say: Say,
    *,
    absent: Callable[[BuildFailed], None] | None = None,
) -> Overrides:
    """The contexts that these cells are built with.

    A base image that the engine can pull needs none; where no hub answers, the one made from the distribution's
    packages takes its place, and its hash goes into the fingerprint.

    Args:
        given: the user's own contexts, from ``parse_contexts``.
        say: told of each long step.
        absent: takes the refusal of each base image that cannot be had.

    Errors:
        BuildFailed: a base image cannot be had, and nobody takes its refusal.
    """
    from mlperf_bake.engine.bases import ensure_base

    chosen = tuple(cells)
    bases: dict[tuple[str, str], Context] = {}
    for key, platform in _wanted(project, chosen, engine, given):
        locked = project.lock.bases[key].pinned
        try:
            base = ensure_base(engine, key, _debian_suite(project, key), platform, locked, say)
        except BuildFailed as refusal:
            if absent is None:
                raise
            absent(refusal)
            continue
        if base.origin != "hub":
            bases[key, platform] = Context(base.context, base.identity)
    own = given_overrides(project, chosen, given)
    return replace(own, bases=bases, build_platform=engine.platform, revision=project.revision)


def present_overrides(
    project: Project, engine: Engine, cells: Iterable[Cell] = (), given: Mapping[str, str] | None = None
) -> Overrides:
    """The contexts that a build of these cells would take as things are: the user's own, and the base images made here
    earlier, unless the engine has the locked ones. Nothing is pulled or made."""
    from mlperf_bake.engine.bases import present_bases

    locked = {key: pin.pinned for key, pin in project.lock.bases.items() if _debian_suite(project, key)}
    bases = {key: Context(base.context, base.identity) for key, base in present_bases(engine, locked).items()}
    own = given_overrides(project, cells, given or {})
    return replace(own, bases=bases, build_platform=engine.platform)


def foreseen_overrides(
    project: Project, cells: Iterable[Cell], engine: Engine, given: Mapping[str, str], say: Say
) -> Overrides:
    """As ``overrides_for``, with nothing pulled or made: for a dry run.

    Args:
        say: told of each base image that is not here, and what a build does about it.
    """
    from mlperf_bake.engine.bases import has_image

    chosen = tuple(cells)
    found = replace(present_overrides(project, engine, chosen, given), revision=project.revision)
    for key, platform in _wanted(project, chosen, engine, given):
        locked = project.lock.bases[key].pinned
        if (key, platform) not in found.bases and not has_image(engine, locked, platform):
            made = " or, where no hub gives it, makes one from packages, whose hash goes into the fingerprint"
            say(
                f"{locked} for {platform} is not here: a build pulls it{made if _debian_suite(project, key) else ''}"
            )
    return found


def _wanted(
    project: Project, cells: Iterable[Cell], engine: Engine, given: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Key in the lock and platform of each base image of these cells that the user does not give."""
    wanted: set[tuple[str, str]] = set()
    for cell in cells:
        platform = project.matrix.hardware[cell.hardware].platform
        images = project.matrix.images_of(cell, platform, engine.platform)
        wanted |= {(key, needed) for name, key, needed in images if name not in given}
    return sorted(wanted)


def _debian_suite(project: Project, key: str) -> str | None:
    """The release of Debian that a base image is; None for any other image."""
    os = project.matrix.os.get(key)
    return os.suite if os is not None and os.image == DEBIAN else None


def given_overrides(project: Project, cells: Iterable[Cell], given: Mapping[str, str]) -> Overrides:
    """The user's own contexts, with what they hold for these cells where no checksum in a Dockerfile fixes that.

    Errors:
        OSError: something in them cannot be read.
    """
    chosen = tuple(cells)
    return Overrides(
        given_contexts(given),
        weights=given_weights(project, chosen, given),
        directories=given_directories(project, chosen, given),
    )


def given_contexts(given: Mapping[str, str]) -> dict[str, Context]:
    """The user's own contexts. An image is what its reference says; what a directory holds is fixed by checksums in the
    Dockerfile, but for ``given_weights`` and ``given_directories``."""
    return {name: Context(value, value if name in IMAGES else None) for name, value in given.items()}


def given_weights(project: Project, cells: Iterable[Cell], given: Mapping[str, str]) -> dict[str, str]:
    """Model to the sha256 of its file in the context ``weights``, for the models of these cells whose weights the lock
    does not fix: trained ones, and those that only an MD5 identifies. A missing file is for the build to tell."""
    if "weights" not in given:
        return {}
    found: dict[str, str] = {}
    for model in dict.fromkeys(cell.model for cell in cells):
        file = Path(given["weights"]) / project.matrix.models[model].weights.file
        if project.lock.weights.get(model) is None and file.is_file():
            with file.open("rb") as stream:
                found[model] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def given_directories(
    project: Project, cells: Iterable[Cell], given: Mapping[str, str]
) -> dict[tuple[str, str], str]:
    """(Context name, model) to the hash of what the reference images of these cells take out of that context: of
    ``reference`` the program's directory and the licence, of ``weights`` everything, where whoever builds supplies them."""
    digest = cache(tree_digest)  # several models may take the same
    found: dict[tuple[str, str], str] = {}
    wrapped = (
        cell for cell in cells if project.matrix.implementations[cell.implementation].source is not None
    )
    for name in dict.fromkeys(cell.model for cell in wrapped):
        model = project.matrix.models[name]
        if "reference" in given and model.reference:
            taken = (model.reference.directory, "LICENSE.md")
            found["reference", name] = digest(Path(given["reference"]), taken)
        if "weights" in given and model.weights.supply:
            found["weights", name] = digest(Path(given["weights"]), (".",))
    return found


def _directory(name: str, value: str) -> str:
    path = Path(value).expanduser().resolve()
    if not path.is_dir():
        raise UsageError(
            f"the directory for --context {name} does not exist",
            where=str(path),
            expected="a directory that holds the files themselves",
            remedy=f"--context {name}=DIR",
        )
    return str(path)


def _image(value: str) -> str:
    return value if "://" in value else IMAGE_PREFIX + value
