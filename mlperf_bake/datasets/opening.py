"""Opens the source of a data set: each way in which raw samples lie has a module that reads it, loaded when it is asked for."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mlperf_bake.assets.raw_samples import count_samples, read_samples
from mlperf_bake.assets.reading import (
    AnnotatedPhotos,
    Composed,
    Photos,
    Reading,
    SquadWindows,
    TokenLists,
    WheelPatches,
)
from mlperf_bake.datasets.collection import Collection
from mlperf_bake.datasets.declared import Dataset
from mlperf_bake.datasets.official_readings import (
    Captions,
    Cases,
    Clicks,
    LicensedPhotos,
    OfficialReading,
    PackagedSpeech,
    PackagedVolume,
    PickledTable,
    Utterances,
)
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress


def open_collection(dataset: Dataset, source: Path, only: Path | None, progress: Progress) -> Collection:
    """The samples that a source has of a data set.

    Args:
        only: a list of file names, such as MLPerf's lists of calibration samples; the samples are these, in its order.
        progress: told while an archive's checksum is computed.

    Errors:
        UsageError: the source is not one of the data set, or only photos can be chosen by a list.
    """
    reading = dataset.reading
    if isinstance(reading, Photos):
        from mlperf_bake.datasets.photos import open_photos

        return open_photos(dataset, reading, source, only, progress)
    if isinstance(reading, AnnotatedPhotos):
        from mlperf_bake.datasets.annotated_photos import open_annotated

        return open_annotated(dataset, reading, source, only)
    if isinstance(reading, Cases):
        from mlperf_bake.datasets.cases import open_cases

        return open_cases(dataset, reading, source, only)
    if isinstance(reading, Utterances):
        from mlperf_bake.datasets.utterances import open_utterances

        return open_utterances(dataset, reading, source, only, progress)
    if isinstance(reading, SquadWindows):
        from mlperf_bake.datasets.squad_features import open_squad

        return open_squad(dataset, reading, source, only, progress)
    if isinstance(reading, Captions):
        from mlperf_bake.datasets.captions import open_captions

        return open_captions(dataset, reading, source, only, progress)
    if only is not None:
        raise UsageError(
            f"no part of the data set {dataset.name} can be chosen by a list of files",
            where=str(only),
            remedy="leave out --calibration",
        )
    if isinstance(reading, Reading):
        package = _Package(reading, dataset.count, dataset.classes)
        return Collection(
            count_samples(package, source), lambda start: islice(read_samples(package, source), start, None)
        )
    return _whole(dataset, reading, source, progress)


def _whole(
    dataset: Dataset,
    reading: TokenLists | Composed | OfficialReading,
    source: Path,
    progress: Progress,
) -> Collection:
    """Those of which no part can be chosen."""
    match reading:
        case TokenLists():
            from mlperf_bake.datasets.token_lists import open_token_lists

            return open_token_lists(dataset, reading, source)
        case WheelPatches():
            from mlperf_bake.datasets.patches import open_patches

            return open_patches(dataset, reading, source)
        case PickledTable():
            from mlperf_bake.datasets.pickled_tokens import open_pickled

            return open_pickled(dataset, reading, source, progress)
        case Clicks():
            from mlperf_bake.datasets.clicks import open_clicks

            return open_clicks(reading, source)
        case LicensedPhotos():
            from mlperf_bake.datasets.licensed_photos import open_licensed

            return open_licensed(dataset, reading, source)
        case PackagedSpeech():
            from mlperf_bake.datasets.utterances import open_packaged_speech

            return open_packaged_speech(reading, source)
        case PackagedVolume():
            from mlperf_bake.datasets.cases import open_packaged_volume

            return open_packaged_volume(reading, source)
        case _:
            raise AssertionError(reading)  # chosen by lists: above


@dataclass(frozen=True, slots=True)
class _Package:
    """What must be known of a data set to read its samples out of a package or a directory."""

    reading: Reading
    count: int
    classes: int
