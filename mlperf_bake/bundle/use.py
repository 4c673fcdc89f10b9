"""Builds from a bundle: base images into the engine, BuildKit's cache from its files, nothing from a network."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.build.cache import CachePlace, entry_names
from mlperf_bake.bundle.make import Say, farm_entry
from mlperf_bake.bundle.record import BLOBS, RECORD, Bundle, BundledBase, blob_path, reachable
from mlperf_bake.errors import UsageError
from mlperf_bake.oci.layout import Descriptor, Layout
from mlperf_bake.plan.planner import Context, Overrides

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.plan.image import PlannedImage

LOAD_S = 1800.0


def load_bases(bundle: Bundle, engine: Engine, say: Say) -> None:
    """Gives the engine the bundle's base images that were made from packages, under their names.

    Errors:
        UsageError: the engine does not take one.
    """
    for base in _lacking(bundle, engine):
        say(f"loading the base image {base.reference}")
        with tempfile.NamedTemporaryFile(prefix="mlperf-bake-base-", suffix=".tar") as file:
            _pack(bundle, base, Path(file.name))
            loaded = engine.call("image", "load", "--input", file.name, timeout=LOAD_S)
        if not loaded.ok:
            raise UsageError(
                "the engine does not take a base image of the bundle",
                where=base.reference,
                found=loaded.complaint,
                remedy="mlperf-bake doctor",
            )


def name_bases(bundle: Bundle, engine: Engine, say: Say) -> None:
    """Says which base images a build would load first; loads none."""
    for base in _lacking(bundle, engine):
        say(
            f"the base image {base.reference} is not here: a build loads it from the bundle, and its hash goes into the "
            "fingerprint"
        )


def farm_of(bundle: Bundle, parent: Path) -> Path:
    """Where the layouts and caches that lead into a bundle lie: a directory below ``parent`` for this bundle as it is now, so
    that builds from it at the same time use the same files, and one that began earlier keeps those that it was given."""
    content = f"{bundle.root}\0".encode(errors="surrogateescape") + (bundle.root / RECORD).read_bytes()
    return parent / hashlib.sha256(content).hexdigest()[:12]


def offline_overrides(overrides: Overrides, bundle: Bundle, farm: Path) -> Overrides:
    """The same with the bundle's locked base images in place of the hub's: the same bytes, so the same fingerprints.

    Args:
        farm: from ``farm_of``; it must outlive the build.
    """
    bases = dict(overrides.bases)
    for number, base in enumerate(bundle.bases):
        if base.locked:
            place = farm / f"base-{number}"
            _lead_into(bundle, place, base.top)
            bases[base.key, base.platform] = Context(f"oci-layout://{place.resolve()}@{base.top.digest}")
    return replace(overrides, bases=bases)


def bundled_cache(bundle: Bundle, farm: Path) -> tuple[CachePlace, ...]:
    """The bundle's caches as a place that a build reads from. Args: as ``offline_overrides``."""
    place = farm / "cache"
    for name, top in bundle.caches.items():
        _lead_into(bundle, place / name, top)
    return (CachePlace("local", str(place.resolve())),)


def _lead_into(bundle: Bundle, place: Path, top: Descriptor) -> None:
    """Makes a layout of one blob of the bundle, whole or not at all, where it is not there yet."""
    if place.is_dir():
        return
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    farm_entry(partial, bundle.root / BLOBS)
    Layout(partial).set_top(top)
    try:
        partial.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(partial)  # another build made it just now


def require_bundled(bundle: Bundle, images: Iterable[PlannedImage], say: Say) -> None:
    """Does nothing where the bundle was made for these images.

    A cell with another fingerprint is told and built all the same: steps that did not change come out of the bundle.

    Errors:
        UsageError: the bundle knows nothing of a cell, not even of its stages.
    """
    known = {(one.cell, one.platform): one.fingerprint for one in bundle.cells}
    for image in images:
        bundled = known.get((image.cell_id, image.platform))
        if bundled is None and not any(name in bundle.caches for name in entry_names(image.cell_id)):
            raise UsageError(
                "the bundle was not made for this cell",
                where=str(bundle.root),
                found=f"{image.cell_id}; it holds {', '.join(one.cell for one in bundle.cells)}",
                remedy=f"with a network: mlperf-bake bundle {image.cell_id} --out DIR",
            )
        if bundled != image.fingerprint:
            say(
                f"{image.cell_id}: the bundle was made from other sources "
                f"({bundle.revision or 'no commit'}); steps that changed are done anew, without a network"
            )


def _lacking(bundle: Bundle, engine: Engine) -> list[BundledBase]:
    """The base images made from packages that the engine has not."""
    return [base for base in bundle.bases if not base.locked and not _has(base, engine)]


def _has(base: BundledBase, engine: Engine) -> bool:
    """Whether the engine has this very image under its name."""
    answer = engine.call("image", "inspect", "--format", "{{.Id}}", base.reference)
    return answer.ok and answer.stdout.strip() == base.top.digest


def _pack(bundle: Bundle, base: BundledBase, file: Path) -> None:
    """Writes a base image as the tar file that the engine loads."""
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-base-") as scratch:
        layout = Layout(Path(scratch))
        layout.set_top(base.top)
        with tarfile.open(file, "w") as archive:
            for name in ("index.json", "oci-layout"):
                archive.add(layout.root / name, name)
            for digest in reachable(Layout(bundle.root), (base.top,)):
                archive.add(blob_path(bundle.root, digest), f"blobs/{digest.replace(':', '/')}")
