"""Makes a bundle: builds its cells with BuildKit writing its cache into it, and saves their base images."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.cache import CachePlace, entry_names
from mlperf_bake.build.failures import CACHE_LOST
from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.bundle.record import (
    BLOBS,
    RECORD,
    Bundle,
    BundledBase,
    BundledCell,
    blob_path,
    names_of,
    reachable,
    read_bundle,
    write_bundle,
)
from mlperf_bake.bundle.steps import lacking_steps
from mlperf_bake.cache.store import file_sha256
from mlperf_bake.engine.saved import save_layout
from mlperf_bake.errors import UsageError
from mlperf_bake.oci.layout import Descriptor, Layout

if TYPE_CHECKING:
    from mlperf_bake.engine.find import Engine
    from mlperf_bake.plan.image import PlannedImage

WORK = ".work"
UNFINISHED = "bundle.unfinished"
"""Marks a directory as a bundle's from the first moment on, until its record is there."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class WantedBase:
    """A base image for a bundle: its key in the lock, its platform, the engine's name for it, whether it is the locked one."""

    key: str
    platform: str
    reference: str
    locked: bool


def make_bundle(
    root: Path,
    images: Sequence[PlannedImage],
    bases: Sequence[WantedBase],
    engine: Engine,
    options: BuildOptions,
    revision: str,
    say: Say,
) -> Bundle:
    """Fills ``root`` and returns what is in it; what an earlier, broken-off call left there is used, and a bundle that is
    there is added to: until the end it stays what it was.

    Errors:
        BuildFailed: a cell was not built; the bundle is not whole then.
        UsageError: ``root`` is not a bundle's or one that cannot be added to, or a base image cannot be saved.
        DiskFull, Interrupted: as ``build_images``.
    """
    _claim(root)
    earlier = _earlier(root)
    remove_damaged(root, say)
    kept = _kept(earlier, images, engine.platform, say) if earlier else None
    work = root / WORK
    shutil.rmtree(work, ignore_errors=True)
    store = Layout(root)
    try:
        saved = tuple(_save(base, root, work, engine, say) for base in bases)
        if kept:
            _require_same_bases(kept, saved, images)
        caches = _build(images, root, work, engine, options, say)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if lacking := lacking_steps(store, caches.values()):
        say(
            f"the engine remembers {lacking} steps without what they made: the images as they are build from this bundle, "
            "but after a change something may be missing. The same command with --no-cache does every step anew"
        )
    bundle = _whole(
        Bundle(
            root=root,
            revision=revision,
            build_platform=engine.platform,
            cells=tuple(BundledCell(image.cell_id, image.platform, image.fingerprint) for image in images),
            bases=saved,
            caches=caches,
            blobs={},
        ),
        kept,
    )
    write_bundle(bundle)
    for file in (root / BLOBS / "sha256").iterdir():
        if f"sha256:{file.name}" not in bundle.blobs:
            file.unlink()
    (root / UNFINISHED).unlink()
    return bundle


def _earlier(root: Path) -> Bundle | None:
    """The bundle that is there, if one is. Errors: UsageError where nobody can tell what it holds."""
    if not (root / RECORD).exists():
        return None
    try:
        return read_bundle(root)
    except UsageError as error:
        raise UsageError(
            "there is a bundle that cannot be added to",
            where=str(root / RECORD),
            found=error.found,
            remedy="give another directory with --out, or remove this file: what the bundle held is then made anew or gone",
        ) from error


def _kept(earlier: Bundle, images: Sequence[PlannedImage], platform: str, say: Say) -> Bundle | None:
    """What a bundle holds besides these images; None where that is nothing.

    Errors:
        UsageError: it cannot be added to.
    """
    made = {(image.cell_id, image.platform) for image in images}
    cells = tuple(one for one in earlier.cells if (one.cell, one.platform) not in made)
    if not cells:
        return None
    missing = [digest for digest in earlier.blobs if not blob_path(earlier.root, digest).is_file()]
    if missing:
        raise UsageError(
            f"{len(missing)} files of the bundle are missing or damaged, and it holds other cells than these",
            where=str(earlier.root),
            found=names_of(cells),
            remedy=f"make all of it again: {_together(earlier, images)}",
        )
    if earlier.build_platform != platform:
        raise UsageError(
            "the bundle was made on another kind of machine",
            where=str(earlier.root),
            found=earlier.build_platform,
            expected=platform,
            remedy="give another directory with --out",
        )
    say(f"{earlier.root} goes on holding {names_of(cells)}")
    entries = {name for one in cells for name in entry_names(one.cell)}
    caches = {name: top for name, top in earlier.caches.items() if name in entries}
    return replace(earlier, cells=cells, caches=caches)


def _require_same_bases(kept: Bundle, saved: Sequence[BundledBase], images: Sequence[PlannedImage]) -> None:
    """Does nothing where the cells that stay find their base images as they were. Errors: UsageError where not."""
    tops = {(base.key, base.platform): base.top.digest for base in kept.bases}
    changed = [
        base.reference
        for base in saved
        if tops.get((base.key, base.platform), base.top.digest) != base.top.digest
    ]
    if changed:
        raise UsageError(
            "the bundle holds another base image under the same name, and other cells than these need it",
            where=str(kept.root),
            found=f"{', '.join(changed)}; {names_of(kept.cells)}",
            remedy=f"make all of it again: {_together(kept, images)}; or give another directory with --out",
        )


def _together(bundle: Bundle, images: Sequence[PlannedImage]) -> str:
    """The command that bundles what is there and what is wanted in one."""
    cells = dict.fromkeys((*(one.cell for one in bundle.cells), *(image.cell_id for image in images)))
    return f"mlperf-bake bundle {' '.join(cells)} --out {shlex.quote(str(bundle.root))}"


def _whole(made: Bundle, kept: Bundle | None) -> Bundle:
    """What was made now, what stays, and the files that both need."""
    if kept:
        own = {(base.key, base.platform) for base in made.bases}
        made = replace(
            made,
            cells=(*kept.cells, *made.cells),
            bases=(*(base for base in kept.bases if (base.key, base.platform) not in own), *made.bases),
            caches={**kept.caches, **made.caches},
        )
    store = Layout(made.root)
    blobs = reachable(store, (*(base.top for base in made.bases), *made.caches.values()))
    blobs |= {entry: size for top in made.caches.values() for entry, size in _cached(store, top).items()}
    return replace(made, blobs=dict(sorted(blobs.items())))


def _claim(root: Path) -> None:
    """Takes a directory that is new, empty or a bundle's, whose files may then be replaced and removed; never another's."""
    if root.exists() and not root.is_dir():
        raise UsageError(
            "the bundle's place is no directory", where=str(root), remedy="give another with --out"
        )
    root.mkdir(parents=True, exist_ok=True)
    held = {file.name for file in root.iterdir()}
    if held and held.isdisjoint({RECORD, UNFINISHED}):
        raise UsageError(
            "there is something else where the bundle should be",
            where=str(root),
            found=", ".join(sorted(held)[:3]),
            expected="nothing, an empty directory, or a bundle",
            remedy="give another directory with --out",
        )
    (root / UNFINISHED).touch()


def remove_damaged(root: Path, say: Say) -> None:
    """Removes blobs whose bytes are not what their name says: BuildKit takes one that is there for whole."""
    folder = root / BLOBS / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.iterdir()):
        if file_sha256(file) != file.name:
            say(f"{file.name[:12]} is damaged: made again")
            file.unlink()


def farm_entry(directory: Path, blobs: Path) -> None:
    """A directory that BuildKit takes for a cache or layout of its own, with its blobs elsewhere."""
    directory.mkdir(parents=True)
    (directory / BLOBS).symlink_to(blobs.resolve(), target_is_directory=True)


def _save(base: WantedBase, root: Path, work: Path, engine: Engine, say: Say) -> BundledBase:
    say(f"saving the base image {base.reference}")
    place = save_layout(engine, base.reference, work / "base")
    layout = Layout(place)
    for digest in reachable(layout, (layout.top,)):
        target = blob_path(root, digest)
        if not target.exists():
            layout.blob(digest).replace(target)
    top = layout.top
    shutil.rmtree(place)
    return BundledBase(base.key, base.platform, base.reference, base.locked, top)


def _build(
    images: Sequence[PlannedImage], root: Path, work: Path, engine: Engine, options: BuildOptions, say: Say
) -> dict[str, Descriptor]:
    """Builds the images and returns their cache entries."""
    place = work / "cache"
    names = sorted({name for image in images for name in entry_names(image.cell_id)})
    for name in names:
        farm_entry(place / name, root / BLOBS)
    output = Output(cache_to=(CachePlace("local", str(place)),))
    # One at a time: two builds that write one entry would overwrite each other's index.
    once = replace(options, output=output, force=True, jobs=1)
    report = build_images(images, engine, once, say=say)
    lost = {failure.cell_id for failure in report.failures if failure.message == CACHE_LOST}
    if lost and len(lost) == len(report.failures) and not options.no_cache:
        say(f"{CACHE_LOST}: every step of {', '.join(sorted(lost))} is done anew")
        anew = [image for image in images if image.cell_id in lost]
        report = build_images(anew, engine, replace(once, no_cache=True), say=say)
    report.raise_if_failed()
    return {name: Layout(place / name).top for name in names}


def _cached(store: Layout, top: Descriptor) -> dict[str, int]:
    """The blobs of a cache entry: what its index lists is no manifest but layers and BuildKit's own description."""
    listed = json.loads(store.blob(top.digest).read_bytes())["manifests"]
    return {str(entry["digest"]): int(entry["size"]) for entry in listed}
