"""The ground truth that a prepared data set brings: by its directory, its name, or the data set that a run says it read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlperf_bake.cache.store import Cache, default_root
from mlperf_bake.datasets.declared import UserDirectory, datasets
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import CONF, PreparedDataset, load_prepared
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.progress import Progress
from mlperf_bake.results.manifest import Dataset

SAMPLE: Final = "sample"
"""Means the data set that the run read."""


def given_truth(text: str, read: Dataset | None, progress: Progress, cache: Cache | None = None) -> Path:
    """What ``--truth`` means: a file or directory in the form that the benchmark takes, the directory of a prepared data set,
    the name of one, or ``sample``.

    Args:
        read: the data set that the run read, where its manifest says so.
        progress: told while a data set that can be fetched is prepared.

    Raises:
        UsageError: no such data set is prepared, it has no ground truth, or it is not the one that the run read.
    """
    place = Path(text).expanduser()
    if place.exists():
        if not (place / CONF).is_file():
            return place
        _require_same(load_prepared(place, checksums=False), read)
        return truth_of(place)
    name = text
    if text == SAMPLE:
        if read is None or read.synthetic:
            raise UsageError(
                "the run does not say which data set it read",
                found="no manifest" if read is None else "generated samples, which have no truth",
                remedy="--truth PATH",
            )
        name = read.name
    if name not in datasets():
        if place.suffix or place.name != text:
            return place  # a file: the benchmark's own reader says what is wrong with it
        raise UsageError(
            f'no ground truth "{text}"{did_you_mean(text, (*datasets(), SAMPLE))}',
            found="neither a file or directory, nor the name of a data set",
            remedy="--truth PATH, or a name: `mlperf-bake data list`",
        )
    cache = cache or Cache(default_root())
    found = _kept(name, read, cache)
    if found is None:
        found = _made(name, read, cache, progress)
    _require_same(found, read)
    return truth_of(found.path)


def known_truth(read: Dataset | None, cache: Cache | None = None) -> Path | None:
    """The ground truth of the data set that a run read, where it is in the cache; None where it is not, or has none."""
    if read is None or read.synthetic:
        return None
    found = _kept(read.name, read, cache or Cache(default_root()))
    if found is None or not _same(found, read):
        return None
    try:
        return truth_of(found.path)
    except UsageError:  # prepared without ground truth, or damaged: as if it were not there
        return None


def _kept(name: str, read: Dataset | None, cache: Cache) -> PreparedDataset | None:
    """The prepared data set of that name in the cache: that which was read, else the newest."""
    found = sorted(_all_kept(name, cache), key=lambda one: (one.path / CONF).stat().st_mtime, reverse=True)
    if read is not None:
        found.sort(key=lambda one: (one.samples_sha256 != read.samples_sha256, not _same(one, read)))
    return found[0] if found else None


def _all_kept(name: str, cache: Cache) -> Iterator[PreparedDataset]:
    for conf in cache.made_path("datasets", "").glob(f"{name}-*/{CONF}"):
        try:
            dataset = load_prepared(conf.parent, checksums=False)
        except UsageError:  # damaged: whoever prepares it next makes it again
            continue
        if dataset.name == name:
            yield dataset


def _made(name: str, read: Dataset | None, cache: Cache, progress: Progress) -> PreparedDataset:
    dataset = datasets()[name]
    if isinstance(dataset.source, UserDirectory):
        raise UsageError(
            f"the data set {name} is not prepared yet, and only you may have it",
            expected=dataset.source.holds,
            remedy=f"mlperf-bake data prepare {name} --preprocessing {dataset.preprocessings[0]} --from DIRECTORY, "
            "or give the directory that it was prepared in: --truth DIR",
        )
    said = read.preprocessing if read is not None else None
    way = said if said in dataset.preprocessings else dataset.preprocessings[0]
    return prepare(name, way, cache=cache, progress=progress)


def _same(prepared: PreparedDataset, read: Dataset) -> bool:
    """Whether answers about one are answers about the other: the same samples, or the same labels of as many."""
    if prepared.samples_sha256 == read.samples_sha256:
        return True
    same_labels = bool(prepared.labels_sha256) and prepared.labels_sha256 == read.labels_sha256
    return same_labels and prepared.count == read.count


def _require_same(prepared: PreparedDataset, read: Dataset | None) -> None:
    if read is None or read.synthetic or read.samples_sha256 is None or _same(prepared, read):
        return
    raise UsageError(
        "this is not the data set that the run read",
        where=str(prepared.path),
        found=f"{prepared.name}, {prepared.count} samples, samples_sha256 {prepared.samples_sha256}",
        expected=f"{read.name}, {read.count} samples, samples_sha256 {read.samples_sha256}",
        remedy="--truth with the data set that was run",
    )
