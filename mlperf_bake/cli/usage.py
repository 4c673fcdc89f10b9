"""What click refuses on the command line, as this program's own error: problem, found, expected, remedy."""

import click

from mlperf_bake.cli.command import help_of
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.run.harness_options import HARNESS_OPTIONS

TAKES_HARNESS_OPTIONS = ("run", "tune", "compliance")
EXAMPLES = {
    "affected": "affected --since HEAD~1",
    "pull": "pull efficientnet-lite0 --registry HOST/PREFIX",
    "scan": "scan mlperf-bake/efficientnet-lite0-cpp-onnxruntime-cpu-debian12:latest",
    "judge": "judge TEST01 ./results/RUN",
    "accuracy": "accuracy ./results/RUN",
    "collect": "collect ./results",
    "compare": "compare ./results",
    "experiment": "experiment --example > experiment.yaml",
    "check": "check submission",
    "data prepare": "data prepare imagenet-20 --for efficientnet-lite0",
    "weights fetch": "weights fetch efficientnet-lite0",
}
"""What to type where a command lacks what it cannot do without: the commonest form of it."""


def usage_error(error: click.UsageError, name: str = "") -> UsageError:
    """The same in this program's words; its remedy is the option's right place, or the help of the command.

    Args:
        name: the command's, for what click says without a context: that an option lacks its value, or takes none.
    """
    command = " ".join(error.ctx.command_path.split()) if error.ctx else f"mlperf-bake {name}".rstrip()
    remedy = f"{command} --help"
    match error:
        case click.NoSuchOption():
            return _unknown_option(error, command)
        case click.exceptions.NoSuchCommand():
            group = error.ctx.command if error.ctx else None
            known = tuple(group.commands) if isinstance(group, click.Group) else ()
            name = error.command_name
            return UsageError(f'unknown command "{name}"{did_you_mean(name, known)}', remedy=remedy)
        case click.MissingParameter():
            return _missing(error, command)
        case click.BadParameter():
            return _bad_value(error, remedy)
        case _:
            return UsageError(error.format_message().rstrip("."), remedy=remedy)


def _unknown_option(error: click.NoSuchOption, command: str) -> UsageError:
    name = error.option_name
    if command.rpartition(" ")[2] in TAKES_HARNESS_OPTIONS and name.removeprefix("--") in HARNESS_OPTIONS:
        value = HARNESS_OPTIONS[name.removeprefix("--")]
        return UsageError(
            f'"{name}" is an option of the harness',
            expected="the harness's options behind --",
            remedy=f"{command} TARGET ... -- {name} {value}".rstrip(),
        )
    parameters = error.ctx.command.params if error.ctx else ()
    known = [option for parameter in parameters for option in parameter.opts if option.startswith("--")]
    return UsageError(f'unknown option "{name}"{did_you_mean(name, known)}', remedy=f"{command} --help")


def _missing(error: click.MissingParameter, command: str) -> UsageError:
    program, _, name = command.partition(" ")
    example = EXAMPLES.get(name)
    help_line = f"{command} --help"
    remedy = f"`{program} {example}`, for example; `{help_line}` explains it" if example else help_line
    explained = help_of(error.ctx.command, error.param) if error.ctx and error.param else ""
    return UsageError(f"{_name(error)} is missing", expected=explained or None, remedy=remedy)


def _bad_value(error: click.BadParameter, remedy: str) -> UsageError:
    kind = error.param.type if error.param else None
    found = error.message.partition("'")[2].rpartition("'")[0] or error.message.partition(" ")[0]
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return UsageError(
            f"{_name(error)} has a wrong value", found=found, expected=_number(kind), remedy=remedy
        )
    return UsageError(f"{_name(error)}: {error.message.rstrip('.')}", remedy=remedy)


def _number(kind: click.types.IntParamType | click.types.FloatParamType) -> str:
    """``a whole number of at least 1``."""
    words = "a whole number" if isinstance(kind, click.types.IntParamType) else "a number"
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    lowest = "above" if getattr(kind, "min_open", False) else "of at least"
    bounds = [
        f"{word} {bound}" for word, bound in ((lowest, least), ("of at most", most)) if bound is not None
    ]
    return " ".join(filter(None, (words, " and ".join(bounds))))


def _name(error: click.BadParameter) -> str:
    """The option's longest name, or what the help calls the argument."""
    parameter = error.param
    if isinstance(parameter, click.Argument):
        return str(parameter.metavar or (parameter.name or "").upper()).removesuffix("...")
    return max(parameter.opts, key=len) if parameter else "an option"
