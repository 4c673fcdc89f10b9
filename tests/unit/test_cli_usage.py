"""What click refuses, told as everything else is told: what is wrong, what was found, what to type."""

import re
import shlex
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.cli.usage import EXAMPLES
from mlperf_bake.run.harness_options import HARNESS_OPTIONS
from tests.support.command_line import commands, parse, parser

CHECKOUT = Path(__file__).resolve().parents[2]
GIVEN_BY_RUN = {"scenario", "mode", "data", "results", "run-id", "cell", "progress", "help"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("lisst", ('unknown command "lisst" (did you mean "list"?)', "mlperf-bake --help")),
        ("data prep", ('unknown command "prep" (did you mean "prepare"?)', "mlperf-bake data --help")),
        (
            "run --tarrget x",
            ('unknown option "--tarrget" (did you mean "--target"?)', "mlperf-bake run --help"),
        ),
        (
            "check",
            ("TREE is missing", "mlperf-bake check --help", "mlperf-bake check submission", "it holds open/"),
        ),
        (
            "data prepare",
            ("NAME is missing", "mlperf-bake data prepare imagenet-20 --for efficientnet-lite0"),
        ),
        ("run", ("TARGET is missing", "such as efficientnet-lite0", "mlperf-bake list")),
        (
            "quickstart --duration abc",
            ("--duration has a wrong value", "abc", "a whole number of at least 1"),
        ),
        ("quickstart --duration 0", ("--duration has a wrong value", "found:    0", "at least 1")),
        ("build --jobs 0", ("--jobs has a wrong value", "found:    0", "at least 1")),
        (
            "run x --pin compact",
            ('"--pin" is an option of the harness', "mlperf-bake run TARGET ... -- --pin"),
        ),
        ("run x --duration 0", ("--duration has a wrong value", "found:    0", "a number above 0")),
        ("run x --duration nan", ("--duration has a wrong value", "found:    nan", "a number above 0")),
        ("run x --target-qps inf", ("--target-qps has a wrong value", "found:    inf", "a number above 0")),
        ("tune x --duration nan", ("--duration has a wrong value", "found:    nan", "of at least 0.1")),
        ("prove x --duration inf", ("--duration has a wrong value", "found:    inf", "of at least 0.1")),
        ("tune x --memory -5", ("--memory has a wrong value", "found:    -5", "of at least 0")),
        ("run --target", ("'--target' requires an argument", "mlperf-bake run --help")),
        ("check tree --json=yes", ("'--json' does not take a value", "mlperf-bake check --help")),
    ],
)
def test_a_wrong_line_is_told_once_with_its_remedy(
    line: str, told: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(line.split()) == 2
    said = capsys.readouterr().err
    for words in told:
        assert said.count(words) == 1
    assert said.startswith("mlperf-bake: ")


def test_every_command_that_needs_something_has_an_example_that_gives_it() -> None:
    program = parser()
    needing = {name for name, command in commands(program) if any(each.required for each in command.params)}
    assert set(EXAMPLES) - {"collect"} == needing  # collect goes on without, where a tree is there
    for line in EXAMPLES.values():
        parse(program, shlex.split(line.partition(" > ")[0]))


@pytest.mark.parametrize(
    ("command", "explained"),
    [("collect", "volume:NAME"), ("check", "it holds open/ or closed/"), ("explain", "axes left out")],
)
def test_help_explains_arguments(command: str, explained: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([command, "--help"]) == 0
    assert explained in " ".join(capsys.readouterr().out.split())


def test_the_options_that_can_be_passed_on_are_those_the_harness_has() -> None:
    text = (CHECKOUT / "harness/src/core/options.cc").read_text(encoding="utf-8")
    table = text[text.index("kOptions = {{") : text.index("const Option& FindOption")]
    names = set(re.findall(r'^    \{"([a-z-]+)",', table, re.MULTILINE))
    assert set(HARNESS_OPTIONS) == names - GIVEN_BY_RUN
    switches = set(re.findall(r'^    \{"([a-z-]+)", "",', table, re.MULTILINE)) - GIVEN_BY_RUN
    assert {name for name, value in HARNESS_OPTIONS.items() if not value} == switches
