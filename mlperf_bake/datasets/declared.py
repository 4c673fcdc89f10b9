"""datasets.yaml into typed values: which data sets there are, where each comes from and how it is read."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from mlperf_bake.assets.reading import (
    AnnotatedPhotos,
    Composed,
    DebianIdx,
    ListedFiles,
    OwnReading,
    Photos,
    Reading,
    SquadWindows,
    TokenLists,
    WheelImages,
    WheelPatches,
)
from mlperf_bake.assets.sources import DebianPackage, PypiFile, Source, UrlFile
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
from mlperf_bake.datasets.preprocessings import KNOWN
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.document import parse
from mlperf_bake.matrix.node import Node
from mlperf_bake.matrix.problems import Problems
from mlperf_bake.matrix.schema import check, load_schema
from mlperf_bake.matrix.suggestions import did_you_mean

SOURCE_KEYS = {
    "pypi": {"pypi", "version", "file", "sha256"},
    "debian": {"debian", "version", "architecture", "path", "sha256"},
    "url": {"url", "sha256"},
    "directory": {"directory"},
}
READ_KEYS = {
    "wheel-images": {"prefix"},
    "debian-idx": {"images", "labels"},
    "directory": {"list"},
    "photos": {"list", "archive", "md5"},
    "annotated-photos": {"annotations", "images"},
    "squad": {"questions", "vocabulary"},
    "token-lists": {"file", "key"},
    "wheel-patches": {"file", "found"},
    "cases": {"list"},
    "utterances": {"parts", "md5s", "longest_s", "joined"},
    "packaged-speech": {"directory"},
    "packaged-volume": {"images", "mask"},
    "pickled-table": {"file", "key", "truth"},
    "clicks": {"rows", "part"},
    "captions": {"sha256", "archive"},
    "licensed-photos": {"annotations", "images", "licenses"},
}


@dataclass(frozen=True, slots=True)
class UserDirectory:
    """A directory that only the user has; `holds` says what must be in it."""

    holds: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set as declared. Each field is explained in datasets.schema.json."""

    name: str
    title: str
    license: str
    count: int
    classes: int
    official_count: int
    source: Source | UserDirectory
    reading: Reading | OwnReading | Composed | OfficialReading
    preprocessings: tuple[str, ...]


@cache
def datasets() -> dict[str, Dataset]:
    """The data sets that come with the product, in the order of the file."""
    file = resources.files("mlperf_bake.datasets").joinpath("datasets.yaml")
    return parse_datasets(file.read_text(encoding="utf-8"), "datasets.yaml")


@cache
def not_prepared() -> dict[str, str]:
    """The official data sets that this program does not prepare, each with the reason."""
    file = resources.files("mlperf_bake.datasets").joinpath("datasets.yaml")
    node, _ = parse(file.read_text(encoding="utf-8"), "datasets.yaml")
    section = _mapping(node).get("not_prepared")
    return {name: str(reason.scalar) for name, reason in _mapping(section).items()} if section else {}


def find_dataset(name: str) -> Dataset:
    """The data set of that name.

    Raises:
        UsageError: there is none; it names the nearest.
    """
    known = datasets()
    if name in not_prepared():
        raise UsageError(
            f"the data set {name} cannot be prepared here",
            found=not_prepared()[name],
            remedy="prepare it with the reference implementation of mlcommons/inference",
        )
    if name not in known:
        raise UsageError(
            f'unknown data set "{name}"{did_you_mean(name, known)}',
            expected="one of " + ", ".join(known),
            remedy="mlperf-bake data list",
        )
    return known[name]


def parse_datasets(text: str, name: str) -> dict[str, Dataset]:
    """The data sets that the YAML text declares.

    Raises:
        UsageError: every problem of the text, with its line and column.
    """
    node, problems = parse(text, name)
    check(node, load_schema("datasets.schema.json", "mlperf_bake.datasets"), problems)
    problems.raise_if_any()
    section = _mapping(_mapping(node)["datasets"])
    for dataset in section.values():
        _check_dataset(_mapping(dataset), problems)
    problems.raise_if_any()
    return {key: _dataset(key, cast(dict[str, Any], value.plain())) for key, value in section.items()}


def _mapping(node: Node) -> dict[str, Node]:
    assert node.mapping is not None  # by the schema
    return node.mapping


def _check_dataset(fields: dict[str, Node], problems: Problems) -> None:
    """What the schema cannot say: which keys go together, which preprocessings exist, sensible numbers."""
    source = fields["source"]
    if set(_mapping(source)) not in SOURCE_KEYS.values():
        choices = "; or ".join(", ".join(sorted(keys)) for keys in SOURCE_KEYS.values())
        problems.add(source.spot, f"a source has exactly these keys: {choices}")
    read = fields["read"]
    kind = str(_mapping(read)["kind"].scalar)
    if set(_mapping(read)) != READ_KEYS[kind] | {"kind"}:
        problems.add(
            read.spot, f'reading "{kind}" needs exactly the keys kind, {", ".join(sorted(READ_KEYS[kind]))}'
        )
    for item in fields["preprocessings"].items or ():
        if item.scalar not in KNOWN:
            suggestion = did_you_mean(str(item.scalar), KNOWN)
            problems.add(item.spot, f'unknown preprocessing "{item.scalar}"{suggestion}')
    for key, least in (("count", 1), ("classes", 0), ("official_count", 0)):
        if cast(int, fields[key].scalar) < least:
            problems.add(fields[key].spot, f'"{key}" must be at least {least}')


def _dataset(name: str, fields: dict[str, Any]) -> Dataset:
    return Dataset(
        name=name,
        title=fields["title"],
        license=fields["license"],
        count=fields["count"],
        classes=fields["classes"],
        official_count=fields["official_count"],
        source=_source(fields["source"]),
        reading=_reading(fields["read"]),
        preprocessings=tuple(fields["preprocessings"]),
    )


def _source(fields: dict[str, str]) -> Source | UserDirectory:
    if "pypi" in fields:
        return PypiFile(fields["pypi"], fields["version"], fields["file"], fields["sha256"])
    if "debian" in fields:
        return DebianPackage(
            fields["debian"], fields["version"], fields["architecture"], fields["sha256"], fields["path"]
        )
    if "url" in fields:
        return UrlFile(fields["url"], fields["sha256"])
    return UserDirectory(fields["directory"])


def _reading(fields: dict[str, Any]) -> Reading | OwnReading | Composed | OfficialReading:
    match fields["kind"]:
        case "wheel-images":
            return WheelImages(fields["prefix"])
        case "debian-idx":
            return DebianIdx(fields["images"], fields["labels"])
        case "photos":
            return Photos(fields["list"], fields["archive"], fields["md5"])
        case "annotated-photos":
            return AnnotatedPhotos(fields["annotations"], fields["images"])
        case "squad":
            return SquadWindows(fields["questions"], fields["vocabulary"])
        case "wheel-patches":
            return WheelPatches(fields["file"], fields["found"])
        case "token-lists":
            return TokenLists(fields["file"], fields["key"])
        case "directory":
            return ListedFiles(fields["list"])
        case _:
            return _official(fields)


def _official(fields: dict[str, Any]) -> OfficialReading:
    match fields["kind"]:
        case "cases":
            return Cases(fields["list"])
        case "utterances":
            return Utterances(
                tuple(fields["parts"]), tuple(fields["md5s"]), float(fields["longest_s"]), fields["joined"]
            )
        case "packaged-speech":
            return PackagedSpeech(fields["directory"])
        case "packaged-volume":
            return PackagedVolume(fields["images"], fields["mask"])
        case "pickled-table":
            return PickledTable(fields["file"], fields["key"], tuple(fields["truth"]))
        case "clicks":
            return Clicks(fields["rows"], fields["part"])
        case "captions":
            return Captions(fields["sha256"], fields["archive"])
        case _:
            return LicensedPhotos(fields["annotations"], fields["images"], tuple(fields["licenses"]))
