"""docs/rounds.md and docs/contracts.md name the commands that take a round, as the command line has them."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
from typer.main import get_command

from mlperf_bake.cli.app import COMMANDS, app

DOCS = Path(__file__).parents[2] / "docs"


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from commands(inner, f"{name} {word}".strip())
    else:
        yield name, command


def test_every_command_that_takes_a_round_is_named_and_no_other() -> None:
    taking = {
        name: parameter.get_default(click.Context(command))
        for word in COMMANDS
        for name, command in commands(get_command(app([word])), "")
        for parameter in command.params
        if "--round" in parameter.opts
    }
    text = (DOCS / "rounds.md").read_text(encoding="utf-8")
    sentence = text.partition("Commands that take it: ")[2].partition(". ")[0]
    written = re.findall(r"`([^`]+)`", sentence)
    assert sorted(written) == sorted(taking), (
        "correct the sentence `Commands that take it:` in docs/rounds.md"
    )
    told = (DOCS / "contracts.md").read_text(encoding="utf-8").partition("## Round\n")[2].partition("\n\n")[0]
    fixed = set(
        re.findall(
            r"`([a-z]+)`", told.partition("of these ")[2].partition(" take v6.1 unless told another")[0]
        )
    )
    assert fixed == {name for name, default in taking.items() if default == "v6.1"}, (
        "correct docs/contracts.md"
    )
