"""README and docs: every command they show is one that the command line takes as it stands there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlperf_bake.cli.app import COMMANDS
from tests.support.command_line import parse, parser

CHECKOUT = Path(__file__).parents[2]
PAGES = (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md")))
PROGRAM = re.compile(r"(?:\S*/)?mlperf-bake$")
PLACEHOLDERS = {"N": "1", "SECONDS": "1", "I/N": "1/2", "L": "1", "Q": "1", "M": "1", "B": "1", "MIB": "1"}
"""Words that stand for a value which is held against a type."""


def shown(text: str) -> Iterator[str]:
    """The command lines of a page: those of its blocks, and spans of code that begin with a command's name."""
    spans = re.compile(r"(?<!`)`([^`]+)`(?!`)")
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield from (part.strip() for part in line.removesuffix("\\").split("&&"))
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    yield from (" ".join(span.split()) for span in spans.findall(prose))


def words_of(line: str) -> list[str] | None:
    """The words behind the program's name; None for what is no command of this program."""
    line = line.partition(" # ")[0].partition(" | ")[0].partition(" > ")[0].removeprefix("$ ")
    try:
        words = shlex.split(re.sub(r"[\[\]]", "", line))
    except ValueError:
        return None
    if words and PROGRAM.match(words[0]) and "image" not in words[0]:
        words = words[1:]
        if not words or not re.match(r"[a-z-]+$", words[0]):
            return None
    elif len(words) < 2 or words[0] not in COMMANDS or not re.search(r"[A-Z]|--", line):
        return None
    return [PLACEHOLDERS.get(word, word) for word in words if word not in {"...", "…"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_taken_as_it_stands(page: Path) -> None:
    program = parser()
    wrong = []
    for line in shown(page.read_text(encoding="utf-8")):
        words = words_of(line)
        if words is None:
            continue
        try:
            parse(program, words)
        except click.MissingParameter as error:
            if len(words) > 2:  # a name alone, or a group's, is a name and no line to be typed
                wrong.append(f"{line}: {error.format_message()}")
        except click.BadOptionUsage as error:
            if len(words) > 2:  # `run --data` names an option
                wrong.append(f"{line}: {error.format_message()}")
        except click.UsageError as error:
            wrong.append(f"{line}: {error.format_message()}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line", ["run TARGET --pin compact", "mlperf-bake chekc TREE", "build --jobs N --fast"]
)
def test_what_the_command_line_does_not_take_is_found(line: str) -> None:
    (told,) = shown(f"Type `{line}`.")
    words = words_of(told)
    assert words
    with pytest.raises(click.UsageError):
        parse(parser(), words)


def test_every_file_that_is_named_for_an_addition_is_there() -> None:
    text = (CHECKOUT / "docs" / "adding.md").read_text(encoding="utf-8")
    names = re.findall(r"`([\w./-]+\.(?:py|yaml|json|md|h|cc|j2|conf))`", text)
    files = {
        path.name
        for top in ("mlperf_bake", "harness", "templates", "tests", "docs")
        for path in (CHECKOUT / top).rglob("*")
    }
    made = re.compile(r"[A-Z]{2}|testNN|mynet|matrix\.yaml|conversion\.conf")
    named = {Path(name).name for name in names if not made.search(name)}
    assert len(named) > 10
    assert not named - files


def test_the_readme_s_commands_are_found() -> None:
    lines = [words for line in shown(PAGES[0].read_text(encoding="utf-8")) if (words := words_of(line))]
    assert {words[0] for words in lines} > {"list", "build", "run", "collect", "check", "init", "bundle"}
    assert ["explain", "TARGET"] in lines
