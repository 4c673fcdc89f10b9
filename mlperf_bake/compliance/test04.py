"""TEST04: nothing is cached: a run that asks for the same sample over and over is not faster than the performance run."""

from mlperf_bake.compliance.evidence import VERIFY_PERFORMANCE, Evidence, Verification, text
from mlperf_bake.compliance.performance import compare


def verify(evidence: Evidence) -> Verification:
    """Judges performance. Errors: UsageError for a run or log that is missing or cannot be read."""
    lines, reasons = compare(evidence)
    files = {VERIFY_PERFORMANCE: text("Verifying performance.", lines or reasons, not reasons)}
    return Verification(evidence.audit.test, tuple(reasons), files)
