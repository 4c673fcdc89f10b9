"""The table of docs/accuracy.md: every benchmark, what it takes and what it gives; a test compares the two."""

from mlperf_bake.accuracy.refused import REFUSED
from mlperf_bake.accuracy.registry import TASKS, Task


def benchmark_table() -> str:
    """Markdown: a row for the benchmarks of each task, then one for each that is not measured here."""
    names: dict[Task, list[str]] = {}
    for name, task in TASKS.items():
        names.setdefault(task, []).append(name)
    rows = [
        f"| {', '.join(benchmarks)} | {', '.join(task.metrics)} | {task.truth} | {task.response} |"
        for task, benchmarks in names.items()
    ]
    refused = [f"| {name} | not measured | {reason} | |" for name, reason in REFUSED.items()]
    head = ["| benchmark | metrics | `--truth` | a response in the log |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, *refused]) + "\n"
