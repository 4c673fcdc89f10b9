"""What one compliance test is judged by, and what the judgement is: paths of runs in, verification files out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from mlperf_bake.compliance.accuracies import Measure
from mlperf_bake.compliance.audits import Audit
from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.results.run import ACCURACY, DETAIL
from mlperf_bake.rounds import ModelRules, Round

PASS: Final = "TEST PASS"
FAIL: Final = "TEST FAIL"
VERIFY_ACCURACY: Final = "verify_accuracy.txt"
VERIFY_PERFORMANCE: Final = "verify_performance.txt"
VERIFY_OUTPUT_LENGTH: Final = "verify_output_len.txt"
FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"accuracy": VERIFY_ACCURACY, "performance": VERIFY_PERFORMANCE, "output_len": VERIFY_OUTPUT_LENGTH}
)
"""What a round calls a verification (mlperf_bake/rounds/data/layout.yaml), and the file that holds it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The runs that a test is judged by; each a directory with LoadGen's logs.

    Attributes:
        audit: the test.
        rules: the round.
        benchmark: what was measured.
        scenario: ``Offline``, ...; Interactive is LoadGen's Server with other limits.
        run: the test's own run.
        performance: the performance run of the result.
        accuracy: the accuracy run of the result.
        measure: measures the accuracy of a log, where there is a ground truth (of TEST07: of its own data set).
    """

    audit: Audit
    rules: Round
    benchmark: ModelRules
    scenario: str
    run: Path
    performance: Path | None = None
    accuracy: Path | None = None
    measure: Measure | None = None

    @property
    def run_log(self) -> Path:
        """The answers that the test's run logged."""
        return self.run / ACCURACY

    @property
    def accuracy_log(self) -> Path:
        """The answers of the accuracy run. Errors: UsageError where there is none, or it is a run of another mode."""
        run = self._needed(self.accuracy, "accuracy")
        mode = read_detail(run / DETAIL).mode if (run / DETAIL).is_file() else "accuracy"
        if mode != "accuracy":
            raise UsageError(
                "the run to compare the answers with is no accuracy run",
                where=str(run),
                found=mode or "no mode is logged",
                expected="accuracy",
            )
        return run / ACCURACY

    def details(self) -> tuple[DetailLog, DetailLog]:
        """The detail logs of the performance run and of the test's. Errors: UsageError where there is none."""
        return read_detail(self._needed(self.performance, "performance") / DETAIL), read_detail(
            self.run / DETAIL
        )

    def _needed(self, run: Path | None, mode: str) -> Path:
        if run is None:
            raise UsageError(
                f"{self.audit.test} is judged beside the {mode} run of the same result",
                expected="a run of the same image, weights and data set",
                remedy=f"mlperf-bake run TARGET --scenario {self.scenario} --mode {mode}; judge takes it as --{mode} DIR",
            )
        return run


@dataclass(frozen=True, slots=True)
class Verification:
    """The judgement on one test.

    Attributes:
        test: ``TEST01``, ...
        reasons: why it did not pass, a sentence each; empty where it passed.
        texts: the files that say so, by their path in the test's directory of the submission tree.
        remarks: what is worth knowing of a test that passed.
    """

    test: str
    reasons: tuple[str, ...]
    texts: Mapping[str, str]
    remarks: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the test passed."""
        return not self.reasons


def text(title: str, lines: list[str], passed: bool) -> str:
    """A verification file: what was compared, the figures, and the word that the official checker looks for."""
    return "\n".join((title, *lines, PASS if passed else FAIL)) + "\n"
