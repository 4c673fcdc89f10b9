"""TEST05, until v4.1: with other seeds for samples and schedule the system is not slower."""

from mlperf_bake.compliance.evidence import VERIFY_PERFORMANCE, Evidence, Verification, text
from mlperf_bake.compliance.performance import compare


def verify(evidence: Evidence) -> Verification:
    """Judges seeds and performance. Errors: UsageError for a run or log that is missing or cannot be read."""
    lines, reasons = compare(evidence)
    _, detail = evidence.details()
    wrong = [
        f"{name} is {detail.integer(f'effective_{name}')}, in {evidence.rules.name}'s TEST05 it is {seed}"
        for name, seed in evidence.rules.seeds_of("TEST05").items()
        if detail.integer(f"effective_{name}") != seed
    ]
    reasons = [*wrong, *reasons]
    files = {VERIFY_PERFORMANCE: text("Verifying performance.", [*lines, *reasons], not reasons)}
    return Verification("TEST05", tuple(reasons), files)
