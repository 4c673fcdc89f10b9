"""A prepared data set on disk (docs/contracts.md, "Prepared data set"): reading it back, checked."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

from mlperf_bake.cache.store import ChecksumMismatch, file_sha256
from mlperf_bake.errors import UsageError

CONF = "dataset.conf"
SAMPLES = "samples.bin"
LABELS = "labels.bin"
INDEX = "index.bin"
VALUE_BYTES = {"float32": 4, "int32": 4, "int64": 8, "uint8": 1}
LABEL_BYTES = 4  # int32
OFFSET_BYTES = 8  # uint64
VARIES = "n"
"""Stands in ``shape`` for an extent that differs from sample to sample."""
OPTIONAL = ("labels_sha256", "index_sha256")
KEYS = (
    "name",
    "preprocessing",
    "count",
    "shape",
    "dtype",
    "classes",
    "samples_sha256",
    "labels_sha256",
    "index_sha256",
    "demonstration",
    "official_count",
    "source",
)


@dataclass(frozen=True, slots=True)
class PreparedDataset:
    """What dataset.conf says, and where it lies.

    Attributes:
        path: the directory, to be mounted at /data.
        shape: of one sample; an extent of 0 differs from sample to sample.
        classes: 0 where samples have no labels.
        labels_sha256: empty where there is no labels.bin.
        index_sha256: of index.bin, which says where each sample begins; empty where all are equally long.
        demonstration: results on it demonstrate; they are no benchmark results.
        official_count: samples of the official set, 0 where this is no official set.
        source: what it was made from, in words.
    """

    path: Path
    name: str
    preprocessing: str
    count: int
    shape: tuple[int, ...]
    dtype: str
    classes: int
    samples_sha256: str
    labels_sha256: str
    demonstration: bool
    official_count: int
    source: str
    index_sha256: str = ""

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample in samples.bin; 0 where they differ."""
        return prod(self.shape) * VALUE_BYTES[self.dtype]

    def conf(self) -> str:
        """The text of dataset.conf."""
        values = {
            "name": self.name,
            "preprocessing": self.preprocessing,
            "count": str(self.count),
            "shape": "x".join(str(extent) if extent else VARIES for extent in self.shape),
            "dtype": self.dtype,
            "classes": str(self.classes),
            "samples_sha256": self.samples_sha256,
            "labels_sha256": self.labels_sha256,
            "index_sha256": self.index_sha256,
            "demonstration": "yes" if self.demonstration else "no",
            "official_count": str(self.official_count),
            "source": self.source,
        }
        return "".join(f"{key} = {value}\n" for key, value in values.items() if value or key not in OPTIONAL)


def load_prepared(directory: Path, *, checksums: bool = True) -> PreparedDataset:
    """The prepared data set in a directory.

    Args:
        checksums: also compare the files' checksums, which reads them in full.

    Raises:
        UsageError: no data set there, or one that is incomplete; ChecksumMismatch: its content was changed.
    """
    conf = directory / CONF
    try:
        text = conf.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(
            "no prepared data set there", where=str(directory), expected=f"a file {CONF}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the data set cannot be read", where=str(conf), found=str(error)) from error
    dataset = _parse(directory, _pairs(conf, text))
    size = dataset.count * dataset.sample_bytes
    if dataset.index_sha256:
        varying = dataset.shape.count(0)
        numbers = dataset.count + 1 + (dataset.count * varying if varying > 1 else 0)
        _check_file(directory / INDEX, numbers * OFFSET_BYTES, dataset.index_sha256, checksums)
        size = _last_offset(directory / INDEX, dataset.count)
    _check_file(directory / SAMPLES, size, dataset.samples_sha256, checksums)
    if dataset.labels_sha256:
        _check_file(directory / LABELS, dataset.count * LABEL_BYTES, dataset.labels_sha256, checksums)
    return dataset


def _last_offset(index: Path, count: int) -> int:
    with index.open("rb") as stream:
        stream.seek(count * OFFSET_BYTES)
        return int.from_bytes(stream.read(OFFSET_BYTES), "little")


def _pairs(conf: Path, text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = (part.strip() for part in line.partition("="))
        where = f"{conf}:{number}"
        if not separator:
            raise UsageError("not a line of the form key = value", where=where, found=line.strip())
        if key not in KEYS:
            raise UsageError(f'unknown key "{key}"', where=where, expected="one of " + ", ".join(KEYS))
        if key in pairs:
            raise UsageError(f'the key "{key}" appears twice', where=where)
        pairs[key] = value
    if missing := [key for key in KEYS if key not in pairs and key not in OPTIONAL]:
        raise UsageError(f'the key "{missing[0]}" is missing', where=str(conf))
    return pairs


def _parse(directory: Path, pairs: dict[str, str]) -> PreparedDataset:
    conf = str(directory / CONF)

    def refuse(key: str, expected: str) -> UsageError:
        return UsageError(f"wrong value of {key}", where=conf, found=pairs[key], expected=expected)

    def natural(key: str, text: str, least: int) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= least):
            raise refuse(key, f"a whole number of at least {least}")
        return int(text)

    def checksum(key: str) -> str:
        value = pairs.get(key, "")
        if key in OPTIONAL and key not in pairs:
            return value
        if len(value) != 64 or value.strip("0123456789abcdef"):
            raise refuse(key, "64 hex digits")
        return value

    if pairs["dtype"] not in VALUE_BYTES:
        raise refuse("dtype", "one of " + ", ".join(VALUE_BYTES))
    if pairs["demonstration"] not in ("yes", "no"):
        raise refuse("demonstration", "yes or no")
    extents = pairs["shape"].split("x")
    if (VARIES in extents) != ("index_sha256" in pairs):
        raise refuse("shape", f"{VARIES} as an extent exactly where there is an index_sha256")
    classes = natural("classes", pairs["classes"], 0)
    if (classes > 0) != ("labels_sha256" in pairs):
        raise refuse("classes", "at least 1 exactly where there is a labels_sha256")
    return PreparedDataset(
        path=directory,
        name=pairs["name"],
        preprocessing=pairs["preprocessing"],
        count=natural("count", pairs["count"], 1),
        shape=tuple(0 if extent == VARIES else natural("shape", extent, 1) for extent in extents),
        dtype=pairs["dtype"],
        classes=classes,
        samples_sha256=checksum("samples_sha256"),
        labels_sha256=checksum("labels_sha256"),
        demonstration=pairs["demonstration"] == "yes",
        official_count=natural("official_count", pairs["official_count"], 0),
        source=pairs["source"],
        index_sha256=checksum("index_sha256"),
    )


def _check_file(file: Path, size: int, sha256: str, checksums: bool) -> None:
    try:
        found = file.stat().st_size
        if found != size:
            raise UsageError(
                "the data set is incomplete or of another shape",
                where=str(file),
                found=f"{found} bytes",
                expected=f"{size} bytes",
                remedy="delete the directory and prepare it again",
            )
        if checksums and (digest := file_sha256(file)) != sha256:
            raise ChecksumMismatch(
                str(file), digest, sha256, remedy="delete the directory and prepare it again"
            )
    except OSError as error:
        raise UsageError(
            "the data set cannot be read", where=str(file), found=error.strerror or str(error)
        ) from error
