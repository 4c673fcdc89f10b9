"""A machine that is at work already is told before anything is measured on it."""

import os
from dataclasses import replace

import pytest

from mlperf_bake.run.busy import already_busy, told_of
from tests.unit.test_cli_build import ENGINE


@pytest.mark.parametrize(("load", "cpus"), [(0.0, 1), (2.9, 2), (90.0, 64)])
def test_the_load_that_a_run_of_ours_leaves_is_no_word_worth(load: float, cpus: int) -> None:
    assert told_of(load, cpus) == ""


def test_more_than_the_cpus_can_do_is_told() -> None:
    assert told_of(16.24, 2).startswith("this machine is busy: a load of 16.2 on 2 CPUs in the last minute")


def test_another_machines_load_is_not_taken_for_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (50.0, 50.0, 50.0))
    assert already_busy(ENGINE)
    assert already_busy(replace(ENGINE, host="ssh://elsewhere")) == ""
