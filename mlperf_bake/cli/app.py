"""The command line: every command registered, every failure turned into a sentence and an exit code."""

import gc
import io
import os
import sys
from collections.abc import Iterable
from importlib import import_module

import click
import typer

from mlperf_bake import __version__
from mlperf_bake.cli.command import Command
from mlperf_bake.cli.overview import Overview
from mlperf_bake.cli.system_failure import link_loop, system_failure
from mlperf_bake.errors import BakeError, UsageError

USAGE = 2
INTERRUPTED = 130
INTERNAL = 1
COLLECTED_AFTER = 100_000
"""New objects after which cycles among them are looked for: Python's 700 are made anew by every other import."""

COMMANDS = {
    "quickstart": "quickstart.quickstart",
    "list": "listing.list_cells",
    "explain": "explain.explain",
    "plan": "cells.plan",
    "affected": "affected.affected",
    "init": "init.init",
    "render": "cells.render",
    "lock": "lock.lock",
    "build": "build.build",
    "pull": "pull.pull",
    "bundle": "bundle.bundle",
    "reproduce": "reproduce.reproduce",
    "scan": "scan.scan",
    "run": "run.run",
    "tune": "tune.tune",
    "compliance": "compliance.compliance",
    "judge": "judge.judge",
    "prove": "prove.prove",
    "data": "data.app",
    "weights": "weights.app",
    "accuracy": "accuracy.accuracy",
    "collect": "collect.collect",
    "compare": "compare.compare",
    "experiment": "experiment.experiment",
    "check": "check.check",
    "ci": "ci.app",
    "doctor": "doctor.doctor",
}
"""Each command, in the order of --help, and where it lies below mlperf_bake.cli: a function, or an app of its own."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"mlperf-bake {__version__}")
        raise typer.Exit


def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """MLPerf Inference benchmarks in containers: plan, build, run, collect, check."""


def app(names: Iterable[str], only_listed: bool = False) -> typer.Typer:
    """The command line with these commands.

    Args:
        only_listed: the commands are there to be listed by --help, without their options, which take long to set up.
    """
    app = typer.Typer(
        name="mlperf-bake",
        cls=Overview,
        help=root.__doc__,
        no_args_is_help=True,
        add_completion=False,
        suggest_commands=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(".")
        value = getattr(import_module(f"mlperf_bake.cli.{module}"), attribute)
        if only_listed:
            app.command(name, help=value.info.help if isinstance(value, typer.Typer) else value.__doc__)(
                _listed
            )
        elif isinstance(value, typer.Typer):
            app.add_typer(value, name=name, cls=Overview)
        else:
            app.command(name, cls=Command)(value)
    return app


def _listed() -> None:
    """Stands for a command where all that is shown of it is its name and its help."""


def main() -> None:
    """Runs the command line; every way out is an exit code of docs/contracts.md."""
    gc.set_threshold(COLLECTED_AFTER)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no check mark gets a question mark
    code = execute(sys.argv[1:])
    gc.freeze()  # Python would look for cycles a last time, among all that the system takes back in a moment.
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """One command: its exit code. Failures are told on stderr."""
    if sys.platform == "win32":
        return _failure(_windows())
    try:
        return _command(arguments)
    except BakeError as error:
        return _failure(error)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # Whoever read our output has seen enough (`mlperf-bake list | head`).
        _drop_stdout()
        return 0
    except OSError as error:
        return _failure(system_failure(error))
    except RuntimeError as error:
        loop = link_loop(error)
        return _failure(system_failure(loop)) if loop else _internal(error)
    except Exception as error:
        return _internal(error)


def _command(arguments: list[str]) -> int:
    # The one that is asked for; where there is none, all of them, for help or a suggestion to list them.
    one = arguments[:1] if arguments and arguments[0] in COMMANDS else None
    stdout = sys.stdout
    try:
        code = (
            app(one or COMMANDS, only_listed=one is None)(
                args=arguments, prog_name="mlperf-bake", standalone_mode=False
            )
            or 0
        )
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return USAGE
    except click.UsageError as error:
        from mlperf_bake.cli.usage import usage_error

        raise usage_error(error, one[0] if one else "") from error
    except click.Abort:
        code = INTERRUPTED
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
        if sys.stdout is not stdout:  # what click puts in its place once whoever read it has seen enough
            code = 0
    if code == INTERRUPTED:  # typer makes this of Ctrl-C, without a word
        return _interrupted()
    sys.stdout.flush()
    return code


def _windows() -> BakeError:
    """What to raise on Windows itself, whose file locks and signals are others."""
    return UsageError(
        "mlperf-bake does not run on Windows itself",
        expected="Linux, macOS, or a Linux of WSL 2 with Docker Desktop's engine or its own",
        remedy="wsl --install, then run the same command in the Linux that it brings (docs/machines.md)",
    )


def _interrupted() -> int:
    sys.stderr.write("mlperf-bake: interrupted; the same command goes on from here\n")
    return INTERRUPTED


def _failure(error: BakeError) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_stdout()
    from mlperf_bake.cli.output import note_failure

    note_failure(f"mlperf-bake: {error}")
    return error.exit_code


def _drop_stdout() -> None:
    """Keep Python from complaining at exit about output that cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _internal(error: Exception) -> int:
    """A defect of this program: the traceback goes to a file, the user gets a sentence."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="mlperf-bake-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    sys.stderr.write(
        f"mlperf-bake: a defect of this program: {type(error).__name__}: {error}\n"
        f"  found:    details in {file.name}\n"
        "  remedy:   report it with that file; nothing recorded so far is lost\n"
    )
    return INTERNAL
