"""A prepared data set on disk (docs/contracts.md, "Prepared data set"): reading it back, checked."""

from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.assets.cache import ChecksumMismatch, file_sha256
from mlperf_bake.errors import UsageError

CONF = "dataset.conf"
SAMPLES = "samples.bin"
LABELS = "labels.bin"
VALUE_BYTES = 4  # float32
LABEL_BYTES = 4  # int32
KEYS = (
    "name",
    "preprocessing",
    "count",
    "shape",
    "dtype",
    "classes",
    "samples_sha256",
    "labels_sha256",
    "demonstration",
    "official_count",
    "source",
)


@dataclass(frozen=True, slots=True)
class PreparedDataset:
    """What dataset.conf says, and where it lies.

    Attributes:
        path: the directory, to be mounted at /data.
        shape: of one sample.
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

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample in samples.bin."""
        values = 1
        for extent in self.shape:
            values *= extent
        return values * VALUE_BYTES

    def conf(self) -> str:
        """The text of dataset.conf."""
        values = (
            self.name,
            self.preprocessing,
            str(self.count),
            "x".join(map(str, self.shape)),
            self.dtype,
            str(self.classes),
            self.samples_sha256,
            self.labels_sha256,
            "yes" if self.demonstration else "no",
            str(self.official_count),
            self.source,
        )
        return "".join(f"{key} = {value}\n" for key, value in zip(KEYS, values, strict=True))


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
    _check_file(directory / SAMPLES, dataset.count * dataset.sample_bytes, dataset.samples_sha256, checksums)
    _check_file(directory / LABELS, dataset.count * LABEL_BYTES, dataset.labels_sha256, checksums)
    return dataset


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
    if missing := [key for key in KEYS if key not in pairs]:
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
        value = pairs[key]
        if len(value) != 64 or value.strip("0123456789abcdef"):
            raise refuse(key, "64 hex digits")
        return value

    if pairs["dtype"] != "float32":
        raise refuse("dtype", "float32")
    if pairs["demonstration"] not in ("yes", "no"):
        raise refuse("demonstration", "yes or no")
    return PreparedDataset(
        path=directory,
        name=pairs["name"],
        preprocessing=pairs["preprocessing"],
        count=natural("count", pairs["count"], 1),
        shape=tuple(natural("shape", extent, 1) for extent in pairs["shape"].split("x")),
        dtype=pairs["dtype"],
        classes=natural("classes", pairs["classes"], 1),
        samples_sha256=checksum("samples_sha256"),
        labels_sha256=checksum("labels_sha256"),
        demonstration=pairs["demonstration"] == "yes",
        official_count=natural("official_count", pairs["official_count"], 0),
        source=pairs["source"],
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
