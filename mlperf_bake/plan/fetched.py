"""What building one image fetches, by kind and name, as far as matrix, lock and requirements files declare it. Pure.

What the package manager of a base image installs on top of it (compilers, CMake, Python) comes from where that base's
distribution keeps its packages, and counts with the base.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from mlperf_bake.lock.lockfile import Lock
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Cell, Fetch
from mlperf_bake.plan.image import PlannedImage

Kind = Literal["image", "pypi", "debian", "url", "git"]
KINDS: tuple[Kind, ...] = ("image", "pypi", "debian", "url", "git")
LOADGEN = "mlcommons-loadgen"

_REQUIREMENTS = ("file ", ".requirements.txt")
_REQUIREMENT = re.compile(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==")


class Fetched(NamedTuple):
    """One thing.

    Attributes:
        kind: where it comes from: an image hub, a package registry, an address, a git repository.
        name: the image and tag, the package, the address.
        use: what for, in words.
        pinned: whether a digest, checksum or commit fixes it.
    """

    kind: Kind
    name: str
    use: str
    pinned: bool = True


def fetched(
    matrix: Matrix,
    lock: Lock,
    cell: Cell,
    image: PlannedImage,
    build_platform: str,
    read: Callable[[str], str],
) -> tuple[Fetched, ...]:
    """Each thing once, sorted; what a named context of the image stands in for is not fetched.

    Args:
        build_platform: what the builder itself runs on.
        read: the text of a file of the checkout, by its path.
    """
    given = {name for name, _ in image.contexts}
    found = set(_images(matrix, lock, cell, image.platform, build_platform, given))
    found.add(Fetched("pypi", LOADGEN, "LoadGen"))
    framework, model = matrix.framework_of(cell), matrix.models[cell.model]
    if framework.package and "wheels" not in given:
        found.add(_package(framework.package, f"framework {framework.name}"))
    if framework.headers:
        found.add(_package(framework.headers, f"framework {framework.name}"))
    if "weights" not in given:
        weights, use = model.weights, f"weights of {model.name}"
        if weights.url:
            found.add(Fetched("url", weights.url, use, lock.weights.get(model.name) is not None))
        if weights.fetch:
            found.add(_package(weights.fetch, use))
    source = matrix.implementations[cell.implementation].source
    if source and "reference" not in given:
        found.add(Fetched("git", source.git, f"implementation {cell.implementation}"))
    before, after = _REQUIREMENTS
    for name, _ in image.ingredients:
        if name.startswith(before) and name.endswith(after):
            path = name.removeprefix(before)
            found.update(Fetched("pypi", package, path) for package in _REQUIREMENT.findall(read(path)))
    return tuple(sorted(found))


def _images(
    matrix: Matrix, lock: Lock, cell: Cell, platform: str, build_platform: str, given: set[str]
) -> Iterator[Fetched]:
    for stage, key, _ in matrix.images_of(cell, platform, build_platform):
        if stage not in given:
            pin = lock.bases[key]
            yield Fetched("image", pin.reference, f"stage {stage}", pin.digest is not None)


def _package(fetch: Fetch, use: str) -> Fetched:
    return Fetched(fetch.registry, fetch.name, use)
