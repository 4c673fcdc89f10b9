"""One run's outcome in a few lines for people, or as plain values."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.program import pasteable, shown
from mlperf_bake.results import figures
from mlperf_bake.results.confidence import wilson
from mlperf_bake.results.headline import EARLY_STOPPING_P90, EARLY_STOPPING_P99
from mlperf_bake.run.service import RunOutcome

if TYPE_CHECKING:
    from rich.console import Console

SERVED = ("Server", "Interactive")
METRICS = {
    "samples_per_second": ("throughput", "samples/s"),
    "completed_samples_per_second": ("completed", "samples/s"),
    "early_stopping_p90_latency_ns": (EARLY_STOPPING_P90, ""),
    "early_stopping_p99_latency_ns": (EARLY_STOPPING_P99, ""),
}
"""The manifest's metrics (docs/contracts.md, "Result"): name and unit for people."""
ACCURACY_NAMES = {"top1": "top-1"}


def print_outcome(outcome: RunOutcome, console: "Console") -> None:
    """Print the verdict, the headline figure, why it is a demonstration, and where the result lies."""
    lines = outcome_lines(outcome)
    width = max(len(label) for label, _ in lines)
    for label, text in lines:
        console.print(f"{label:<{width}}  {text}", markup=False, highlight=False, soft_wrap=True)


def outcome_lines(outcome: RunOutcome) -> list[tuple[str, str]]:
    """Label and text of each line; a figure that the manifest does not have is left out."""
    manifest = outcome.manifest
    lines = [("run", outcome.run_id), ("cell", outcome.cell_id)]
    result = manifest.get("result")
    if isinstance(result, dict):
        lines.append(("LoadGen says", str(result.get("validity"))))
        lines += [("because", str(reason)) for reason in _list(result.get("reasons"))]
    lines += figure_lines(manifest)
    lines += [("demonstration", str(reason)) for reason in _list(manifest.get("demonstration"))]
    lines.append(("result", _place(outcome)))
    return lines


def figure_lines(manifest: Mapping[str, object]) -> list[tuple[str, str]]:
    """Name and value of what a run is quoted with: top-1 with its confidence, or the scenario's official metric; where
    a limit is on the 99th percentile, that one beside its limit."""
    lines: list[tuple[str, str]] = []
    result = manifest.get("result")
    if isinstance(result, dict) and _is_number(result.get("value")):
        lines.append(_quoted(str(result.get("metric")), float(result["value"])))
        latency, settings = result.get("latency_ns"), manifest.get("settings")
        limit = settings.get("target_latency_ms") if isinstance(settings, dict) else None
        if (
            manifest.get("scenario") in SERVED
            and isinstance(latency, dict)
            and _is_number(latency.get("p99"))
        ):
            text = figures.duration(latency["p99"])
            text += f", limit {limit:g} ms" if isinstance(limit, int | float) else ""
            lines.append(("p99 latency", text))
    accuracy = manifest.get("accuracy")
    if isinstance(accuracy, dict):
        correct, total = int(accuracy["correct"]), int(accuracy["total"])
        name = ACCURACY_NAMES.get(str(accuracy.get("metric")), str(accuracy.get("metric")))
        lines.append((name, f"{correct:,} of {total:,} (95 % interval {wilson(correct, total).percent()})"))
    return lines


def outcome_json(outcome: RunOutcome) -> dict[str, object]:
    """The outcome as plain values, for ``--json``."""
    return {
        "run_id": outcome.run_id,
        "cell": outcome.cell_id,
        "results": outcome.results,
        "valid": outcome.valid,
        "image_digest": outcome.image_digest,
        "manifest": outcome.manifest,
    }


def _quoted(metric: str, value: float) -> tuple[str, str]:
    """The official metric under the name people know it by, in a unit that fits."""
    name, unit = METRICS.get(metric, (metric.replace("_", " "), ""))
    if metric.endswith("_ns"):
        return name.removesuffix(" ns"), figures.duration(value)
    return name, f"{figures.number(value)} {unit}".rstrip()


def _place(outcome: RunOutcome) -> str:
    """A directory as a path to paste; a volume, which has none, with the command that reads it."""
    if outcome.results.startswith("/"):
        return shown(Path(outcome.results) / outcome.run_id)
    return pasteable(
        f"in the volume {outcome.results}; mlperf-bake collect volume:{outcome.results} reads it"
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
