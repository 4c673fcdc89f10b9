"""TEST01: what the system answers while its speed is measured is what it answers in the accuracy run.

LoadGen logs a sample of the answers of a performance run (audit.config). Each must equal, byte for byte, the first answer
that the accuracy log holds for that sample. A system that is not deterministic may differ, if the accuracy over the
samples logged lies within the round's limit of the accuracy run's over the same samples; both are written down
(baseline_accuracy.txt, compliance_accuracy.txt). MLCommons' script compares the first number of an answer only, and
passes over samples that the accuracy log lacks; here both count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from mlperf_bake.accuracy.measured import Measured
from mlperf_bake.compliance.evidence import (
    VERIFY_ACCURACY,
    VERIFY_PERFORMANCE,
    Evidence,
    Verification,
    text,
)
from mlperf_bake.compliance.performance import compare
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response, read_responses

BASELINE = "accuracy/baseline_accuracy.txt"
COMPLIANCE = "accuracy/compliance_accuracy.txt"
ACCURACY_TEXT = "accuracy/accuracy.txt"
_TITLE = "Answers of the performance run, compared with the accuracy run's."


def verify(evidence: Evidence) -> Verification:
    """Judges answers and performance.

    Raises:
        UsageError: a run or log that is missing or cannot be read.
    """
    agreement = _compare(evidence)
    slow_lines, slow = compare(evidence)
    texts = {
        VERIFY_ACCURACY: text(_TITLE, agreement.lines, agreement.equal),
        VERIFY_PERFORMANCE: text("Verifying performance.", slow_lines or slow, not slow),
    }
    reasons: tuple[str, ...] = tuple(slow)
    remarks: tuple[str, ...] = ()
    if not agreement.equal and not agreement.comparable:
        reasons = (agreement.why, *slow)
    elif not agreement.equal:
        told, texts_of, failed = _by_accuracy(evidence, agreement)
        texts |= texts_of
        reasons = (*((f"{agreement.why}, and {told}",) if failed else ()), *slow)
        remarks = () if failed else (f"{agreement.why}; {told}",)
    return Verification("TEST01", reasons, texts, remarks)


@dataclass(frozen=True, slots=True)
class _Agreement:
    """How the logged answers compare with the accuracy run's.

    Attributes:
        samples: the samples logged by the test.
        logged: answers logged by the test.
        different: answers that differ.
        missing: answers to samples that the accuracy log lacks.
        entries: answers in the accuracy log.
        repeated: answers in the accuracy log to samples that were answered before.
    """

    samples: frozenset[int]
    logged: int
    different: int
    missing: int
    entries: int
    repeated: int

    @property
    def comparable(self) -> bool:
        return self.logged > 0 and self.missing == 0

    @property
    def equal(self) -> bool:
        return self.comparable and self.different == 0

    @property
    def why(self) -> str:
        if not self.logged:
            return "the run logged no answer"
        if self.missing:
            return f"{self.missing} of {self.logged} answers are to samples that the accuracy log lacks"
        return f"{self.different} of {self.logged} answers differ from the accuracy run's"

    @property
    def lines(self) -> list[str]:
        return [
            f"num_acc_log_entries = {self.entries}",
            f"num_acc_log_duplicate_keys = {self.repeated}",
            f"num_perf_log_entries = {self.logged}",
            f"num_perf_log_qsl_idx_match = {self.logged - self.missing}",
            f"num_perf_log_data_mismatch = {self.different}",
            f"num_missing_qsl_idxs = {self.missing}",
        ]


def _compare(evidence: Evidence) -> _Agreement:
    """Keeps a digest of each answer of the test's log, which is short, and lets the accuracy log stream by."""
    answers: dict[int, dict[bytes, int]] = {}
    logged = 0
    for response in read_responses(evidence.run_log):
        found = answers.setdefault(response.qsl_idx, {})
        digest = _digest(response)
        found[digest] = found.get(digest, 0) + 1
        logged += 1
    entries = different = repeated = 0
    seen: set[int] = set()
    waiting = {index: sum(found.values()) for index, found in answers.items()}
    for response in read_responses(evidence.accuracy_log):
        entries += 1
        if response.qsl_idx not in answers:
            continue
        if response.qsl_idx in seen:
            repeated += 1
            continue
        seen.add(response.qsl_idx)
        different += waiting.pop(response.qsl_idx) - answers[response.qsl_idx].get(_digest(response), 0)
    return _Agreement(frozenset(answers), logged, different, sum(waiting.values()), entries, repeated)


def _digest(response: Response) -> bytes:
    return blake2b(response.data, digest_size=16).digest()


def _by_accuracy(evidence: Evidence, agreement: _Agreement) -> tuple[str, Mapping[str, str], bool]:
    """What the accuracies say, the files that hold them, and whether the test fails by them."""
    if evidence.measure is None:
        return "without the ground truth (--data; judge: --truth) the accuracies cannot be compared", {}, True
    try:
        baseline = evidence.measure(evidence.accuracy_log, agreement.samples)
        measured = evidence.measure(evidence.run_log, agreement.samples)
    except UsageError as error:
        return f"the accuracies cannot be measured: {error.problem}", {}, True
    texts = {BASELINE: _line(baseline), COMPLIANCE: _line(measured), ACCURACY_TEXT: _line(measured)}
    told = []
    for metric in evidence.benchmark.targets(evidence.scenario):
        before, after = baseline.figures.get(metric, 0.0), measured.figures.get(metric, 0.0)
        allowed = evidence.benchmark.allowed_delta_percent(metric)
        # As in the official checker: relative to the test's figure; a figure of 0 proves nothing.
        near = after > 0 and before > 0 and abs(1 - before / after) * 100 <= allowed
        told.append(
            (near, f"{metric} over these samples is {after:.6g}, in the accuracy run {before:.6g}", allowed)
        )
    failed = [f"{said}: not within {allowed:g} %" for near, said, allowed in told if not near]
    passed = [f"{said}: within {allowed:g} %" for _, said, allowed in told]
    return "; ".join(failed or passed), texts, bool(failed or not told)


def _line(measured: Measured) -> str:
    return measured.line.rstrip("\n") + "\n"
