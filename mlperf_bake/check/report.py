"""Shows a verdict to people: as plain lines, or as tables where there is a terminal.

Findings that say the same of several files are shown once with all the files.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mlperf_bake.check.groups import Group, groups
from mlperf_bake.check.next_steps import next_steps
from mlperf_bake.check.official import OfficialVerdict, differences
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import Judged, State, Verdict
from mlperf_bake.program import pasteable, shown
from mlperf_bake.results.printable import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PLACES_SHOWN: Final = 6
FEW: Final = 2
"""Paragraphs of findings after which the verdict need not be told before them."""
TABLE_WIDTH: Final = 90
"""Columns below which each result gets lines of its own in place of a table's row."""
ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"
_COLOURS: Final = {"error": "red", "demonstration": "yellow", "warning": "magenta", "note": "cyan"}
_COLOUR: Final = {State.VALID: "green", State.DEMONSTRATION: "yellow", State.INVALID: "red"}


def print_verdict(verdict: Verdict, console: "Console", official: OfficialVerdict | None = None) -> None:
    """Prints a verdict for people: tables on a terminal, plain lines elsewhere."""
    if console.is_terminal:
        _print_tables(console, verdict, official)
    else:
        console.file.write(plain(verdict, official))


def print_brief(verdict: Verdict, console: "Console") -> None:
    """The results, what is wrong with them, and in one line how much no demonstration can keep."""
    weighty = tuple(finding for finding in verdict.findings if not finding.breach.demonstration)
    short = replace(verdict, findings=weighty)
    if console.is_terminal:
        _print_results(console, verdict.results)
        _print_findings(console, short)
    else:
        console.file.write("".join(f"{line}\n" for line in (*_result_lines(short), *_finding_lines(short))))
    for line in _collapsed(verdict):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if console.is_terminal:
        _print_words(console, verdict, None)
    else:
        console.file.write(f"verdict    {summary(verdict)}\n")


def _collapsed(verdict: Verdict) -> list[str]:
    """How many rules are broken only because this is a demonstration, and a line for each; empty for none."""
    rules = {
        finding.rule: finding.breach.problem
        for finding in reversed(verdict.findings)
        if finding.breach.demonstration
    }
    if not rules:
        return []
    command = pasteable(f"mlperf-bake check {shlex.quote(shown(verdict.tree))}")
    count = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    return [
        f"demonstration: {count} that a demonstration cannot keep; `{command}` shows each",
        *(f"  {rule}: {printable(problem)}" for rule, problem in sorted(rules.items())),
    ]


def summary(verdict: Verdict) -> str:
    """The verdict in one line."""
    counts = (
        (verdict.count(Severity.ERROR, demonstration=False), "error", "errors"),
        (
            verdict.count(Severity.ERROR, demonstration=True),
            "breach of a demonstration",
            "breaches of a demonstration",
        ),
        (verdict.count(Severity.WARNING), "warning", "warnings"),
        (verdict.count(Severity.NOTE), "note", "notes"),
    )
    said = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)
    return f"{verdict.state.value}: {verdict.state.meaning} ({verdict.round}, {said or 'no findings'})"


def plain(verdict: Verdict, official: OfficialVerdict | None = None) -> str:
    """The verdict as plain text, one finding a paragraph; before many findings its one line as well as behind them."""
    lines = [f"verdict    {summary(verdict)}", ""] if _is_long(verdict) else []
    lines += [*_finding_lines(verdict), *_result_lines(verdict)]
    said = (*official.errors, *differences(official, verdict)) if official else ()
    lines += [f"official: {printable(error)}" for error in said]
    lines += [""] if lines else []
    lines.append(f"verdict    {summary(verdict)}")
    if official:
        lines.append(f"official   {_official_words(official)}")
    for label, problem, todo in _steps(verdict):
        lines += [f"{label:<10} {problem}", f"{'':<13} {todo}"]
    return "\n".join(lines) + "\n"


def _steps(verdict: Verdict) -> list[tuple[str, str, str]]:
    """What to do next, numbered: a label before the first, the problem, and what to do about it."""
    return [
        (
            "" if number > 1 else "next",
            f"{number}. {printable(step.problem)}",
            printable(pasteable(step.todo)),
        )
        for number, step in enumerate(next_steps(verdict), 1)
    ]


def _is_long(verdict: Verdict) -> bool:
    """Whether so much is told that its end is far from its beginning."""
    return len(groups(verdict)) > FEW


def _finding_lines(verdict: Verdict) -> list[str]:
    lines = []
    for group in groups(verdict):
        lines.append(f"{group.title}: {group.first.rule}: {printable(group.first.breach.problem)}")
        lines += [f"  {line}" for line in (*_details(group), *_fixes(group))]
    return lines


def _result_lines(verdict: Verdict) -> list[str]:
    return ["  ".join(_row(result)) for result in verdict.results]


def _details(group: Group) -> list[str]:
    breach = group.first.breach
    lines = [
        f"{label:<9}{printable(value)}"
        for label, value in (("found", breach.found), ("expected", breach.expected))
        if value
    ]
    listed = group.places[:PLACES_SHOWN]
    lines += [f"{'in' if not index else '':<9}{printable(place)}" for index, place in enumerate(listed)]
    if len(group.places) > len(listed):
        lines.append(f"{'':<9}and {len(group.places) - len(listed)} more")
    return lines


def _fixes(group: Group) -> list[str]:
    """What mends it; never folded, so that each command can be pasted as one line."""
    return [
        f"{'fix' if not index else '':<9}{printable(pasteable(fix))}"
        for index, fix in enumerate(group.remedies)
    ]


def _row(result: Judged) -> tuple[str, ...]:
    accuracy = ", ".join(result.accuracy_words)
    figure = result.figures
    name = f"{result.division}/{result.submitter} {result.system}"
    row = (name, result.model, result.scenario, figure, accuracy or "no accuracy", result.state.value)
    return tuple(map(printable, row))


def _official_words(official: OfficialVerdict) -> str:
    word = "accepted" if official.accepted else "ended in a traceback" if official.crashed else "refused"
    errors = f", {len(official.errors)} errors" if official.errors else ""
    return printable(f"{word}: {official.summary}{errors}")


def _print_tables(console: "Console", verdict: Verdict, official: OfficialVerdict | None) -> None:
    from rich.text import Text

    if _is_long(verdict):
        _print_words(console, verdict, None)
        console.print()
    _print_findings(console, verdict)
    _print_results(console, verdict.results)
    for error in (*official.errors, *differences(official, verdict)) if official else ():
        console.print(Text("official: ", style="dim").append(printable(error)))
    _print_words(console, verdict, official)
    _print_steps(console, verdict)


def _print_findings(console: "Console", verdict: Verdict) -> None:
    from rich.text import Text

    prefix = _common(verdict)
    for group in groups(verdict):
        console.print(_finding_grid(group, prefix))
        for line in _fixes(group):
            console.print(Text(line[:9], style="dim") + Text(f" {line[9:]}"), soft_wrap=True)
        console.print()
    if prefix and verdict.findings:
        console.print(Text(f"{ELLIPSIS} stands for {prefix}", style="dim"))
        console.print()


def _print_results(console: "Console", results: Sequence[Judged]) -> None:
    if not results:
        return
    if console.width < TABLE_WIDTH:
        for result in results:
            console.print(_result_block(result))
    else:
        console.print(_results_table(results))


def _common(verdict: Verdict) -> str:
    """What the paths of all results start with, so that it need not be shown with each; empty if little."""
    parents = {result.directory.rpartition("/")[0] for result in verdict.results}
    return parents.pop() if len(parents) == 1 else ""


def _finding_grid(group: Group, prefix: str) -> "Table":
    """One finding: weight and rule, what is wrong, and label by label the rest."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=9, no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    title = Text(printable(group.first.breach.problem), style="bold")
    colour = _COLOURS[group.title]
    grid.add_row(Text("rule"), Text(group.first.rule).append(f"  {group.title}", style=f"bold {colour}"))
    grid.add_row(Text("problem"), title)
    for line in _details(group):
        value = line[9:]
        if prefix and value.startswith(f"{prefix}/"):
            value = ELLIPSIS + value.removeprefix(prefix)
        grid.add_row(Text(line[:9].strip()), Text(value))
    return grid


def _result_block(result: Judged) -> "Table":
    """One result on lines of its own, for a terminal too narrow for the table."""
    from rich.table import Table
    from rich.text import Text

    who, model, scenario, figure, accuracy, state = _row(result)
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=9, no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row("result", Text(f"{model} {scenario}  ").append(state, style=_COLOUR[result.state]))
    grid.add_row("of", who)
    grid.add_row("figures", f"{figure}, {accuracy}")
    return grid


def _results_table(results: Sequence[Judged]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    several = len({(result.division, result.submitter) for result in results}) > 1
    for name in ("Model on system", "Scenario", "Performance", "Accuracy", "Verdict"):
        table.add_column(name, overflow="fold")
    for result in results:
        _, model, scenario, figure, accuracy, state = _row(result)
        label = Text(model).append(f"\n{printable(result.system)}", style="dim")
        if several:
            label.append(f"\nof {printable(result.submitter)}, {printable(result.division)}", style="dim")
        table.add_row(label, scenario, figure, accuracy, Text(state, style=_COLOUR[result.state]))
    return table


def _print_words(console: "Console", verdict: Verdict, official: OfficialVerdict | None) -> None:
    """Our word and, beside it, the official checker's."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=9, no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row("verdict", Text(summary(verdict), style=f"bold {_COLOUR[verdict.state]}"))
    if official:
        colour = "green" if official.accepted else "red"
        grid.add_row("official", Text(_official_words(official), style=f"bold {colour}"))
    console.print()
    console.print(grid)


def _print_steps(console: "Console", verdict: Verdict) -> None:
    """What to do next: the problem folded, the command never, so that it can be pasted."""
    from rich.table import Table
    from rich.text import Text

    for label, problem, todo in _steps(verdict):
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=9, no_wrap=True, style="dim")
        grid.add_column(overflow="fold")
        grid.add_row(label, Text(problem))
        console.print(grid)
        console.print(Text(f"{'':<13}{todo}"), soft_wrap=True)
