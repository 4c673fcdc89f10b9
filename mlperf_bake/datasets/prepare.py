"""Prepares a data set: raw samples through a preprocessing into the form the harness maps into memory.

A data set appears under its name when it is complete, or not at all; a large one that was interrupted goes on where it
stopped, as long as nothing has changed that determines its content.
"""

import hashlib
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mlperf_bake.assets.fetch import fetch
from mlperf_bake.assets.preprocessing import Preprocessing
from mlperf_bake.assets.sources import Source
from mlperf_bake.cache.store import Cache, default_root, file_sha256, publish
from mlperf_bake.datasets.batches import batches
from mlperf_bake.datasets.collection import list_name
from mlperf_bake.datasets.declared import Dataset, UserDirectory, find_dataset
from mlperf_bake.datasets.official_readings import DECODERS, FROM_FILES
from mlperf_bake.datasets.opening import open_collection
from mlperf_bake.datasets.prepared import (
    CONF,
    INDEX,
    LABELS,
    SAMPLES,
    PreparedDataset,
    load_prepared,
)
from mlperf_bake.datasets.preprocessings import find_known
from mlperf_bake.datasets.row_files import RowForm, write_rows
from mlperf_bake.datasets.truth import write_truth
from mlperf_bake.datasets.unfinished import Unfinished, unfinished
from mlperf_bake.errors import DiskFull, UsageError
from mlperf_bake.progress import Progress, silent

ROOM_FACTOR = 1.02  # what file systems need beside the bytes


def prepare(
    name: str,
    preprocessing: str,
    out: Path | None = None,
    *,
    source: Path | None = None,
    only: Path | None = None,
    cache: Cache | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> PreparedDataset:
    """The prepared data set; made where it does not exist yet, verified where it does.

    Args:
        name: of datasets.yaml.
        preprocessing: an id the data set lists.
        out: directory to write; left out, a place in the cache. It may be empty, missing, or hold the same result.
        source: the user's own copy of the package, or directory or archive of photos.
        only: a list of file names; these samples alone are prepared, in its order.
        workers: processes; left out, the processors this process may use.

    Raises:
        UsageError: unknown name, unreadable or wrong source, `out` in use; ChecksumMismatch: not the locked file.
        DiskFull: no room for the result; checked before the work starts.
    """
    dataset = find_dataset(name)
    if preprocessing not in dataset.preprocessings:
        raise UsageError(
            f'the data set {name} cannot be prepared as "{preprocessing}"',
            expected="one of " + ", ".join(dataset.preprocessings),
        )
    steps = find_known(preprocessing)
    cache = cache or Cache(default_root())
    key = _key(dataset, steps, source, only)
    if out is not None:
        raw = _locate(dataset, preprocessing, source, cache, progress)
        return _into(out, key, dataset, steps, raw, only, workers, progress)
    with cache.making("datasets", key, progress) as target:
        if target.exists():
            try:
                return load_prepared(target)
            except UsageError:  # damaged since: the cache may throw away what it can make again
                shutil.rmtree(target)
        raw = _locate(dataset, preprocessing, source, cache, progress)
        return _into(target, key, dataset, steps, raw, only, workers, progress)


def _locate(
    dataset: Dataset, preprocessing: str, source: Path | None, cache: Cache, progress: Progress
) -> Path:
    if isinstance(dataset.source, UserDirectory):
        return _user_directory(dataset, preprocessing, source)
    return fetch(dataset.source, cache, override=source, progress=progress)


def own_files_needed(dataset: Dataset, options: str) -> UsageError:
    """The refusal where a data set is made of files that only the user may have, and none were given.

    Args:
        options: of `data prepare`, which the remedy repeats.
    """
    assert isinstance(dataset.source, UserDirectory)
    return UsageError(
        f"the data set {dataset.name} cannot be downloaded: only you may have it",
        expected=dataset.source.holds,
        remedy=f"mlperf-bake data prepare {dataset.name} {options} --from DIRECTORY",
    )


def _user_directory(dataset: Dataset, preprocessing: str, source: Path | None) -> Path:
    assert isinstance(dataset.source, UserDirectory)
    if source is None:
        raise own_files_needed(dataset, f"--preprocessing {preprocessing}")
    if not source.is_dir() and not (source.is_file() and isinstance(dataset.reading, FROM_FILES)):
        raise UsageError(
            "not a directory" if source.exists() else "there is no such file or directory",
            where=str(source),
            expected=dataset.source.holds,
        )
    return source


def _key(dataset: Dataset, preprocessing: Preprocessing, source: Path | None, only: Path | None) -> str:
    """What tells one result from another: readable, and a hash of all that determines it."""
    if isinstance(dataset.source, UserDirectory):
        content = _directory_identity(_user_directory(dataset, preprocessing.id, source))
    else:
        content = dataset.source.sha256 or ""
    identity = repr((dataset, preprocessing.shape, _decoder_version(dataset), content, *_list_identity(only)))
    # Whoever looks for the data set by its name must not come upon a part of it.
    name = dataset.name if only is None else f"{dataset.name}-part"
    return f"{name}-{preprocessing.id}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _list_identity(only: Path | None) -> tuple[str, ...]:
    if only is None:
        return ()
    try:
        return (file_sha256(only),)
    except OSError as error:
        raise UsageError(
            "the list cannot be read", where=str(only), found=error.strerror or str(error)
        ) from error


def _decoder_version(dataset: Dataset) -> str:
    """The version of what decodes the samples, Pillow where nothing else does: another may round otherwise."""
    try:
        return version(DECODERS.get(type(dataset.reading), "pillow"))
    except PackageNotFoundError:
        return ""


def _directory_identity(directory: Path) -> str:
    """Place, names, sizes and times of a directory's files, or of a file's: cheap for 50,000, and changed by any ordinary
    edit."""
    digest = hashlib.sha256(str(directory.resolve()).encode())
    files = sorted(directory.rglob("*")) if directory.is_dir() else [directory]
    try:
        for file in files:
            state = file.stat()
            digest.update(f"{file}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="surrogateescape"))
    except OSError as error:
        raise UsageError("the directory cannot be read", where=str(directory), found=str(error)) from error
    return digest.hexdigest()


def _into(
    target: Path,
    identity: str,
    dataset: Dataset,
    preprocessing: Preprocessing,
    raw: Path,
    only: Path | None,
    workers: int | None,
    progress: Progress,
) -> PreparedDataset:
    """Writes the result to `target`, or finds it there."""
    target = target.absolute()
    occupied = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if occupied:
        found = load_prepared(target)
        part = "" if only is None else list_name(only)
        whose, wanted = (found.name, found.preprocessing), (dataset.name, preprocessing.id)
        if whose == wanted and _list_of(found, dataset) == part:
            return found
        raise UsageError(
            "the directory holds another prepared data set",
            where=str(target),
            found=", ".join((*whose, found.source)),
            expected=", ".join((*wanted, _described(dataset.source)))
            + (f", those of {part}" if part else ""),
            remedy="choose another --out",
        )
    collection = open_collection(dataset, raw, only, progress)
    count = collection.count
    with unfinished(target, progress) as directory:
        if target.exists() and any(target.iterdir()):  # by the process that this one has waited for
            return _into(target, identity, dataset, preprocessing, raw, only, workers, progress)
        form = RowForm.of(preprocessing, dataset.classes)
        files = Unfinished(directory, form.widths, identity, form.offsets)
        there = (directory / SAMPLES).stat().st_size if form.varies and files.rows else 0
        _require_room(
            directory, (count - files.rows) * sum(files.widths.values()) + max(0, collection.size - there)
        )
        rows = batches(
            preprocessing, collection.read(files.rows), count - files.rows, workers, collection.size
        )
        done, samples = write_rows(form, files, rows, dataset.name, count, progress)
        if done != count:
            raise UsageError(
                "the wrong number of samples", where=str(raw), found=str(done), expected=str(count)
            )
        if collection.truth is not None:
            write_truth(directory, collection.truth, progress)
        prepared = PreparedDataset(
            path=target,
            name=dataset.name,
            preprocessing=preprocessing.id,
            count=count,
            shape=preprocessing.shape,
            dtype=preprocessing.dtype,
            classes=dataset.classes,
            samples_sha256=samples,
            labels_sha256=file_sha256(directory / LABELS) if dataset.classes else "",
            index_sha256=file_sha256(directory / INDEX) if form.varies else "",
            demonstration=count != dataset.official_count or not collection.official,
            official_count=dataset.official_count,
            source=_described(dataset.source) + (f", {collection.part}" if collection.part else ""),
        )
        (directory / CONF).write_text(prepared.conf(), encoding="utf-8")
        files.end()
        publish(directory, target)
    return prepared


def _list_of(prepared: PreparedDataset, dataset: Dataset) -> str:
    """The list that a prepared part was chosen by; empty for one that was not."""
    part = prepared.source.removeprefix(_described(dataset.source))
    return part.partition(" of ")[2]


def _described(source: Source | UserDirectory) -> str:
    return (
        "a directory of the user"
        if isinstance(source, UserDirectory)
        else f"{source}, sha256 {source.sha256}"
    )


def _require_room(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if needed * ROOM_FACTOR > free:
        raise DiskFull(
            "no room for the prepared data set",
            where=str(directory.parent),
            found=f"{free / 1e6:,.0f} MB free",
            expected=f"{needed * ROOM_FACTOR / 1e6:,.0f} MB",
            remedy="choose another place with --out or MLPERF_BAKE_CACHE",
        )
