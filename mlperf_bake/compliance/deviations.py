"""What the log of a run shows of an audit's settings: proof that the run was made by it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mlperf_bake.compliance.audits import Audit
from mlperf_bake.results.loadgen_log import DetailLog

LOGGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accuracy_log_rng_seed": "effective_accuracy_log_rng_seed",
        "accuracy_log_sampling_target": "effective_accuracy_log_sampling_target",
        "performance_issue_unique": "effective_performance_issue_unique",
        "performance_issue_same": "effective_performance_issue_same",
        "performance_issue_same_index": "effective_performance_issue_same_index",
        "sample_concatenate_permutation": "effective_sample_concatenate_permutation",
        "min_duration": "effective_min_duration_ms",
        "min_query_count": "requested_min_query_count",
        "qsl_rng_seed": "effective_qsl_rng_seed",
        "sample_index_rng_seed": "effective_sample_index_rng_seed",
        "schedule_rng_seed": "effective_schedule_rng_seed",
    }
)
"""Setting of an audit to what LoadGen logs of it. Of min_query_count Offline makes samples: what was asked for counts."""


UNAUDITED: Final[Mapping[str, bool | int]] = MappingProxyType(
    {
        "effective_performance_issue_same": False,
        "effective_performance_issue_unique": False,
        "effective_accuracy_log_sampling_target": 0,
    }
)
"""Settings that only an audit turns on, as LoadGen logs them, and their value in any other run."""


def audited(detail: DetailLog) -> Iterator[str]:
    """The keys by which a run shows that it was made with an audit."""
    for key, quiet in UNAUDITED.items():
        if detail.has(key) and detail.raw(key) != quiet:
            yield key


@dataclass(frozen=True, slots=True)
class Deviation:
    """A setting that a run was not made with: LoadGen's key in the log, what stands there, what the audit sets."""

    key: str
    found: str
    expected: str


def deviations(audit: Audit, detail: DetailLog, scenario: str) -> tuple[Deviation, ...]:
    """What the audit sets in the scenario and the log does not show."""
    names = dict.fromkeys(name.rpartition(".")[2] for name in audit.settings)
    wanted = {LOGGED[name]: audit.setting(name, scenario) for name in names}
    return tuple(
        Deviation(key, str(detail.raw(key)) if detail.has(key) else "not logged", str(value))
        for key, value in wanted.items()
        if value is not None and _number(detail, key) != value
    )


def _number(detail: DetailLog, key: str) -> int | None:
    """A logged number; true and false are 1 and 0, as an audit's file writes them."""
    flag = detail.flag(key)
    return detail.integer(key) if flag is None else int(flag)
