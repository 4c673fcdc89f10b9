"""What `--data` means: a prepared data set by its place or its name, or generated samples."""

from pathlib import Path
from typing import Literal

from mlperf_bake.cache.store import Cache, default_root
from mlperf_bake.datasets.declared import Dataset, UserDirectory, datasets
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import CONF
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.matrix.values import Model
from mlperf_bake.progress import Progress
from mlperf_bake.run.request import SYNTHETIC
from mlperf_bake.submission.completing import SAMPLE


def raw_data(text: str, cell_id: str) -> Path:
    """The directory that a reference implementation reads itself, in the form it reads.

    Raises:
        UsageError: there is no such directory.
    """
    place = Path(text).expanduser().absolute()
    if not place.is_dir():
        raise UsageError(
            "a reference implementation reads its data from a directory of yours",
            where=cell_id,
            found=text,
            expected="a directory with the data as mlcommons/inference describes it",
            remedy="--data DIR",
        )
    return place


def data_for(
    text: str, model: Model, progress: Progress, cache: Cache | None = None
) -> Path | Literal["synthetic"]:
    """The data that a run of this model reads.

    Args:
        text: ``synthetic``; the directory of a prepared data set; the name of a data set, which is taken from the cache
            or prepared now; or ``sample``, the labelled data that the model itself names.
        model: whose input the data are prepared for.
        progress: told while data are prepared.

    Raises:
        UsageError: neither a prepared data set nor the name of one, or one that is not for this model.
    """
    if text == SYNTHETIC:
        return SYNTHETIC
    place = Path(text).expanduser()
    if (place / CONF).is_file():
        return place.absolute()
    known = datasets()
    name = model.sample_data if text == SAMPLE else text
    if name in known:
        return _prepared(known[name], model, progress, cache or Cache(default_root()))
    if "/" in text or place.exists():
        raise UsageError(
            "not a prepared data set",
            where=text,
            found=f"no {CONF} in it" if place.is_dir() else "no such directory",
            expected=f"a directory with {CONF}, samples.bin, labels.bin, or one of {_words(model)}",
            remedy=f"mlperf-bake data prepare {model.sample_data} --for {model.name}",
        )
    raise UsageError(
        f'unknown data set "{text}"{did_you_mean(text, (*_names(model), SAMPLE, SYNTHETIC))}',
        expected=f"one of {_words(model)}, or the directory of a prepared one",
        remedy="`mlperf-bake data list` shows every data set",
    )


def what_is_read(data: str, model: Model) -> str:
    """Of a run on generated samples what it is good for, in a sentence; empty where real data are read."""
    if data != SYNTHETIC:
        return ""
    own = f"; --data {SAMPLE} reads {model.sample_data}" if model.sample_data in datasets() else ""
    return f"samples: generated; they measure speed alone and make no submission{own}"


def require_labels(data: str, mode: str, model: Model, command: str) -> None:
    """Does nothing where the run can measure what it is for.

    Args:
        data: as typed.
        command: the same run with the model's own data.

    Raises:
        UsageError: accuracy on generated samples.
    """
    if mode == "accuracy" and data == SYNTHETIC:
        raise UsageError(
            "generated samples have no labels: no accuracy can be measured on them",
            found=f"--data {SYNTHETIC}",
            expected=f"--data with one of {', '.join((*_names(model), SAMPLE))}, or with what "
            f"`mlperf-bake data prepare NAME --for {model.name}` prints",
            remedy=command,
        )


def _prepared(dataset: Dataset, model: Model, progress: Progress, cache: Cache) -> Path:
    if model.preprocessing not in dataset.preprocessings:
        raise UsageError(
            f"the data set {dataset.name} is not for {model.name}",
            expected=f"one of {_words(model)}",
            remedy=f"--data {SAMPLE}",
        )
    if isinstance(dataset.source, UserDirectory):
        return _prepared_before(dataset, model, cache)
    return prepare(dataset.name, model.preprocessing, cache=cache, progress=progress).path


def _prepared_before(dataset: Dataset, model: Model, cache: Cache) -> Path:
    """The newest one in the cache: only the user knows where the raw samples lie."""
    kept = cache.made_path("datasets", "").glob(f"{dataset.name}-{model.preprocessing}-*/{CONF}")
    newest = max(kept, key=lambda conf: conf.stat().st_mtime, default=None)
    if newest is None:
        assert isinstance(dataset.source, UserDirectory)
        raise UsageError(
            f"the data set {dataset.name} is not prepared yet, and only you may have it",
            expected=dataset.source.holds,
            remedy=f"mlperf-bake data prepare {dataset.name} --for {model.name} --from DIRECTORY",
        )
    return newest.parent


def _names(model: Model) -> tuple[str, ...]:
    """The data sets that this model can read."""
    return tuple(
        name for name, dataset in datasets().items() if model.preprocessing in dataset.preprocessings
    )


def _words(model: Model) -> str:
    return f"{', '.join(_names(model))}, {SAMPLE} ({model.sample_data}), {SYNTHETIC}"
