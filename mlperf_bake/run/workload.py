"""What is to be measured: scenario and mode as typed, and whether they make sense for a benchmark and its data.

The harness judges the same once more; said here, it is said before an engine is asked or data are prepared.
"""

from collections.abc import Iterable

from mlperf_bake.compliance.audits import audit
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.rounds import Round
from mlperf_bake.run.harness_options import value_of

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline", "Interactive")
MODES = ("performance", "accuracy", "find-peak", "compliance/TESTnn")
COMPLIANCE = "compliance/"
ON_SCHEDULE = ("Server", "Interactive")
"""Scenarios whose queries arrive at a rate that LoadGen is given."""


def scenario_from(text: str) -> str:
    """A scenario, in capitals or not. Errors: UsageError with the nearest one."""
    in_any_letters = {known.casefold(): known for known in SCENARIOS}
    return in_any_letters.get(text.casefold()) or _one_of("scenario", text, SCENARIOS)


def mode_from(text: str) -> str:
    """A mode. Errors: UsageError with the nearest one; whether there is such a test, the benchmark says."""
    if text.startswith(COMPLIANCE) and len(text) > len(COMPLIANCE):
        return text
    return _one_of("mode", text, MODES)


def _one_of(what: str, text: str, known: tuple[str, ...]) -> str:
    if text in known:
        return text
    raise UsageError(
        f'unknown {what} "{text[:80]}"{did_you_mean(text, known)}', expected="one of " + ", ".join(known)
    )


def least_time(mode: str, harness_options: Iterable[str], rules: Round, benchmark: str) -> str:
    """How long a run takes at least, in a sentence; empty where the user gave a duration or it is no timed run."""
    timed = mode == "performance" or mode.startswith(COMPLIANCE)
    if not timed or value_of(harness_options, "duration") is not None:
        return ""
    model = rules.models.get(benchmark)
    least_ms = rules.min_duration_ms if model is None else rules.minimum_duration_ms(model)
    return (
        f"this takes {least_ms / 60_000:g} minutes or more, as a submission to round {rules.name} needs; "
        "--duration 10 gives a first figure"
    )


def require_sense(
    scenario: str, mode: str, harness_options: Iterable[str], rules: Round, benchmark: str
) -> None:
    """Does nothing where the harness can run this.

    Errors:
        UsageError: a peak is to be searched where no rate is given, the benchmark has no such compliance test in the
            round, or the round sets no limit for a scenario on a schedule.
    """
    if mode.startswith(COMPLIANCE):
        audit(mode.removeprefix(COMPLIANCE), rules, benchmark)
    if scenario not in rules.tree.scenarios:
        raise UsageError(
            f"round {rules.name} has no scenario {scenario}",
            expected="one of " + ", ".join(rules.tree.scenarios),
        )
    if mode == "find-peak" and scenario not in ON_SCHEDULE:
        raise UsageError(
            f"find-peak searches the highest rate of Server and Interactive; in {scenario} a performance run measures "
            "the peak itself",
            remedy="--mode performance",
        )
    model = rules.models.get(benchmark)
    limited = model is not None and scenario in model.latency_limit_ns
    if scenario in ON_SCHEDULE and not limited and value_of(harness_options, "target-latency-ms") is None:
        official = sorted(
            {
                name
                for kind in (model.scenarios.values() if model else ())
                for name in (*kind.required, *kind.optional)
            }
        )
        raise UsageError(
            f"round {rules.name} has no latency limit for {benchmark} in {scenario}",
            expected="one of " + ", ".join(official),
            remedy="--target-latency-ms L gives a limit of your own, for a run that is no MLPerf result",
        )
