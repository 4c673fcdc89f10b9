"""Judges the tests that were made for a result, and lays them out as the submission tree of the round has them.

    TEST01/verify_accuracy.txt  verify_performance.txt  manifest.json
    TEST01/performance/run_1/{mlperf_log_summary.txt,mlperf_log_detail.txt}
    TEST01/accuracy/{mlperf_log_accuracy.json,accuracy.txt} and, where it is judged by them, the two accuracies

The official checker compares performance/run_1 and accuracy/ as exact sets: the manifest stands above them. A test that did not
pass is laid out as well, and its files say so; nothing is hidden.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.accuracy.measured import Given
from mlperf_bake.compliance.accuracies import measuring
from mlperf_bake.compliance.audits import audit
from mlperf_bake.compliance.evidence import Evidence, Verification
from mlperf_bake.compliance.test01 import ACCURACY_TEXT
from mlperf_bake.compliance.verify import verify
from mlperf_bake.errors import UsageError
from mlperf_bake.results.run import ACCURACY, DETAIL, MANIFEST, SUMMARY, Run
from mlperf_bake.rounds import Round
from mlperf_bake.submission.shortening import shorten

LOGGING_ANSWERS = ("TEST01", "TEST07", "TEST09")
"""Tests whose accuracy log the official truncation shortens; TEST06 and TEST08 submit none."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One test of a result: its run and what became of it; ``refused`` where it could not be judged."""

    test: str
    run: Run
    verification: Verification | None
    refused: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was judged and passed."""
        return self.verification is not None and self.verification.passed

    @property
    def verdict(self) -> str:
        """``passed``, ``failed`` or ``not judged``."""
        if self.verification is None:
            return "not judged"
        return "passed" if self.verification.passed else "failed"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it did not pass."""
        return self.verification.reasons if self.verification else (self.refused,)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is worth knowing of a test that passed."""
        return self.verification.remarks if self.verification else ()

    @property
    def texts(self) -> Mapping[str, str]:
        """The files that say so; none where it was not judged."""
        return self.verification.texts if self.verification else {}

    @property
    def said(self) -> str:
        """``TEST01 passed``, or why it did not, on one line."""
        why = "; ".join(self.reasons or self.remarks)
        return f"{self.test} {self.verdict}" + (f": {why}" if why else "")


def judge(
    tests: Sequence[Run], performance: Run, accuracy: Run | None, rules: Round, truth: Path | None = None
) -> tuple[Judged, ...]:
    """Judges the runs of a result's compliance tests.

    Args:
        performance, accuracy: the runs of the result; all of one image, weights and data set.
        truth: the ground truth, for TEST01 of a system that is not deterministic: a prepared data set, or what else the
            benchmark takes.
    """
    return tuple(_judge(run, performance, accuracy, rules, truth) for run in tests)


def _judge(run: Run, performance: Run, accuracy: Run | None, rules: Round, truth: Path | None) -> Judged:
    test = run.manifest.compliance_test or ""
    benchmark = rules.models[run.manifest.cell.benchmark or ""]
    evidence = Evidence(
        audit=audit(test, rules, benchmark.name),
        rules=rules,
        benchmark=benchmark,
        scenario=run.manifest.scenario,
        run=run.directory,
        performance=performance.directory,
        accuracy=accuracy.directory if accuracy else None,
        measure=measuring(benchmark.name, Given(truth=truth)) if truth else None,
    )
    try:
        return Judged(test, run, verify(evidence))
    except UsageError as error:
        return Judged(test, run, None, error.problem + (f", found {error.found}" if error.found else ""))


def place(test: str, run: Path, texts: Mapping[str, str], directory: Path) -> None:
    """Writes ``directory`` / TESTnn, which must not be there, whole or not at all.

    Args:
        run: the directory of the test's run.
        texts: the verification's files by their path in the test's directory.
    """
    partial = directory / f".{test}.partial-{os.getpid()}"
    try:
        _write(test, run, texts, partial)
        partial.rename(directory / test)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(test: str, run: Path, texts: Mapping[str, str], target: Path) -> None:
    logs = target / "performance" / "run_1"
    logs.mkdir(parents=True)
    for name in (SUMMARY, DETAIL):
        shutil.copyfile(run / name, logs / name)
    if (run / MANIFEST).is_file():
        shutil.copyfile(run / MANIFEST, target / MANIFEST)
    files = dict(texts)
    if test in LOGGING_ANSWERS:
        (target / "accuracy").mkdir()
        sha256 = shorten(run / ACCURACY, target / "accuracy" / ACCURACY)
        files[ACCURACY_TEXT] = files.get(ACCURACY_TEXT, "") + f"hash={sha256}\n"
    for name, text in files.items():
        (target / name).write_text(text, encoding="utf-8")
