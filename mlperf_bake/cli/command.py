"""A command whose ``--help`` explains its arguments as well as its options."""

import inspect

import click
from typer.core import TyperArgument, TyperCommand
from typer.utils import get_params_from_function


class Command(TyperCommand):
    """Gives each argument the help that its function declares: since click 8.5 an argument has a ``help`` of its own,
    and its constructor overwrites the one that typer has set."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.callback is not None:
            declared = get_params_from_function(inspect.unwrap(self.callback))
            for argument in self.params:
                if isinstance(argument, TyperArgument) and not argument.help and argument.name in declared:
                    argument.help = getattr(declared[argument.name].default, "help", None)
        super().format_options(ctx, formatter)
