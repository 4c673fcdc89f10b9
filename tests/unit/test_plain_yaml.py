"""YAML of anybody's becomes plain data or an error with a place; nothing in it ends the process."""

import datetime
from pathlib import Path

import pytest
import yaml

from mlperf_bake.check.opened import read_yaml
from mlperf_bake.errors import UsageError
from mlperf_bake.experiment.plan import read_experiment
from mlperf_bake.plain_yaml import DEEPEST, plain_yaml
from mlperf_bake.results.said import read_said
from mlperf_bake.rounds import load_round

DEEP = "[" * 100_000
"""Enough for libyaml's recursion to leave the stack: read without care, it is the end of the process."""


def test_values_are_what_they_look_like_or_the_text_that_stands_there() -> None:
    text = "day: 2026-11-22\ncount: 3\n"
    assert plain_yaml(text) == {"day": datetime.date(2026, 11, 22), "count": 3}
    assert plain_yaml(text, as_text=True) == {"day": "2026-11-22", "count": "3"}


def test_as_many_levels_as_allowed_are_read_and_one_more_is_refused() -> None:
    assert plain_yaml("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(yaml.MarkedYAMLError, match="nested deeper") as refused:
        plain_yaml("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
    mark = refused.value.problem_mark
    assert mark is not None and mark.column == DEEPEST


@pytest.mark.parametrize(
    "text", ["2026-13-45", '!!int ""', '!!float ""', "!!bool perhaps", "!!timestamp now", "!!int x"]
)
def test_a_value_that_its_form_or_tag_does_not_allow_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        plain_yaml(f"key: {text}")


@pytest.mark.parametrize("text", [DEEP, 'key: !!int ""'], ids=["deep", "no number"])
def test_every_reader_of_what_a_user_hands_over_refuses_it(text: str, tmp_path: Path) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(text, encoding="utf-8")
    for read in (read_experiment, read_yaml, lambda path: load_round(str(path))):
        with pytest.raises(UsageError) as refused:
            read(file)
        assert str(file) in str(refused.value)


def test_a_file_filled_in_by_hand_is_refused_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "system.yaml"
    file.write_text(DEEP, encoding="utf-8")
    with pytest.raises(UsageError, match="not valid YAML") as refused:
        read_said(file, "the system file")
    assert refused.value.where == f"{file}:1:{DEEPEST + 1}"
