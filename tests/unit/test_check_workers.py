"""Work in several processes gives what work in one gives, also where a process is killed."""

import os
import signal
from pathlib import Path

import pytest

from mlperf_bake.check import engine
from mlperf_bake.check.data import as_data
from mlperf_bake.check.workers import each, processes
from tests.support.submission_trees import build, judged
from tests.support.synthetic_runs import RunSpec

HERE = os.getpid()


def square(number: int) -> tuple[int, bool]:
    return number * number, os.getpid() == HERE


def killed_elsewhere(number: int) -> int:
    if os.getpid() != HERE:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


needs_fork = pytest.mark.skipif(processes() < 2, reason="one process here")


@needs_fork
def test_results_come_in_order_from_other_processes() -> None:
    done = each(square, range(100), 2)
    assert [value for value, _ in done] == [number * number for number in range(100)]
    assert not any(here for _, here in done)


def test_few_things_and_one_worker_are_done_here() -> None:
    assert each(square, [3], 8) == [(9, True)]
    assert each(square, [3, 4], 1) == [(9, True), (16, True)]


@needs_fork
def test_where_a_process_is_killed_the_work_is_done_here() -> None:
    assert each(killed_elsewhere, range(20), 2) == list(range(20))


@needs_fork
def test_a_failure_in_a_process_is_a_failure_here() -> None:
    with pytest.raises(ZeroDivisionError):
        each(lambda number: 1 // number, range(3), 2)


def test_a_large_tree_has_the_verdict_of_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = build(tmp_path, RunSpec(), "open")
    (tree / "open/Me/systems/box.json").unlink()
    for name in ("a", "b", "c"):
        (tree / "open/Me/results" / name).mkdir()
    alone = as_data(judged(tree))
    monkeypatch.setattr(engine, "LARGE", 0)
    assert as_data(judged(tree)) == alone
