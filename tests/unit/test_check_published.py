"""Three submitters' published v5.1 results: our verdict and every figure are MLPerf's own."""

import json
import os
import shutil
from pathlib import Path

import pytest

from mlperf_bake.check.data import as_data
from mlperf_bake.check.engine import check
from mlperf_bake.check.official import differences, run_official
from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import State, Verdict
from mlperf_bake.rounds import load_round

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "inference_results_v5.1"
CHECKOUT = os.environ.get("MLCOMMONS_INFERENCE", "")
"""A checkout of mlcommons/inference, where there is one."""
UNITS = {
    "Latency (ms)": ("ms",),
    "Samples/s": ("samples/s",),
    "Queries/s": ("queries/s",),
    "Tokens/s": ("tokens/s",),
}

pytestmark = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published v5.1 results are not here")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published trees, with the sources that were left out."""
    root = tmp_path_factory.mktemp("published") / "tree"
    for division in ("open", "closed"):
        shutil.copytree(PUBLISHED / division, root / division, copy_function=shutil.copyfile)
    for directory in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        directory.chmod(0o755)
    for submitter in root.glob("*/*"):
        (submitter / "code").mkdir()
        (submitter / "code" / "README.md").write_text("elsewhere", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def verdict(tree: Path) -> Verdict:
    return check(tree, load_round("v5.1"))


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, object]]:
    """What MLPerf published, by directory."""
    data = json.loads((PUBLISHED / "summary_results.json").read_text(encoding="utf-8"))
    return {row["Location"]: row for row in data if (PUBLISHED / row["Location"]).is_dir()}


def test_the_tree_is_valid_without_error_or_warning(verdict: Verdict) -> None:
    assert [one.rule for one in verdict.findings if one.breach.severity is not Severity.NOTE] == []
    assert verdict.state is State.VALID
    assert {result.state for result in verdict.results} == {State.VALID}


def test_every_published_result_is_one_and_no_other(
    verdict: Verdict, rows: dict[str, dict[str, object]]
) -> None:
    assert {result.directory for result in verdict.results} == set(rows)
    assert len(rows) == 10


def test_every_figure_is_the_published_one(verdict: Verdict, rows: dict[str, dict[str, object]]) -> None:
    for result in verdict.results:
        row = rows[result.directory]
        assert result.figure is not None
        assert result.figure.value == pytest.approx(row["Performance_Result"], rel=1e-6)
        assert result.figure.unit in UNITS[str(row["Performance_Units"])]
        assert (result.figure.inferred_from is not None) == bool(row["inferred"])
        assert (result.scenario, result.submitter, result.system) == (
            row["Scenario"],
            row["Submitter"],
            row["Platform"],
        )
        assert result.power is None
        assert not row["has_power"]


def test_every_accuracy_is_the_published_one(verdict: Verdict, rows: dict[str, dict[str, object]]) -> None:
    for result in verdict.results:
        published = {}
        for pair in str(rows[result.directory]["Accuracy"]).split("  "):
            metric, _, value = pair.partition(":")
            published[metric.strip()] = float(value)
        assert dict(result.accuracy) == pytest.approx(published)


@pytest.mark.skipif(
    not Path(CHECKOUT, "tools").is_dir() or not CHECKOUT, reason="MLCOMMONS_INFERENCE names no checkout"
)
def test_the_official_checker_accepts_it_with_the_same_figures(tree: Path, verdict: Verdict) -> None:
    official = run_official(Path(CHECKOUT), tree, "v5.1")
    assert official.accepted
    assert len(official.results) == len(verdict.results)
    assert differences(official, verdict) == ()
    assert as_data(verdict, official)["official"]
