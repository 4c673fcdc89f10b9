"""The outcome of a tuning in a few lines for people."""

import shlex
from pathlib import Path

from mlperf_bake.results import figures
from mlperf_bake.tune.session import Tuned
from mlperf_bake.tune.setting import SERVED, STREAMS


def report_lines(tuned: Tuned, path: Path, target: str, conditions: tuple[str, ...]) -> list[tuple[str, str]]:
    """Label and text of each line.

    Args:
        tuned: the outcome.
        path: where it is kept.
        target: as the user typed it.
        conditions: options of the harness that the setting holds for.
    """
    measurement = tuned.confirmation.measurement
    assert measurement and tuned.setting.execution
    execution = tuned.setting.execution
    confirmed = (
        f"run {tuned.confirmation.number}, {measurement.run_id}, VALID in {tuned.confirmation.duration_s:g} s"
    )
    if tuned.scenario in STREAMS:
        figure = f"p90 {figures.duration(measurement.p90_ms * 1e6)}" if measurement.p90_ms is not None else ""
    else:
        figure = f"{measurement.value:,.1f} samples/s" if measurement.value is not None else ""
    options = " ".join(tuned.setting.options(tuned.scenario))
    lines = [
        (
            "setting",
            f"{execution.workers} workers x {execution.threads} threads, batch {execution.batch}: {options}",
        ),
        ("confirmed", f"{figure} ({confirmed})"),
        (
            "gain",
            str(tuned.comparison.gain) if tuned.comparison.gain else f"none: {tuned.comparison.why_none}",
        ),
    ]
    if tuned.scenario in SERVED:
        lines.append(("resolution", _resolution(tuned)))
    command = ["mlperf-bake", "run", "--target", target, "--scenario", tuned.scenario]
    if conditions:
        command += ["--", *conditions]
    return [
        *lines,
        ("runs", f"{len(tuned.trials)}"),
        ("kept in", str(path)),
        ("used by", shlex.join(command)),
    ]


def _resolution(tuned: Tuned) -> str:
    if tuned.resolved is None:
        return "no higher rate was tried that was not VALID: the highest may lie above"
    return f"a rate {100 * tuned.resolved:.0f} % higher was not VALID"
