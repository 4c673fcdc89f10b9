"""A command whose ``--help`` explains its arguments as well as its options."""

import inspect

import click
from typer.core import TyperArgument, TyperCommand
from typer.utils import get_params_from_function


class Command(TyperCommand):
    """Gives each argument the help that its function declares."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for argument in self.params:
            if isinstance(argument, TyperArgument):
                argument.help = help_of(self, argument) or argument.help
        super().format_options(ctx, formatter)


def help_of(command: click.Command, parameter: click.Parameter) -> str:
    """What an option or argument is for; since click 8.5 an argument has a ``help`` of its own, and its constructor
    overwrites the one that typer has set."""
    found = getattr(parameter, "help", None)
    if not found and command.callback is not None and parameter.name:
        declared = get_params_from_function(inspect.unwrap(command.callback)).get(parameter.name)
        found = getattr(declared.default, "help", None) if declared else None
    return str(found or "")
