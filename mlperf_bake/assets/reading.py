"""The ways in which raw samples lie in a data set's source."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WheelImages:
    """Image files ``<prefix><number>_<label>.<type>`` in a wheel."""

    prefix: str


@dataclass(frozen=True, slots=True)
class DebianIdx:
    """Two gzipped idx files in a Debian package."""

    images: str
    labels: str


@dataclass(frozen=True, slots=True)
class ListedFiles:
    """Files of a directory, named with their labels in the text file `list`."""

    list: str


@dataclass(frozen=True, slots=True)
class Photos:
    """Photos that a user has: named with their labels in the text file `list`, loose beside it or in the tar file `archive`,
    whose MD5 its makers publish."""

    list: str
    archive: str
    md5: str


@dataclass(frozen=True, slots=True)
class AnnotatedPhotos:
    """Photos that a user has in the directory `images`, named in the file `annotations`, which has COCO's form."""

    annotations: str
    images: str


@dataclass(frozen=True, slots=True)
class SquadWindows:
    """SQuAD's `questions` and BERT's `vocabulary`, two files of a directory that a user has."""

    questions: str
    vocabulary: str


@dataclass(frozen=True, slots=True)
class TokenLists:
    """A list of JSON objects in the file `file`, each with token ids under `key`."""

    file: str
    key: str


@dataclass(frozen=True, slots=True)
class WheelPatches:
    """An array of grey patches in a wheel, the .npy `file`; the first `found` show what is to be found, the others do not."""

    file: str
    found: int


OwnReading = Photos | AnnotatedPhotos | SquadWindows | TokenLists
"""The ways in which samples lie in files that only a user has."""

Composed = WheelPatches
"""The ways in which samples are made up out of what a package holds."""

Reading = WheelImages | DebianIdx | ListedFiles


class Sampled(Protocol):
    """What must be known of a data set to read its samples: how they lie, how many there are, and of how many classes."""

    @property
    def reading(self) -> Reading: ...
    @property
    def count(self) -> int: ...
    @property
    def classes(self) -> int: ...
