"""One run's outcome in a few lines for people, or as plain values."""

from typing import TYPE_CHECKING

from mlperf_bake.run.service import RunOutcome

if TYPE_CHECKING:
    from rich.console import Console


def print_outcome(outcome: RunOutcome, console: "Console") -> None:
    """Print the verdict, the headline figure, why it is a demonstration, and where the result lies."""
    for label, text in outcome_lines(outcome):
        console.print(f"{label:<14} {text}", markup=False, highlight=False, soft_wrap=True)


def outcome_lines(outcome: RunOutcome) -> list[tuple[str, str]]:
    """Label and text of each line; a figure that the manifest does not have is left out."""
    manifest = outcome.manifest
    lines = [("run", outcome.run_id), ("cell", outcome.cell_id)]
    result = manifest.get("result")
    if isinstance(result, dict):
        lines.append(("LoadGen says", str(result.get("validity"))))
        lines += [("because", str(reason)) for reason in _list(result.get("reasons"))]
        if isinstance(result.get("value"), int | float):
            lines.append(_figure(str(result.get("metric")), float(result["value"])))
        latency = result.get("latency_ns")
        if isinstance(latency, dict) and isinstance(latency.get("p90"), int | float):
            lines.append(("p90 latency", f"{latency['p90'] / 1e6:.2f} ms"))
    accuracy = manifest.get("accuracy")
    if isinstance(accuracy, dict):
        lines.append((str(accuracy.get("metric")), f"{accuracy.get('correct')} of {accuracy.get('total')}"))
    lines += [("demonstration", str(reason)) for reason in _list(manifest.get("demonstration"))]
    lines.append(("result", f"{outcome.results} / {outcome.run_id}"))
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


def _figure(metric: str, value: float) -> tuple[str, str]:
    """``early_stopping_p90_latency_ns`` in milliseconds, anything else as it is; underscores are for machines."""
    name = metric.replace("_", " ")
    return (
        (name.removesuffix(" ns"), f"{value / 1e6:,.2f} ms")
        if metric.endswith("_ns")
        else (name, f"{value:,.2f}")
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
