"""A verdict as one HTML page that can be forwarded: no script, nothing fetched, light and dark, printable.

Whatever comes from the tree is escaped by Jinja and stripped of what cannot be printed; the page's policy allows
no script and no request at all. The words are those of the other forms; the template is ``page.html.j2``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from mlperf_bake import __version__
from mlperf_bake.check.engine import rules
from mlperf_bake.check.groups import Group, groups
from mlperf_bake.check.next_steps import next_steps
from mlperf_bake.check.official import OfficialVerdict, differences
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import Judged, State, Verdict
from mlperf_bake.program import NAME
from mlperf_bake.results.printable import printable

COMMANDS: Final = (NAME, "mv", "rm", "chmod")
"""What a fix starts with that is a command, not a sentence."""
SYMBOLS: Final = {State.VALID: "✓", State.DEMONSTRATION: "◐", State.INVALID: "✕"}
SECTIONS: Final = {
    "error": ("Errors", "Each of these makes the tree invalid."),
    "demonstration": (
        "Breaches of a demonstration",
        "A run on sample data or of a few seconds cannot keep these.",
    ),
    "warning": ("Warnings", "For a person to weigh; they do not change the verdict."),
    "note": ("Notes", "Worth knowing."),
}


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one weight."""

    name: str
    title: str
    meaning: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """The results of one system."""

    title: str
    results: tuple[Judged, ...]


def as_page(verdict: Verdict, official: OfficialVerdict | None = None) -> str:
    """The whole page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    broken = {rule.id: 0 for rule in rules()}
    for finding in verdict.findings:
        broken[finding.rule] = broken.get(finding.rule, 0) + 1
    return environment.get_template("page.html.j2").render(
        verdict=verdict,
        tree=verdict.tree.absolute().name or str(verdict.tree),
        symbol=SYMBOLS,
        counts=_counts(verdict),
        steps=next_steps(verdict),
        sections=_sections(verdict),
        boards=_boards(verdict.results),
        rules=rules(),
        broken=broken,
        official=official,
        differences=differences(official, verdict) if official else (),
        version=__version__,
        program=NAME,
        commands=COMMANDS,
    )


def _counts(verdict: Verdict) -> tuple[tuple[str, int], ...]:
    return (
        ("errors", verdict.count(Severity.ERROR, demonstration=False)),
        ("breaches of a demonstration", verdict.count(Severity.ERROR, demonstration=True)),
        ("warnings", verdict.count(Severity.WARNING)),
        ("notes", verdict.count(Severity.NOTE)),
    )


def _sections(verdict: Verdict) -> tuple[Section, ...]:
    every = groups(verdict)
    return tuple(
        Section(name, *words, tuple(group for group in every if group.title == name))
        for name, words in SECTIONS.items()
        if any(group.title == name for group in every)
    )


def _boards(results: Iterable[Judged]) -> tuple[Board, ...]:
    def title(result: Judged) -> str:
        return f"{result.division} / {result.submitter} / {result.system}"

    return tuple(Board(name, tuple(members)) for name, members in groupby(results, title))
