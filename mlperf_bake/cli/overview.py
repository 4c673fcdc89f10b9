"""`--help` of the program and of its groups: every command with its whole sentence, the program's by what they are for."""

import click
from typer.core import TyperGroup

SECTIONS = {
    "Begin": ("quickstart", "doctor"),
    "Choose and build": ("list", "explain", "plan", "build", "pull", "bundle"),
    "Run": ("data", "weights", "run", "tune", "compliance", "experiment"),
    "Judge and submit": ("accuracy", "judge", "compare", "collect", "check"),
    "Change and publish": (*("init", "lock", "render", "affected", "ci", "prove", "reproduce", "scan"),),
}
"""What the program's commands are for, in the order in which they are needed."""
EPILOG = "First: `mlperf-bake quickstart`. It ends with what to type next, and so does each command after it."


class Overview(TyperGroup):
    """Lists commands under the sections; those of none, and the commands of a group, under one heading."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        left = dict.fromkeys(self.list_commands(ctx))
        for title, names in SECTIONS.items():
            listed = [name for name in names if ctx.parent is None and name in left]
            self._section(title, listed, formatter)
            for name in listed:
                del left[name]
        self._section("Commands", list(left), formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if ctx.parent is None:
            from mlperf_bake.program import pasteable

            formatter.write_paragraph()
            formatter.write_text(pasteable(EPILOG))

    def _section(self, title: str, names: list[str], formatter: click.HelpFormatter) -> None:
        if names:
            width = max(map(len, self.commands)) + 2
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width - 2), _sentence(self.commands[name])) for name in names], width
                )


def _sentence(command: click.Command) -> str:
    """The first of what the command's help says."""
    first = " ".join((command.help or "").partition("\n\n")[0].split())
    return first.partition(". ")[0].rstrip(".") + "."
