"""The end of a build, for people (a table, then each failure in full) and for programs (one JSON object)."""

from typing import TYPE_CHECKING

from mlperf_bake.build.failures import BuildFailure
from mlperf_bake.build.service import BuildReport, DoneImage
from mlperf_bake.build.view import short_seconds

if TYPE_CHECKING:
    from rich.console import Console


def print_report(report: BuildReport, console: "Console") -> None:
    """Print what was built, then one block a failure: place, exit code, last lines, remedy, command to retry."""
    from rich.text import Text

    for image in report.done:
        took = short_seconds(image.seconds) if image.seconds else ""
        line = Text.assemble(("✓ ", "green"), image.cell_id, (f"  {image.how}  {took}", "dim"))
        console.print(line, soft_wrap=True)
        console.print(Text(f"  {image.tag}  {image.image_id[:19]}", style="dim"), soft_wrap=True)
    for name in report.not_started:
        console.print(Text.assemble(("- ", "yellow"), name, ("  not started", "dim")), soft_wrap=True)
    for failure in report.failures:
        for label, value in failure_lines(failure):
            style = "bold red" if label == "✗" else "dim"
            console.print(Text.assemble((f"{label:<9} ", style), value), soft_wrap=True)


def failure_lines(failure: BuildFailure) -> list[tuple[str, str]]:
    """The rows of a failure's block: label and text."""
    code = f" (exit code {failure.exit_code})" if failure.exit_code is not None else ""
    rows = [
        ("✗", failure.cell_id),
        ("stage", failure.step),
        ("at", failure.place),
        ("step", failure.instruction),
        ("problem", f"{failure.message}{code}"),
        *(("said", line) for line in failure.last_lines),
        ("remedy", failure.remedy),
        ("log", str(failure.log_file)),
        ("retry", failure.retry),
    ]
    return [(label, text) for label, text in rows if text]


def done_json(image: DoneImage) -> dict[str, object]:
    """One image that is there now, as plain values."""
    return {
        "cell": image.cell_id,
        "image": image.image_id,
        "tag": image.tag,
        "seconds": image.seconds,
        "how": image.how,
    }


def report_json(report: BuildReport) -> dict[str, object]:
    """The report as plain values, for ``--json``."""
    return {
        "done": [done_json(one) for one in report.done],
        "failures": [
            {
                "cell": one.cell_id,
                "stage": one.step,
                "instruction": one.instruction,
                "file": one.file,
                "line": one.line,
                "exit_code": one.exit_code,
                "message": one.message,
                "remedy": one.remedy,
                "last_lines": list(one.last_lines),
                "log": str(one.log_file),
                "retry": one.retry,
            }
            for one in report.failures
        ],
        "not_started": list(report.not_started),
    }
