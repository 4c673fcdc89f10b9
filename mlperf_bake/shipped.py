"""The matrix, lock, templates, sources and pages that this program brings along, as a directory that images can be built from.

In a checkout that is the checkout. An installed package keeps them in ``mlperf_bake/shipped``; together with its own modules,
which some images are built with, they are copied once into the cache, under a name that changes with them.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import lru_cache
from pathlib import Path

from mlperf_bake.errors import UsageError

PACKAGE = Path(__file__).parent
MARK = "matrix.yaml"
SHIPPED = "shipped"
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", SHIPPED)


@lru_cache(maxsize=1)
def shipped_root() -> Path:
    """The directory; made where it is not there yet.

    Errors:
        UsageError: this installation lacks it.
    """
    if (PACKAGE.parent / MARK).is_file() and (PACKAGE.parent / "harness").is_dir():
        return PACKAGE.parent
    return unpacked(PACKAGE)


def shipped_file(name: str) -> Path:
    """One file of what is shipped, to be read where it lies; it may not be there."""
    checkout = PACKAGE.parent
    return (checkout if (checkout / MARK).is_file() else PACKAGE / SHIPPED) / name


def page(name: str) -> str:
    """Where one of the pages of docs/ lies, ``backends.md`` for one, as a message names it."""
    from mlperf_bake.program import shown

    return shown(shipped_file("docs") / name)


def unpacked(package: Path) -> Path:
    """The directory in the cache for an installed package. Errors: as shipped_root."""
    from mlperf_bake.cache.store import Cache, default_root, publish

    source = package / SHIPPED
    if not (source / MARK).is_file():
        raise UsageError(
            "this installation of mlperf-bake is not complete",
            where=str(source),
            expected="the matrix, templates and sources that the package brings along",
            remedy="install it again, or change into a checkout",
        )
    cache = Cache(default_root())
    with cache.making(SHIPPED, _identity(package)) as target:
        if not target.is_dir():
            with cache.workspace() as scratch:
                made = scratch / SHIPPED
                shutil.copytree(source, made, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
                shutil.copytree(package, made / package.name, ignore=IGNORED)
                publish(made, target)
    return target


def _identity(package: Path) -> str:
    """Twelve hex digits over the names, sizes and times of the installed files."""
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            status = file.stat()
            digest.update(f"{file.relative_to(package)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
