"""Shows a verdict: as data, as plain lines, or as tables where there is a terminal.

Findings that say the same of several files are shown once with all the files.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlperf_bake.check.official import OfficialVerdict
from mlperf_bake.check.rule import Finding, Severity
from mlperf_bake.check.verdict import Judged, State, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PLACES_SHOWN: Final = 6
_MEANING: Final = {
    State.VALID: "no rule is broken",
    State.DEMONSTRATION: "everything holds but what a demonstration cannot hold; this is no MLPerf result",
    State.INVALID: "rules are broken",
}
_COLOUR: Final = {State.VALID: "green", State.DEMONSTRATION: "yellow", State.INVALID: "red"}


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that differ only in where they are."""

    first: Finding
    places: tuple[str, ...]

    @property
    def title(self) -> str:
        """The weight in words."""
        if self.first.breach.demonstration:
            return "demonstration"
        return self.first.breach.severity.value


def as_data(verdict: Verdict, official: OfficialVerdict | None = None) -> dict[str, object]:
    """What ``--json`` prints."""
    data: dict[str, object] = {
        "tree": str(verdict.tree),
        "round": verdict.round,
        "verdict": verdict.state.value,
        "exit_code": verdict.exit_code,
        "results": [_result_data(result) for result in verdict.results],
        "findings": [_finding_data(finding, verdict.tree) for finding in verdict.findings],
    }
    if official:
        data["official"] = {
            "accepted": official.accepted,
            "crashed": official.crashed,
            "summary": official.summary,
            "errors": list(official.errors),
        }
    return data


def _result_data(result: Judged) -> dict[str, object]:
    figure = result.figure
    return {
        "directory": result.directory,
        "division": result.division,
        "submitter": result.submitter,
        "system": result.system,
        "model": result.model,
        "scenario": result.scenario,
        "verdict": result.state.value,
        "performance": {"field": figure.field, "value": figure.value, "unit": figure.unit}
        if figure
        else None,
        "accuracy": dict(result.accuracy),
    }


def _finding_data(finding: Finding, tree: Path) -> dict[str, object]:
    breach = finding.breach
    return {
        "rule": finding.rule,
        "source": finding.source,
        "severity": breach.severity.value,
        "demonstration": breach.demonstration,
        "file": _relative(breach.path, tree),
        "line": breach.line,
        "problem": breach.problem,
        "found": breach.found,
        "expected": breach.expected,
        "fix": breach.fix,
    }


def _relative(path: Path, tree: Path) -> str:
    return path.relative_to(tree).as_posix() if path.is_relative_to(tree) else str(path)


def groups(verdict: Verdict) -> tuple[Group, ...]:
    """The findings, equal ones together, in the verdict's order."""
    places: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for finding in verdict.findings:
        breach = finding.breach
        key = (
            finding.rule,
            breach.severity,
            breach.demonstration,
            breach.problem,
            breach.found,
            breach.expected,
            breach.fix,
        )
        line = f":{breach.line}" if breach.line else ""
        places.setdefault(key, (finding, []))[1].append(_relative(breach.path, verdict.tree) + line)
    return tuple(Group(first, tuple(where)) for first, where in places.values())


def show(verdict: Verdict, official: OfficialVerdict | None = None) -> None:
    """Prints a verdict for people on stdout."""
    if sys.stdout.isatty():
        _show_tables(verdict, official)
    else:
        sys.stdout.write(plain(verdict, official))


def summary(verdict: Verdict) -> str:
    """The verdict in one line."""
    counts = (
        (verdict.count(Severity.ERROR, demonstration=False), "errors"),
        (verdict.count(Severity.ERROR, demonstration=True), "breaches of a demonstration"),
        (verdict.count(Severity.WARNING), "warnings"),
        (verdict.count(Severity.NOTE), "notes"),
    )
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "no findings"
    return f"{verdict.state.value}: {_MEANING[verdict.state]} ({verdict.round}, {said})"


def plain(verdict: Verdict, official: OfficialVerdict | None = None) -> str:
    """The verdict as plain text, one finding a paragraph."""
    lines = []
    for group in groups(verdict):
        lines.append(f"{group.title}: {group.first.rule}: {group.first.breach.problem}")
        lines += [f"  {line}" for line in _details(group)]
    for result in verdict.results:
        lines.append("  ".join(_row(result)))
    lines += [""] if lines else []
    lines.append(f"verdict    {summary(verdict)}")
    if official:
        lines.append(f"official   {_official_words(official)}")
        lines += [f"           {error}" for error in official.errors]
    return "\n".join(lines) + "\n"


def _details(group: Group) -> list[str]:
    breach = group.first.breach
    lines = [
        f"{label:<9}{value}"
        for label, value in (("found", breach.found), ("expected", breach.expected), ("fix", breach.fix))
        if value
    ]
    shown = group.places[:PLACES_SHOWN]
    lines += [f"{'in' if not index else '':<9}{place}" for index, place in enumerate(shown)]
    if len(group.places) > len(shown):
        lines.append(f"{'':<9}and {len(group.places) - len(shown)} more")
    return lines


def _row(result: Judged) -> tuple[str, ...]:
    accuracy = ", ".join(f"{metric} {value:g}" for metric, value in result.accuracy.items())
    figure = str(result.figure) if result.figure else "no figure"
    name = f"{result.division}/{result.submitter} {result.system}"
    return (name, result.model, result.scenario, figure, accuracy or "no accuracy", result.state.value)


def _official_words(official: OfficialVerdict) -> str:
    word = "accepted" if official.accepted else "ended in a traceback" if official.crashed else "refused"
    errors = f", {len(official.errors)} errors" if official.errors else ""
    return f"{word}: {official.summary}{errors}"


def _show_tables(verdict: Verdict, official: OfficialVerdict | None) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if verdict.findings:
        console.print(_findings_table(groups(verdict)))
    if verdict.results:
        console.print(_results_table(verdict.results))
    _show_verdict(console, verdict, official)


def _findings_table(found: Sequence[Group]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=True, show_edge=False)
    table.add_column("Rule", no_wrap=False, ratio=2, overflow="fold")
    table.add_column("What is wrong, where, and what to do", ratio=6, overflow="fold")
    colours = {"error": "red", "demonstration": "yellow", "warning": "magenta", "note": "cyan"}
    for group in found:
        rule = Text(group.title, style=f"bold {colours[group.title]}")
        rule.append(f"\n{group.first.rule}", style="not bold default")
        text = Text(group.first.breach.problem, style="bold")
        for line in _details(group):
            label, value = line[:9], line[9:]
            text.append(f"\n{label}", style="not bold dim").append(value, style="not bold")
        table.add_row(rule, text)
        table.add_row("", "")
    return table


def _results_table(results: Sequence[Judged]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), expand=True, show_edge=False)
    for name in ("System", "Model", "Scenario", "Performance", "Accuracy", "Verdict"):
        table.add_column(name, overflow="fold")
    for result in results:
        _, model, scenario, figure, accuracy, state = _row(result)
        colour = _COLOUR[result.state]
        table.add_row(result.system, model, scenario, figure, accuracy, f"[{colour}]{state}[/{colour}]")
    return table


def _show_verdict(console: "Console", verdict: Verdict, official: OfficialVerdict | None) -> None:
    from rich.text import Text

    console.print()
    line = Text("verdict   ", style="dim")
    console.print(line.append(summary(verdict), style=f"bold {_COLOUR[verdict.state]} not dim"))
    if official is None:
        return
    colour = "green" if official.accepted else "red"
    line = Text("official  ", style="dim")
    console.print(line.append(_official_words(official), style=f"bold {colour} not dim"))
    for error in official.errors:
        console.print(Text(f"          {error}", style="dim"))
