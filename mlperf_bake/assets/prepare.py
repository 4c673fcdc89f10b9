"""Prepares a data set: raw samples through a preprocessing into the form the harness maps into memory.

The bytes written do not depend on the number of processes: samples are handed out in order and written in order,
with a bounded number under way. A data set appears under its name when it is complete, or not at all.
"""

import hashlib
import os
import shutil
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from mlperf_bake.assets.cache import Cache, default_root, file_sha256, publish
from mlperf_bake.assets.datasets import Dataset, UserDirectory, find_dataset
from mlperf_bake.assets.prepared import CONF, LABELS, SAMPLES, PreparedDataset, load_prepared
from mlperf_bake.assets.preprocessing import Preprocessing, Unreadable, find_preprocessing
from mlperf_bake.assets.progress import Progress, silent
from mlperf_bake.assets.raw_samples import RawSample, count_samples, read_samples
from mlperf_bake.assets.sources import Source, fetch
from mlperf_bake.assets.workspace import workspace
from mlperf_bake.errors import DiskFull, UsageError

BATCH = 32  # samples a process takes at once: some 20 MB of values for photos
BATCHES_UNDER_WAY = 3  # a process: one in work, one waiting, one to be written
IN_PROCESS = 256  # up to so many photos starting processes takes longer than the work
ROOM_FACTOR = 1.02  # what file systems need beside the bytes


def prepare(
    name: str,
    preprocessing: str,
    out: Path | None = None,
    *,
    source: Path | None = None,
    cache: Cache | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> PreparedDataset:
    """The prepared data set; made where it does not exist yet, verified where it does.

    Args:
        name: of datasets.yaml.
        preprocessing: an id the data set lists.
        out: directory to write; left out, a place in the cache. It may be empty, missing, or hold the same result.
        source: the user's own copy of the package, or directory of photos.
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
    steps = find_preprocessing(preprocessing)
    cache = cache or Cache(default_root())
    if out is not None:
        raw = _locate(dataset, preprocessing, source, cache, progress)
        return _into(out, dataset, steps, raw, workers, progress)
    key = _key(dataset, steps, source)
    with cache.making("datasets", key, progress) as target:
        if target.exists():
            try:
                return load_prepared(target)
            except UsageError:  # damaged since: the cache may throw away what it can make again
                shutil.rmtree(target)
        raw = _locate(dataset, preprocessing, source, cache, progress)
        return _into(target, dataset, steps, raw, workers, progress)


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
    if not source.is_dir():
        raise UsageError("not a directory", where=str(source), expected=dataset.source.holds)
    return source


def _key(dataset: Dataset, preprocessing: Preprocessing, source: Path | None) -> str:
    """What tells one cached result from another: readable, and a hash of all that determines it."""
    if isinstance(dataset.source, UserDirectory):
        content = _directory_identity(_user_directory(dataset, preprocessing.id, source))
    else:
        content = dataset.source.sha256 or ""
    identity = repr((dataset, preprocessing.shape, _decoder_version(), content))
    return f"{dataset.name}-{preprocessing.id}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _decoder_version() -> str:
    """Pillow's version: decoders and filters may round otherwise in another."""
    import PIL

    return PIL.__version__


def _directory_identity(directory: Path) -> str:
    """Place, names, sizes and times of a directory's files: cheap for 50,000, and changed by any ordinary edit."""
    digest = hashlib.sha256(str(directory.resolve()).encode())
    try:
        for file in sorted(directory.rglob("*")):
            state = file.stat()
            digest.update(f"{file}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="surrogateescape"))
    except OSError as error:
        raise UsageError("the directory cannot be read", where=str(directory), found=str(error)) from error
    return digest.hexdigest()


def _into(
    target: Path,
    dataset: Dataset,
    preprocessing: Preprocessing,
    raw: Path,
    workers: int | None,
    progress: Progress,
) -> PreparedDataset:
    """Writes the result to `target`, or finds it there."""
    target = target.absolute()
    occupied = target.exists() and (not target.is_dir() or any(target.iterdir()))
    if occupied:
        found = load_prepared(target)
        if (found.name, found.preprocessing) == (dataset.name, preprocessing.id):
            return found
        raise UsageError(
            "the directory holds another prepared data set",
            where=str(target),
            found=f"{found.name}, {found.preprocessing}",
            expected=f"{dataset.name}, {preprocessing.id}",
            remedy="choose another --out",
        )
    count = count_samples(dataset, raw)
    with workspace(target.parent) as scratch:
        _require_room(scratch, count, preprocessing)
        samples, labels = _write(dataset, preprocessing, raw, count, scratch, workers, progress)
        prepared = PreparedDataset(
            path=target,
            name=dataset.name,
            preprocessing=preprocessing.id,
            count=count,
            shape=preprocessing.shape,
            dtype="float32",
            classes=dataset.classes,
            samples_sha256=samples,
            labels_sha256=labels,
            demonstration=count != dataset.official_count,
            official_count=dataset.official_count,
            source=_described(dataset.source),
        )
        (scratch / CONF).write_text(prepared.conf(), encoding="utf-8")
        publish(scratch, target)
    return prepared


def _described(source: Source | UserDirectory) -> str:
    return (
        "a directory of the user"
        if isinstance(source, UserDirectory)
        else f"{source}, sha256 {source.sha256}"
    )


def _require_room(directory: Path, count: int, preprocessing: Preprocessing) -> None:
    needed = 4 * count
    for extent in preprocessing.shape:
        needed *= extent
    free = shutil.disk_usage(directory).free
    if needed * ROOM_FACTOR > free:
        raise DiskFull(
            "no room for the prepared data set",
            where=str(directory.parent),
            found=f"{free / 1e6:,.0f} MB free",
            expected=f"{needed * ROOM_FACTOR / 1e6:,.0f} MB",
            remedy="choose another place with --out or MLPERF_BAKE_CACHE",
        )


def _write(
    dataset: Dataset,
    preprocessing: Preprocessing,
    raw: Path,
    count: int,
    directory: Path,
    workers: int | None,
    progress: Progress,
) -> tuple[str, str]:
    """Writes samples.bin and labels.bin; returns their checksums."""
    labels: list[int] = []
    step = f"preparing {dataset.name}"
    progress(step, 0, count)
    with (directory / SAMPLES).open("wb") as stream:
        digest = hashlib.sha256()
        for batch_labels, values in _batches(dataset, preprocessing, raw, count, workers):
            stream.write(values)
            digest.update(values)
            labels += batch_labels
            progress(step, len(labels), count)
    if len(labels) != count:
        raise UsageError(
            "the wrong number of samples", where=str(raw), found=str(len(labels)), expected=str(count)
        )
    label_file = directory / LABELS
    label_file.write_bytes(b"".join(label.to_bytes(4, "little") for label in labels))
    return digest.hexdigest(), file_sha256(label_file)


def _batches(
    dataset: Dataset, preprocessing: Preprocessing, raw: Path, count: int, workers: int | None
) -> Iterator[tuple[list[int], bytes]]:
    """Labels and values of successive batches, in order."""
    samples = read_samples(dataset, raw)
    processes = min(workers or len(os.sched_getaffinity(0)), -(-count // BATCH))
    small = preprocessing.shape[0] == 1 or count <= IN_PROCESS
    if processes == 1 or (workers is None and small):
        for batch in _split(samples):
            yield [sample.label for sample in batch], _apply(preprocessing.id, batch)
        return
    # A fresh interpreter each: forking one that has threads can deadlock.
    with ProcessPoolExecutor(processes, get_context("spawn"), _start_worker) as pool:
        under_way: deque[tuple[list[int], Future[bytes]]] = deque()
        try:
            for batch in _split(samples):
                under_way.append(
                    ([sample.label for sample in batch], pool.submit(_apply, preprocessing.id, batch))
                )
                if len(under_way) >= processes * BATCHES_UNDER_WAY:
                    labels, future = under_way.popleft()
                    yield labels, future.result()
            while under_way:
                labels, future = under_way.popleft()
                yield labels, future.result()
        except BrokenExecutor as error:
            raise UsageError(
                "a process that prepares samples was killed",
                found="most often for memory",
                remedy="try again with fewer processes: --workers 1",
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Leaves Ctrl-C, which reaches every process of the terminal, to the first; keeps NumPy to one thread each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def _split(samples: Iterable[RawSample]) -> Iterator[list[RawSample]]:
    iterator = iter(samples)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _apply(preprocessing: str, batch: list[RawSample]) -> bytes:
    """The values of a batch, row-major and little-endian; runs in another process."""
    steps = find_preprocessing(preprocessing)
    rows: list[bytes] = []
    for sample in batch:
        try:
            rows.append(steps.apply(sample.data).astype("<f4").tobytes())
        except Unreadable as error:
            raise UsageError(
                "the sample cannot be read",
                where=sample.name,
                found=str(error),
                remedy="replace the file by a whole copy",
            ) from error
    return b"".join(rows)
