"""Judges a compliance test: by its own module, and by whether its run was made with the test's audit at all."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mlperf_bake.compliance import test01, test04, test05, test06, test07, test08, test09
from mlperf_bake.compliance.audits import Audit
from mlperf_bake.compliance.evidence import FILES, Evidence, Verification, text
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.results.run import DETAIL

_VERIFIERS: Final[Mapping[str, Callable[[Evidence], Verification]]] = MappingProxyType(
    {
        "TEST01": test01.verify,
        "TEST04": test04.verify,
        "TEST05": test05.verify,
        "TEST06": test06.verify,
        "TEST07": test07.verify,
        "TEST08": test08.verify,
        "TEST09": test09.verify,
    }
)
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


def verify(evidence: Evidence) -> Verification:
    """Judges one test.

    Raises:
        UsageError: a run or log that the test needs is missing or cannot be read.
    """
    unaudited = audit_faults(evidence.audit, read_detail(evidence.run / DETAIL), evidence.scenario)
    if not unaudited:
        return _VERIFIERS[evidence.audit.test](evidence)
    kinds = evidence.rules.tree.compliance[evidence.audit.test]
    texts = {FILES[kind]: text("Not verified.", list(unaudited), passed=False) for kind in kinds}
    return Verification(evidence.audit.test, unaudited, texts)


def audit_faults(audit: Audit, detail: DetailLog, scenario: str) -> tuple[str, ...]:
    """What the audit sets and the run was not made with, a sentence each."""
    settings = {name.rpartition(".")[2] for name in audit.settings}
    faults = []
    for name in sorted(settings):
        expected = audit.setting(name, scenario)
        if expected is None:
            continue
        flag = detail.flag(LOGGED[name])
        found = int(flag) if flag is not None else detail.integer(LOGGED[name])
        if found != expected:
            faults.append(
                f"the run was not made by {audit.test}'s audit: {LOGGED[name]} is {found}, expected {expected}"
            )
    return tuple(faults)
