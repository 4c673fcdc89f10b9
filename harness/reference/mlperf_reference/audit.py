"""The audit of a compliance test: what cell.conf sets, as LoadGen reads it from the program's directory, and its proof."""

from __future__ import annotations

from typing import Any

from mlperf_reference.cell import Cell
from mlperf_reference.failure import LOADGEN, USAGE, Failure

FILES = ("audit.config", "audit.conf")
"""What the programs call it; each reads its own alone."""
LOGGED = {
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
"""Setting of an audit to what LoadGen logs of it."""
FIXED = {"min_duration": "--duration", "min_query_count": "--min-queries"}
"""What an audit may fix, and the option that would set it."""


def settings(cell: Cell, test: str, scenario: str, given: set[str]) -> dict[str, int]:
    """What the test sets in the scenario.

    Args:
        given: options of the user's.

    Errors: Failure with USAGE where the benchmark has no such test, or an option was given for what the test fixes.
    """
    lines = {
        key.split(".", 1)[1]: int(value) for key, value in cell.keys.items() if key.startswith("compliance.")
    }
    tests = sorted({name.partition(".")[0] for name in lines})
    if test not in tests:
        expected = "expected one of " + ", ".join(tests) if tests else "there is none, leave it out"
        of = f"{cell['benchmark']} in round {cell['round']}"
        raise Failure(USAGE, f"{test} is no compliance test of {of}; {expected}.")
    found: dict[str, int] = {}
    for name, value in lines.items():
        where, _, key = name.removeprefix(f"{test}.").rpartition(".")
        if name.startswith(f"{test}.") and where in ("", scenario) and (where or key not in found):
            found[key] = value
    for key, option in FIXED.items():
        if key in found and option in given:
            raise Failure(USAGE, f"{test} fixes what {option} would set at {found[key]}; leave {option} out.")
    return found


def text(found: dict[str, int], scenario: str) -> str:
    """audit.config; LoadGen takes its lines for any model only."""
    lines = {"mode": 2, **dict(sorted(found.items()))}
    return "".join(f"*.{scenario}.{key} = {value}\n" for key, value in lines.items())


def require_effective(found: dict[str, int], values: dict[str, Any]) -> None:
    """Does nothing where LoadGen logged what the audit sets; true and false are 1 and 0. Errors: Failure with LOADGEN."""
    for key, value in found.items():
        if values.get(LOGGED[key]) != value:
            raise Failure(
                LOADGEN,
                f"LoadGen did not run by the audit: {LOGGED[key]} is {values.get(LOGGED[key], 'not logged')} "
                f"instead of {value}; the reference implementation reads no {' or '.join(FILES)}.",
            )
