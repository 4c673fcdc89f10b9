"""What proofs are held against is kept between commands, and made anew as soon as any file that determines it changes."""

import json
import os
from pathlib import Path

import pytest

from mlperf_bake.plan.planner import Planner
from mlperf_bake.project import STATE, open_project
from mlperf_bake.proof.kept import FILE
from mlperf_bake.proof.record import PROOFS, save_proofs
from tests.support.second_matrix import make_project
from tests.unit.test_proof_standing import CELL, proof_of, standing


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a proven cell that was looked at once."""
    project = make_project(tmp_path)
    save_proofs(project.root / PROOFS, {CELL.id: proof_of(project)})
    assert standing(project.root).holds
    return project.root


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cells that are planned from now on."""
    cells: list[str] = []
    plan = Planner.plan_cell

    def count(self: Planner, cell: object) -> object:
        cells.append(str(cell))
        return plan(self, cell)  # type: ignore[arg-type]

    monkeypatch.setattr(Planner, "plan_cell", count)
    return cells


def test_a_second_look_plans_nothing(root: Path, planned: list[str]) -> None:
    assert standing(root).holds
    assert not planned


@pytest.mark.parametrize(
    "changed", ["templates/final.j2", "matrix.yaml", "matrix.lock", "harness/src/main.cc"]
)
def test_a_file_that_was_touched_is_looked_at_again(root: Path, planned: list[str], changed: str) -> None:
    os.utime(root / changed, ns=(1, 1))
    assert standing(root).holds
    assert len(planned) == 1


def test_a_file_that_was_changed_within_the_same_second_and_size_is_seen(root: Path) -> None:
    main = root / "harness" / "src" / "main.cc"
    text = main.read_text(encoding="utf-8")
    main.write_text(text.replace("a", "b"), encoding="utf-8")
    assert not standing(root).holds
    main.write_text(text, encoding="utf-8")
    assert standing(root).holds


def test_another_round_is_another_question(root: Path, planned: list[str]) -> None:
    open_project(root, "v6.0")
    standing(root, "v6.0")
    assert len(planned) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', '{"copied": [], "key": "x", "cells": 7}'])
def test_a_damaged_file_is_made_anew(root: Path, planned: list[str], content: str) -> None:
    place = root / STATE / FILE
    place.write_text(content, encoding="utf-8")
    assert standing(root).holds
    assert len(planned) == 1
    assert CELL.id in json.loads(place.read_text(encoding="utf-8"))["cells"]


def test_where_nothing_can_be_kept_it_is_worked_out_each_time(root: Path, planned: list[str]) -> None:
    state = root / STATE
    (state / FILE).unlink()
    for rest in state.iterdir():
        rest.unlink()
    state.rmdir()
    state.write_text("in the way", encoding="utf-8")
    assert standing(root).holds
    assert standing(root).holds
    assert len(planned) == 2
