"""The named contexts of a build: base images that this machine can have, and what the user gives in place of a fetch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.plan.planner import Context, Overrides

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.project import Project

IMAGES = ("base", "build-base")
DIRECTORIES = ("weights", "wheels")
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
    project: Project, cells: Iterable[Cell], engine: Engine, given: Mapping[str, str], say: Say
) -> Overrides:
    """The contexts that these cells are built with.

    A base image that the engine can pull needs none; where no hub answers, the one made from the distribution's
    packages takes its place, and its hash goes into the fingerprint.

    Args:
        given: the user's own contexts, from ``parse_contexts``.
        say: told of each long step.

    Errors:
        BuildFailed: no base image can be had.
    """
    from mlperf_bake.engine.bases import ensure_base

    chosen = tuple(cells)
    trained = any(project.lock.weights.get(cell.model) is None for cell in chosen)
    every = {name: Context(value, _identity(name, value, trained)) for name, value in given.items()}
    wanted: set[tuple[str, str]] = set()
    for cell in chosen:
        if "base" not in given:
            wanted.add((cell.os, project.matrix.hardware[cell.hardware].platform))
        if "build-base" not in given:
            wanted.add((cell.os, engine.platform))
    bases: dict[tuple[str, str], Context] = {}
    for os, platform in sorted(wanted):
        locked = project.lock.bases[os].pinned
        base = ensure_base(engine, os, project.matrix.os[os].suite, platform, locked, say)
        if base.origin != "hub":
            bases[os, platform] = Context(base.context, base.identity)
    return Overrides(every, bases, engine.platform, project.revision)


def present_overrides(project: Project, engine: Engine) -> Overrides:
    """The contexts that a build without options would take as things are: the base images made here earlier, unless
    the engine has the locked ones."""
    from mlperf_bake.engine.bases import present_bases

    locked = {os: pin.pinned for os, pin in project.lock.bases.items()}
    bases = {key: Context(base.context, base.identity) for key, base in present_bases(engine, locked).items()}
    return Overrides(bases=bases, build_platform=engine.platform)


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


def _identity(name: str, value: str, trained: bool) -> str | None:
    """What a context holds, where no checksum in the Dockerfile fixes it: an image, or weights that a recipe trains."""
    if name in IMAGES:
        return value
    if name == "weights" and trained:
        digest = hashlib.sha256()
        for file in sorted(path for path in Path(value).iterdir() if path.is_file()):
            digest.update(f"{file.name}\0".encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()
    return None
