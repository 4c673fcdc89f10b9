"""TEST07: the accuracy over a data set of the test's own, of answers logged while the speed is measured, reaches its target."""

from mlperf_bake.compliance.evidence import VERIFY_ACCURACY, Evidence, Verification, text
from mlperf_bake.errors import UsageError


def verify(evidence: Evidence) -> Verification:
    """Measures the log of the test's run.

    Raises:
        UsageError: a log that is missing or cannot be read, or nothing to measure it with.
    """
    if evidence.measure is None:
        raise UsageError(
            "TEST07 measures the accuracy of its own data set, whose ground truth is missing",
            where=evidence.benchmark.name,
            expected="the ground truth of the compliance data set",
            remedy="give it with --data PATH; judge takes it as --truth PATH, and the tokenizer as --tokenizer PATH",
        )
    measured = evidence.measure(evidence.run_log)
    lines, reasons = [measured.line.rstrip("\n")], []
    for metric, target in evidence.audit.limits.items():
        found = measured.figures.get(metric)
        lines += [f"Accuracy score: {found}", f"Accuracy threshold: {target}"]
        if found is None:
            reasons.append(f"{metric} was not measured")
        elif not found >= target:
            reasons.append(f"{metric} is {found:g}, its target is {target:g}")
    title = "Accuracy of the answers of the performance run."
    return Verification("TEST07", tuple(reasons), {VERIFY_ACCURACY: text(title, lines, not reasons)})
