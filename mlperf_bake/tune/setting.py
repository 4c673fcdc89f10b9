"""What can be tuned, and what one run with it measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Literal, Self

from mlperf_bake.results.manifest import Manifest

SERVED = ("Server", "Interactive")
"""Scenarios whose queries arrive on a schedule: the rate is searched."""
STREAMS = ("SingleStream", "MultiStream")
"""Scenarios with one query after another: the latency is what counts."""

Purpose = Literal["default", "search", "rate", "confirm", "pair default", "pair tuned"]


@dataclass(frozen=True, slots=True, order=True)
class Execution:
    """How samples are computed: batches in flight, threads of each, samples of a batch."""

    workers: int
    threads: int
    batch: int

    def __str__(self) -> str:
        return f"{self.workers} x {self.threads} x {self.batch}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the harness is given; None leaves the choice to it.

    Attributes:
        execution: workers, threads, batch.
        target_qps: Offline: samples/s expected; Server, Interactive: queries/s issued.
        target_latency_ms: SingleStream, MultiStream: latency of a query expected.
    """

    execution: Execution | None = None
    target_qps: float | None = None
    target_latency_ms: float | None = None

    def options(self, scenario: str) -> tuple[str, ...]:
        """The harness's options; a stream of single samples has one worker and no batch."""
        words: list[str] = []
        if self.execution:
            given = asdict(self.execution)
            names = ("threads",) if scenario == "SingleStream" else ("workers", "threads", "batch")
            for name in names:
                words += [f"--{name}", str(given[name])]
        if self.target_qps is not None:
            words += ["--target-qps", f"{self.target_qps:.6g}"]
        if self.target_latency_ms is not None:
            words += ["--target-latency-ms", f"{self.target_latency_ms:.6g}"]
        return tuple(words)

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "execution": asdict(self.execution) if self.execution else None,
            "target_qps": self.target_qps,
            "target_latency_ms": self.target_latency_ms,
        }


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one finished run says.

    Attributes:
        run_id: name of its result.
        execution: what the harness used.
        cpus: CPUs it might use.
        valid: LoadGen's verdict.
        reasons: why not, in the harness's words.
        correction: options that would have met what was missed, as the harness computed them; may be empty.
        value: samples/s; None where LoadGen gave no figure, or one of latency.
        mean_ms, p90_ms, p99_ms: latency of queries (MultiStream) or samples.
        target_qps, target_latency_ms: what was issued or expected, given or measured while warming up.
    """

    run_id: str
    execution: Execution
    cpus: int
    valid: bool
    reasons: tuple[str, ...] = ()
    correction: tuple[str, ...] = ()
    value: float | None = None
    mean_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    target_qps: float | None = None
    target_latency_ms: float | None = None

    @property
    def undetermined(self) -> bool:
        """The only thing missed is that LoadGen wants more queries to be certain."""
        return not self.valid and self.reasons == ("too few queries for early stopping",)

    def suggested(self, option: str) -> float | None:
        """The value that the correction gives for ``option``, such as ``--duration``."""
        words = self.correction
        for name, value in zip(words[::2], words[1::2], strict=False):
            if name == option:
                return float(value)
        return None

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """What a performance run's manifest says; zeros where it does not know."""
        settings, result = manifest.settings, manifest.result
        latency = {name: ns / 1e6 for name, ns in result.latency_ns.items()} if result else {}
        throughput = bool(result and result.metric and result.metric.endswith("samples_per_second"))
        return cls(
            run_id=manifest.run_id,
            execution=Execution(settings.workers or 0, settings.threads or 0, settings.batch or 0),
            cpus=manifest.host.usable_cpus or 1,
            valid=bool(result and result.validity == "VALID"),
            reasons=result.reasons if result else (),
            correction=result.correction.options if result and result.correction else (),
            value=result.value if result and throughput else None,
            mean_ms=latency.get("mean"),
            p90_ms=latency.get("p90"),
            p99_ms=latency.get("p99"),
            target_qps=settings.target_qps,
            target_latency_ms=settings.target_latency_ms,
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a tuning.

    Attributes:
        number: counted from 1.
        purpose: why it was run.
        setting: what the harness was given.
        duration_s: shortest duration asked for.
        measurement: None where the run failed.
        failure: one sentence, where it did.
    """

    number: int
    purpose: Purpose
    setting: Setting
    duration_s: float
    measurement: Measurement | None = None
    failure: str = ""

    @property
    def verdict(self) -> str:
        """One word for people."""
        if self.measurement is None:
            return "failed"
        if self.measurement.valid:
            return "VALID"
        return "undetermined" if self.measurement.undetermined else "INVALID"

    def as_json(self) -> dict[str, object]:
        """Plain values, for the settings file and ``--json``."""
        return {
            "number": self.number,
            "purpose": self.purpose,
            "setting": self.setting.as_json(),
            "duration_s": self.duration_s,
            "measurement": asdict(self.measurement) if self.measurement else None,
            "failure": self.failure,
            "verdict": self.verdict,
        }


def trial_from(value: Mapping[str, object]) -> Trial:
    """The trial that ``Trial.as_json`` wrote.

    Raises:
        ValueError, TypeError, KeyError: it did not.
    """
    setting, measurement = value["setting"], value["measurement"]
    if not isinstance(setting, dict) or not isinstance(measurement, dict | None):
        raise TypeError("setting and measurement are mappings")
    execution = setting["execution"]
    given = {field.name: value[field.name] for field in fields(Trial) if field.name in ("number", "failure")}
    return Trial(
        **given,  # type: ignore[arg-type]
        purpose=value["purpose"],  # type: ignore[arg-type]
        duration_s=float(str(value["duration_s"])),
        setting=Setting(
            Execution(**execution) if execution else None, setting["target_qps"], setting["target_latency_ms"]
        ),
        measurement=Measurement(
            **{
                **measurement,
                "execution": Execution(**measurement["execution"]),
                "reasons": tuple(measurement["reasons"]),
                "correction": tuple(measurement["correction"]),
            }
        )
        if measurement
        else None,
    )


def score(scenario: str, measurement: Measurement | None) -> float:
    """How good a run was, greater is better, in proportion: samples/s, or one over the p90 latency of a stream.

    The p90 also stands for MultiStream, whose metric is the p99: of a short run that is one or two queries. A run that
    missed LoadGen's minimum duration counts: it is as fast as it is. 0 where nothing was measured.
    """
    if measurement is None:
        return 0.0
    if scenario in STREAMS:
        return 1.0 / measurement.p90_ms if measurement.p90_ms else 0.0
    return measurement.value or 0.0
