"""The logs of a performance run beside one another: a run under another name, and figures that only one of the logs has."""

from pathlib import Path

import pytest

from mlperf_bake.check.log_rules import same
from mlperf_bake.results.loadgen_log import read_detail
from tests.support.submission_trees import OPEN, build, found, judged, setting
from tests.support.synthetic_runs import RunSpec


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    return build(tmp_path / "open", RunSpec(), "open")


@pytest.mark.parametrize("left", [False, True])
def test_the_only_run_is_renamed_and_not_removed(opened: Path, left: bool) -> None:
    run = opened / OPEN.run
    run.rename(run.with_name("run_2"))
    if left:
        run.mkdir()
    (finding,) = found(judged(opened), "performance.stray")
    move = f"mv {run.with_name('run_2')} {run}"
    assert finding.breach.fix == (f"rmdir {run}; {move}" if left else move)


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("result_samples_per_second", 1e6, "Samples per second"),
        ("result_mean_latency_ns", 12, "Mean latency (ns)"),
    ],
)
def test_a_figure_that_was_changed_in_one_log_is_found_by_the_other(
    opened: Path, key: str, value: float, name: str
) -> None:
    assert not found(judged(opened), "performance.summary")
    summary = opened / OPEN.run / "mlperf_log_summary.txt"
    logged = read_detail(opened / OPEN.detail).number(key)
    with summary.open("a", encoding="utf-8") as file:
        file.write(f"{name} : {logged or value:g}\n")
    assert not found(judged(opened), "performance.summary")
    setting(OPEN.detail, key, value * 2)(opened)
    (finding,) = found(judged(opened), "performance.summary")
    assert finding.breach.problem == f"the summary's {name} is not that of the detail log"


@pytest.mark.parametrize(
    ("said", "logged", "agree"),
    [
        ("39.56", 39.5644, True),
        ("39.56", 39.58, False),
        ("12.8299", 12.8299, True),
        ("1.2e+06", 1234567.0, True),
        ("1.2e+06", 1400000.0, False),
        ("1041732020154", 1041732020154, True),
        ("1041732020154", 1041732020156, False),
        ("nan", 3.0, True),
        ("N/A", 3.0, True),
    ],
)
def test_figures_agree_to_the_digits_that_are_shown(said: str, logged: float, agree: bool) -> None:
    assert same(said, logged) is agree
