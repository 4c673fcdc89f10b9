"""--help lists every command once, by what it is for, with its whole sentence."""

import re

import pytest

from mlperf_bake.cli.app import COMMANDS, execute
from mlperf_bake.cli.overview import SECTIONS


def test_every_command_stands_in_one_section() -> None:
    names = [name for section in SECTIONS.values() for name in section]
    assert sorted(names) == sorted(COMMANDS), "put the command into SECTIONS of cli/overview.py"


@pytest.mark.parametrize("words", [["--help"], ["data", "--help"], ["ci", "-h"], ["weights", "--help"]])
def test_no_sentence_is_cut_short(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(words) == 0
    said = capsys.readouterr().out
    assert "..." not in said.partition("Options:")[2]


def test_the_overview_begins_with_quickstart_and_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--help"]) == 0
    said = capsys.readouterr().out
    listed = re.findall(r"^  ([a-z]+)  ", said, re.MULTILINE)
    assert listed == [name for section in SECTIONS.values() for name in section]
    assert re.search(r"First: `\S*mlperf-bake quickstart`", said)
