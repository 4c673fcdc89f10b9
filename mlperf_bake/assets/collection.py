"""The raw samples of a data set as one value: how many there are, and reading them from any of them on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.assets.official_readings import (
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
from mlperf_bake.assets.progress import Progress
from mlperf_bake.assets.raw_samples import RawSample, count_samples, read_samples
from mlperf_bake.assets.reading import (
    AnnotatedPhotos,
    Composed,
    Photos,
    Reading,
    SquadWindows,
    TokenLists,
    WheelPatches,
)
from mlperf_bake.assets.truth import Truth
from mlperf_bake.errors import UsageError
from mlperf_bake.results.printable import printable

if TYPE_CHECKING:
    from mlperf_bake.assets.datasets import Dataset


@dataclass(frozen=True)
class Collection:
    """Raw samples in the data set's order.

    Attributes:
        count: how many.
        read: those from an index on; raises UsageError for what is missing, damaged or mislabelled.
        part: which part of the data set it is, in words; empty where it is all that the source has.
        truth: writes what answers are held against; None where the labels are all of it, or the source has none.
        size: bytes of the prepared samples where these differ in size, as far as it is known before.
        official: whether it can be the official data set at all.
    """

    count: int
    read: Callable[[int], Iterator[RawSample]]
    part: str = ""
    truth: Truth | None = None
    size: int = 0
    official: bool = True


def list_name(only: Path) -> str:
    """What a list of files is called in ``Collection.part``: one line of text, whatever its name is."""
    return printable(only.name).strip()


def open_collection(dataset: "Dataset", source: Path, only: Path | None, progress: Progress) -> Collection:
    """The samples that a source has of a data set.

    Args:
        only: a list of file names, such as MLPerf's lists of calibration samples; the samples are these, in its order.
        progress: told while an archive's checksum is computed.

    Errors:
        UsageError: the source is not one of the data set, or only photos can be chosen by a list.
    """
    reading = dataset.reading
    if isinstance(reading, Photos):
        from mlperf_bake.assets.photos import open_photos

        return open_photos(dataset, reading, source, only, progress)
    if isinstance(reading, AnnotatedPhotos):
        from mlperf_bake.assets.annotated_photos import open_annotated

        return open_annotated(dataset, reading, source, only)
    if isinstance(reading, Cases):
        from mlperf_bake.assets.cases import open_cases

        return open_cases(dataset, reading, source, only)
    if isinstance(reading, Utterances):
        from mlperf_bake.assets.utterances import open_utterances

        return open_utterances(dataset, reading, source, only, progress)
    if isinstance(reading, SquadWindows):
        from mlperf_bake.assets.squad_features import open_squad

        return open_squad(dataset, reading, source, only, progress)
    if isinstance(reading, Captions):
        from mlperf_bake.assets.captions import open_captions

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
    dataset: "Dataset",
    reading: TokenLists | Composed | OfficialReading,
    source: Path,
    progress: Progress,
) -> Collection:
    """Those of which no part can be chosen."""
    match reading:
        case TokenLists():
            from mlperf_bake.assets.token_lists import open_token_lists

            return open_token_lists(dataset, reading, source)
        case WheelPatches():
            from mlperf_bake.assets.patches import open_patches

            return open_patches(dataset, reading, source)
        case PickledTable():
            from mlperf_bake.assets.pickled_tokens import open_pickled

            return open_pickled(dataset, reading, source, progress)
        case Clicks():
            from mlperf_bake.assets.clicks import open_clicks

            return open_clicks(reading, source)
        case LicensedPhotos():
            from mlperf_bake.assets.licensed_photos import open_licensed

            return open_licensed(dataset, reading, source)
        case PackagedSpeech():
            from mlperf_bake.assets.utterances import open_packaged_speech

            return open_packaged_speech(reading, source)
        case PackagedVolume():
            from mlperf_bake.assets.cases import open_packaged_volume

            return open_packaged_volume(reading, source)
        case _:
            raise AssertionError(reading)  # chosen by lists: above


@dataclass(frozen=True, slots=True)
class _Package:
    """What must be known of a data set to read its samples out of a package or a directory."""

    reading: Reading
    count: int
    classes: int
