"""The ways in which the samples of official data sets lie in files that only a user has; those of builds are in reading.py."""

from dataclasses import dataclass

from mlperf_bake.assets.reading import Photos, TokenLists


@dataclass(frozen=True, slots=True)
class Cases:
    """Patients' ``CASE/imaging.nii.gz`` and ``CASE/segmentation.nii.gz``, of the cases that the resource `cases` names."""

    cases: str


@dataclass(frozen=True, slots=True)
class Utterances:
    """LibriSpeech's `parts`, each a directory with FLAC files and transcripts, or PART.tar.gz with its `md5`.

    Attributes:
        longest_s: recordings longer than so many seconds are no samples.
        joined: whether the recordings of a chapter are joined to samples of at most that length.
    """

    parts: tuple[str, ...]
    md5: tuple[str, ...]
    longest_s: float
    joined: bool


@dataclass(frozen=True, slots=True)
class PackagedSpeech:
    """Recordings in a Debian package: WAV files in `directory`, named in its ``fileids``, with ``transcription``."""

    directory: str


@dataclass(frozen=True, slots=True)
class PackagedVolume:
    """A volume in a Debian package, `image`, and the mask that marks its class 1, `mask`."""

    image: str
    mask: str


@dataclass(frozen=True, slots=True)
class PickledTable:
    """A pickled table `file` with token ids in the column `key`, and the truth in the columns `truth`."""

    file: str
    key: str
    truth: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clicks:
    """Criteo's last day as the reference makes it, of `rows` rows; `part` is ``validation`` or ``calibration``."""

    rows: int
    part: str


@dataclass(frozen=True, slots=True)
class Captions:
    """Captions that pictures are made of.

    Attributes:
        sha256: of lines ``ID<tab>CAPTION``.
        archive: the SHA-256 of COCO's annotations as they are given out.
    """

    sha256: str
    archive: str


@dataclass(frozen=True, slots=True)
class LicensedPhotos:
    """The photos of the directory `images` whose licence in the file `annotations` has one of the `licenses`."""

    annotations: str
    images: str
    licenses: tuple[str, ...]


OfficialReading = (
    Cases | Utterances | PackagedSpeech | PackagedVolume | PickledTable | Clicks | Captions | LicensedPhotos
)

FROM_FILES = (Photos, TokenLists, Utterances, PickledTable, Captions)
"""Those that also take a file."""

DECODERS: dict[type, str] = {
    Cases: "nibabel",
    PackagedVolume: "nibabel",
    Utterances: "soundfile",
}
"""Whose version takes part in what a result is, where it is not Pillow's."""
