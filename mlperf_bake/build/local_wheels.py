"""Wheels that this machine's pip finds in a directory of its own (find-links), handed to builds that cannot see it.

A build step fetches wheels with pip as the user has set it up, but sees no directory of this machine. Where a locked wheel
lies in one, the builder gives it as the named context ``wheels`` by itself. A wheel is what its sha256 says, wherever it
comes from, so the fingerprint stays as it is; the build holds each wheel against that checksum once more.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.assets.fetch import fetch
from mlperf_bake.assets.sources import PypiFile
from mlperf_bake.cache.store import Cache, default_root, file_sha256, publish
from mlperf_bake.lock.demand import wheel_key

if TYPE_CHECKING:
    from mlperf_bake.matrix.values import Cell
    from mlperf_bake.plan.image import PlannedImage
    from mlperf_bake.project import Project

WHEELS = "wheels"

Say = Callable[[str], None]


def with_local_wheels(
    project: Project,
    images: Iterable[PlannedImage],
    find_links: Callable[[], Sequence[Path]],
    say: Say,
    cache: Cache | None = None,
) -> tuple[PlannedImage, ...]:
    """The images, with the context ``wheels`` where one of their wheels lies in a directory of this machine's pip.

    Args:
        find_links: gives these directories.
        say: told once for each set of wheels where they come from.
        cache: keeps a directory with each set.

    Errors:
        UsageError: another wheel of the same set cannot be fetched.
    """
    directories = tuple(find_links())
    if not directories:
        return tuple(images)
    cells = {cell.id: cell for cell in project.matrix.every_cell}
    gathered: dict[tuple[PypiFile, ...], Path | None] = {}

    def given(image: PlannedImage) -> PlannedImage:
        cell = cells.get(image.cell_id)
        if cell is None or WHEELS in dict(image.contexts):
            return image
        wheels = wheels_of(project, cell)
        if wheels not in gathered:
            gathered[wheels] = _gather(wheels, directories, cache or Cache(default_root()), say)
        directory = gathered[wheels]
        if directory is None:
            return image
        return replace(image, contexts=tuple(sorted((*image.contexts, (WHEELS, str(directory))))))

    return tuple(map(given, images))


def wheels_of(project: Project, cell: Cell) -> tuple[PypiFile, ...]:
    """The locked wheels of a cell's framework: what its stage ``wheels`` holds."""
    package = project.matrix.framework_of(cell).package
    if package is None or package.registry != "pypi":
        return ()
    pin = project.lock.packages[wheel_key(package, project.matrix.hardware[cell.hardware])]
    return (PypiFile(package.name, package.version, pin.file, pin.sha256),)


def _gather(
    wheels: tuple[PypiFile, ...], directories: tuple[Path, ...], cache: Cache, say: Say
) -> Path | None:
    """A directory with all these wheels; None where none of them lies in one of the directories."""
    local = {wheel: found for wheel in wheels if (found := _local(wheel, directories))}
    if not local:
        return None
    names = ", ".join(f"{file.name} from {file.parent}" for file in local.values())
    say(f"wheels that a build step cannot see: {names}; given to the build as the context {WHEELS}")
    key = hashlib.sha256(repr(wheels).encode()).hexdigest()[:12]
    with cache.making(WHEELS, key) as made:
        if all(_local(wheel, (made,)) for wheel in wheels):
            return made
        shutil.rmtree(made, ignore_errors=True)
        with cache.workspace() as scratch:
            directory = scratch / WHEELS
            directory.mkdir()
            for wheel in wheels:
                shutil.copyfile(local.get(wheel) or fetch(wheel, cache), directory / wheel.file)
            publish(directory, made)
        return made


def _local(wheel: PypiFile, directories: tuple[Path, ...]) -> Path | None:
    """The wheel in the first directory that has it; a file of that name with another checksum is another wheel."""
    for directory in directories:
        file = directory / wheel.file
        if os.access(file, os.R_OK) and file.is_file() and file_sha256(file) == wheel.sha256:
            return file
    return None
