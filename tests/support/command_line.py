"""The command line as a parser alone: whether a line would be taken, without a command being run."""

import contextlib
from collections.abc import Iterator, Sequence

import click
import typer

from mlperf_bake.cli.app import COMMANDS, app


def parser() -> click.Group:
    """The whole program's."""
    program = typer.main.get_command(app(COMMANDS))
    assert isinstance(program, click.Group)
    return program


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Each command with its name, those of groups with the group's."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def parse(program: click.Group, words: Sequence[str]) -> None:
    """Do nothing where the words, without the program's name, are a command line. Errors: click.UsageError."""
    group, rest, parent = program, list(words), click.Context(program, info_name="mlperf-bake")
    while True:
        name, command, rest = group.resolve_command(parent, rest)
        assert name is not None and command is not None
        if not isinstance(command, click.Group):
            with contextlib.suppress(click.exceptions.Exit):  # an option like --help ends here
                command.make_context(name, rest, parent=parent)
            return
        group, parent = command, click.Context(command, parent=parent, info_name=name)
