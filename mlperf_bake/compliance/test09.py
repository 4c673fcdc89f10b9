"""TEST09: answers are as long as the reference's: the mean number of tokens lies between two limits.

Tokens are 32-bit integers. MLCommons' script rounds an answer of odd length down; here that is an error.
"""

from mlperf_bake.compliance.evidence import VERIFY_OUTPUT_LENGTH, Evidence, Verification, text
from mlperf_bake.compliance.test06 import TOKEN_BYTES
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import read_responses


def verify(evidence: Evidence) -> Verification:
    """Judges the log of the test's run. Errors: UsageError for a log that is missing, cannot be read or holds no tokens."""
    least, most = evidence.audit.limits["least_tokens"], evidence.audit.limits["most_tokens"]
    lengths: list[int] = []
    for response in read_responses(evidence.run_log):
        if len(response.data) % TOKEN_BYTES:
            raise UsageError(
                "an answer holds no tokens",
                where=str(evidence.run_log),
                found=f"{len(response.data)} bytes for sample {response.qsl_idx}",
                expected="32-bit integers",
            )
        lengths.append(len(response.data) // TOKEN_BYTES)
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    lines = [
        f"Total samples: {len(lengths)}",
        f"Mean output tokens: {mean:.2f}",
        f"Min output tokens: {min(lengths, default=0)}",
        f"Max output tokens: {max(lengths, default=0)}",
        f"Min threshold: {least:g}",
        f"Max threshold: {most:g}",
    ]
    reasons = []
    if not lengths:
        reasons.append("the run logged no answer")
    elif not least <= mean <= most:
        reasons.append(f"answers have {mean:.2f} tokens on average, expected {least:g} to {most:g}")
    title = "Lengths of the answers of the performance run."
    return Verification("TEST09", tuple(reasons), {VERIFY_OUTPUT_LENGTH: text(title, lines, not reasons)})
