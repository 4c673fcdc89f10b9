"""The manifest of a run: ``manifest.json`` in, one frozen ``Manifest`` out (docs/contracts.md, "Result").

All keys are always there; a value that the harness could not know is null, here None. Keys that this reader
does not know are left alone, so that results of newer images can still be collected; a key that changes its
meaning changes the schema's number. manifest.schema.json
beside this file says the same to other tools. Times are UTC; ``*_ms`` milliseconds, ``*_ns`` nanoseconds,
``*_us`` microseconds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.rounds.model import Seeds
from mlperf_bake.rounds.record import Record

SCHEMA: Final = "mlperf-bake/manifest/1"
SCENARIOS: Final = ("SingleStream", "MultiStream", "Server", "Offline", "Interactive")
MODES: Final = ("performance", "accuracy", "find-peak", "compliance/TESTnn")
_MODE = re.compile(r"performance|accuracy|find-peak|compliance/TEST[0-9]{2}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_LIMIT: Final = 4 * 2**20
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 9000


@dataclass(frozen=True, slots=True)
class Cell:
    """What was run: the five axis values and what follows from them."""

    id: str
    model: str
    implementation: str
    framework: str
    hardware: str
    os: str
    division: str
    round: str
    benchmark: str | None
    precision: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How it was run."""

    workers: int | None
    threads: int | None
    batch: int | None
    batch_timeout_us: int | None
    pin: str | None
    warmup: int | None
    duration_ms: int | None
    min_query_count: int | None
    target_qps: float | None
    target_qps_source: str | None
    target_latency_ms: float | None
    target_latency_source: str | None
    samples_per_query: int | None


@dataclass(frozen=True, slots=True)
class LoadGen:
    """The load generator in the image."""

    version: str
    revision: str | None
    seeds: Seeds


@dataclass(frozen=True, slots=True)
class Backend:
    """The runtime that answered.

    Attributes:
        files: programs it ran besides the weights, name and SHA-256.
        own_class: the file (``mine.py`` or ``mine.py:CLASS``) of a class that took the place of the image's own.
    """

    name: str
    version: str | None
    provider: str | None
    files: tuple[tuple[str, str], ...] = ()
    own_class: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights file."""

    file: str
    sha256: str | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Dataset:
    """The samples.

    Attributes:
        verified: the harness compared the files' checksums; None where it does not say.
        official_count: size of the official set, 0 where there is none.
    """

    name: str
    synthetic: bool
    count: int
    shape: tuple[int, ...]
    dtype: str | None
    preprocessing: str | None
    samples_sha256: str | None
    labels_sha256: str | None
    verified: bool | None
    official_count: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What LoadGen saw and issued, and the processor time the whole run took."""

    total_sample_count: int
    performance_sample_count: int
    samples: int | None
    queries: int | None
    cpu_seconds: float | None


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Resident bytes of the harness: loaded and warm, before LoadGen made its queries; and at most."""

    rss_after_load_bytes: int
    rss_peak_bytes: int


@dataclass(frozen=True, slots=True)
class Host:
    """The machine, as seen from inside the container; ``physical_cores`` is over all sockets."""

    cpu_model: str | None
    cpu_vendor: str | None
    logical_cpus: int | None
    usable_cpus: int | None
    physical_cores: int | None
    sockets: int | None
    memory_bytes: int | None
    memory_limit_bytes: int | None
    kernel: str | None
    os: str | None
    architecture: str | None
    accelerators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """What an INVALID run missed, and the harness's options that would have met it (none where nothing would)."""

    because: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The headline figure of a performance run; latencies by name (``p90``) in nanoseconds.

    Attributes:
        correction: for an INVALID run; None in manifests of harnesses that gave none.
    """

    validity: str
    metric: str | None
    value: float | None
    reasons: tuple[str, ...]
    latency_ns: Mapping[str, float]
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Correct answers over a data set; ``value`` is a share between 0 and 1."""

    metric: str
    correct: int
    total: int
    value: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """One run, whole."""

    run_id: str
    status: str
    demonstration: tuple[str, ...]
    cell: Cell
    fingerprint: str | None
    image_digest: str | None
    argv: tuple[str, ...]
    scenario: str
    mode: str
    settings: Settings
    loadgen: LoadGen
    backend: Backend
    weights: Weights | None
    dataset: Dataset | None
    counts: Counts
    memory: MemoryUse | None
    host: Host
    started_at: datetime
    ended_at: datetime | None
    result: Result | None
    accuracy: Accuracy | None

    @property
    def compliance_test(self) -> str | None:
        """The test that a run of mode ``compliance/TESTnn`` is of; None for other runs."""
        return self.mode.partition("/")[2] or None


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file.

    Raises:
        UsageError: not readable, not JSON, or not a manifest of this schema; says which key.
    """
    return parse_manifest(strict_json.read(path, _LIMIT), str(path))


def parse_manifest(data: object, where: str) -> Manifest:
    """The manifest in parsed JSON; errors name ``where`` and the key."""

    def refuse(path: tuple[str, ...], found: str, expected: str) -> NoReturn:
        raise UsageError(
            f"not a manifest of {SCHEMA}: {'.'.join(path) or 'the whole file'}",
            where=where,
            found=found,
            expected=expected,
        )

    record = Record(data, (), refuse)
    record.text("schema", among=(SCHEMA,))
    return Manifest(
        run_id=_name(record, "run_id"),
        status=record.text("status", among=("finished", "interrupted")),
        demonstration=record.texts("demonstration"),
        cell=_cell(record.record("cell")),
        fingerprint=_fingerprint(record, "fingerprint"),
        image_digest=_fingerprint(record, "image_digest"),
        argv=record.texts("argv"),
        scenario=record.text("scenario", among=SCENARIOS),
        mode=_mode(record),
        settings=_settings(record.record("settings")),
        loadgen=_loadgen(record.record("loadgen")),
        backend=_backend(record.record("backend")),
        weights=_weights(record.record("weights")) if record.given("weights") else None,
        dataset=_dataset(record.record("dataset")) if record.given("dataset") else None,
        counts=_counts(record.record("counts")),
        memory=_memory(record.record("memory")) if record.has("memory") else None,
        host=_host(record.record("host")),
        started_at=_time(record, "started_at"),
        ended_at=_time(record, "ended_at") if record.given("ended_at") else None,
        result=_result(record.record("result")) if record.given("result") else None,
        accuracy=_accuracy(record.record("accuracy")) if record.given("accuracy") else None,
    )


def _text(record: Record, key: str) -> str | None:
    return (record.text(key) or None) if record.given(key) else None


def _integer(record: Record, key: str) -> int | None:
    return record.integer(key) if record.given(key) else None


def _number(record: Record, key: str) -> float | None:
    return record.number(key) if record.given(key) else None


def _name(record: Record, key: str) -> str:
    """A text that is used as the name of a directory."""
    value = record.text(key)
    if not _NAME.fullmatch(value):
        record.fail(key, repr(value[:60]), "letters, digits, '.', '_', '+', '-', a letter or digit first")
    return value


def _mode(record: Record) -> str:
    value = record.text("mode")
    if not _MODE.fullmatch(value):
        record.fail("mode", repr(value[:60]), "one of " + ", ".join(MODES))
    return value


def _fingerprint(record: Record, key: str) -> str | None:
    value = _text(record, key)
    if value is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        record.fail(key, repr(value[:80]), "sha256: and 64 hex digits, or null")
    return value


def _sha256(record: Record, key: str) -> str | None:
    value = _text(record, key)
    if value is not None and not re.fullmatch(r"[0-9a-f]{64}", value):
        record.fail(key, repr(value[:80]), "64 hex digits, or null")
    return value


def _time(record: Record, key: str) -> datetime:
    value = record.text(key)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        record.fail(key, repr(value[:60]), "a time like 2026-11-22T09:15:00.123Z")
    if time.tzinfo is None:
        record.fail(key, repr(value), "a time with its zone, like 2026-11-22T09:15:00.123Z")
    if not _FIRST_YEAR <= time.year < _LAST_YEAR:
        record.fail(key, repr(value), f"a time between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return time.astimezone(UTC)


def _cell(record: Record) -> Cell:
    return Cell(
        id=_name(record, "id"),
        model=_name(record, "model"),
        implementation=record.text("implementation"),
        framework=record.text("framework"),
        hardware=record.text("hardware"),
        os=record.text("os"),
        division=record.text("division", among=("open", "closed", "network")),
        round=record.text("round"),
        benchmark=_text(record, "benchmark"),
        precision=_text(record, "precision"),
    )


def _settings(record: Record) -> Settings:
    return Settings(
        workers=_integer(record, "workers"),
        threads=_integer(record, "threads"),
        batch=_integer(record, "batch"),
        batch_timeout_us=_integer(record, "batch_timeout_us"),
        pin=_text(record, "pin"),
        warmup=_integer(record, "warmup"),
        duration_ms=_integer(record, "duration_ms"),
        min_query_count=_integer(record, "min_query_count"),
        target_qps=_number(record, "target_qps"),
        target_qps_source=_text(record, "target_qps_source"),
        target_latency_ms=_number(record, "target_latency_ms"),
        target_latency_source=record.text("target_latency_source")
        if record.has("target_latency_source")
        else None,
        samples_per_query=_integer(record, "samples_per_query"),
    )


def _loadgen(record: Record) -> LoadGen:
    return LoadGen(
        version=record.text("version"),
        revision=_text(record, "revision"),
        seeds=Seeds(
            record.integer("qsl_rng_seed"),
            record.integer("sample_index_rng_seed"),
            record.integer("schedule_rng_seed"),
        ),
    )


def _backend(record: Record) -> Backend:
    files = record.record("files") if record.has("files") else None
    options = record.record("options") if record.has("options") else None
    ran = Path(options.text("class")) if options is not None and options.has("class") else Path()
    return Backend(
        name=record.text("name"),
        version=_text(record, "version"),
        provider=_text(record, "provider"),
        files=tuple((name, files.text(name)) for name in sorted(files.names())) if files else (),
        own_class=ran.name
        if ran.is_absolute()
        else "",  # the image's own is named from its cell.conf's directory
    )


def _weights(record: Record) -> Weights:
    return Weights(record.text("file"), _sha256(record, "sha256"), _integer(record, "bytes"))


def _dataset(record: Record) -> Dataset:
    return Dataset(
        name=record.text("name"),
        synthetic=record.boolean("synthetic"),
        count=record.integer("count"),
        shape=record.integers("shape"),
        dtype=_text(record, "dtype"),
        preprocessing=_text(record, "preprocessing"),
        samples_sha256=_sha256(record, "samples_sha256"),
        labels_sha256=_sha256(record, "labels_sha256"),
        verified=record.boolean("verified") if record.has("verified") else None,
        official_count=record.integer("official_count"),
    )


def _counts(record: Record) -> Counts:
    return Counts(
        record.integer("total_sample_count"),
        record.integer("performance_sample_count"),
        _integer(record, "samples"),
        _integer(record, "queries"),
        record.number("cpu_seconds") if record.has("cpu_seconds") else None,
    )


def _memory(record: Record) -> MemoryUse:
    return MemoryUse(record.integer("rss_after_load_bytes"), record.integer("rss_peak_bytes"))


def _host(record: Record) -> Host:
    return Host(
        cpu_model=_text(record, "cpu_model"),
        cpu_vendor=_text(record, "cpu_vendor"),
        logical_cpus=_integer(record, "logical_cpus"),
        usable_cpus=_integer(record, "usable_cpus"),
        physical_cores=record.integer("physical_cores", minimum=1) if record.has("physical_cores") else None,
        sockets=_integer(record, "sockets"),
        memory_bytes=_integer(record, "memory_bytes"),
        memory_limit_bytes=_integer(record, "memory_limit_bytes"),
        kernel=_text(record, "kernel"),
        os=_text(record, "os"),
        architecture=_text(record, "architecture"),
        accelerators=record.texts("accelerators"),
    )


def _result(record: Record) -> Result:
    latency = record.record("latency_ns") if record.given("latency_ns") else None
    return Result(
        validity=record.text("validity", among=("VALID", "INVALID")),
        metric=_text(record, "metric"),
        value=_number(record, "value"),
        reasons=record.texts("reasons"),
        latency_ns={key: latency.number(key) for key in latency.names() if latency.has(key)}
        if latency
        else {},
        correction=_correction(record.record("correction")) if record.has("correction") else None,
    )


def _correction(record: Record) -> Correction:
    return Correction(record.text("because"), record.texts("options"))


def _accuracy(record: Record) -> Accuracy:
    accuracy = Accuracy(
        record.text("metric"),
        record.integer("correct"),
        record.integer("total", minimum=1),
        record.number("value"),
    )
    if accuracy.correct > accuracy.total:
        record.fail("correct", str(accuracy.correct), f"at most the total, {accuracy.total}")
    if abs(accuracy.value - accuracy.correct / accuracy.total) > 1e-6:
        record.fail("value", str(accuracy.value), f"{accuracy.correct} / {accuracy.total}")
    return accuracy
