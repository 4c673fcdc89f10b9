"""TEST05, until v4.1: with other seeds for samples and schedule the system is not slower."""

from mlperf_bake.compliance.evidence import VERIFY_PERFORMANCE, Evidence, Verification, text
from mlperf_bake.compliance.performance import compare


def verify(evidence: Evidence) -> Verification:
    """Judges performance; the seeds are part of the audit.

    Raises:
        UsageError: a run or log that is missing or cannot be read.
    """
    lines, reasons = compare(evidence)
    files = {VERIFY_PERFORMANCE: text("Verifying performance.", lines or reasons, not reasons)}
    return Verification("TEST05", tuple(reasons), files)
