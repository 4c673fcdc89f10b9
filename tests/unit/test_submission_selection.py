"""Which runs make a result: the newest valid ones of one image; all others are left out with a reason."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import read_runs
from mlperf_bake.submission.selection import Selection, select
from tests.support.synthetic_runs import OTHER_FINGERPRINT, ROUND, RunSpec, write_pair, write_run


def selected(tmp_path: Path) -> Selection:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    runs = read_runs([DirectoryPlace(tmp_path / "results")], scratch)
    assert runs.left_out == ()
    return select(runs.complete, lambda run: "machine", ROUND)


def run(run_id: str, mode: str = "performance", hour: int = 9, **changes: Any) -> RunSpec:
    spec = RunSpec(
        mode=mode,
        run_id=run_id,
        started_at=f"2026-11-22T{hour:02}:00:00Z",
        ended_at=f"2026-11-22T{hour:02}:01:00Z",
    )
    return replace(spec, **changes)


def reasons(selection: Selection) -> dict[str, str]:
    return {left.run_id: left.reason for left in selection.left_out}


def test_each_scenario_pairs_its_two_runs(tmp_path: Path) -> None:
    for scenario in ("Offline", "SingleStream"):
        write_pair(tmp_path / "results", RunSpec(scenario=scenario))
    selection = selected(tmp_path)
    assert [str(pair.key) for pair in selection.pairs] == [
        "machine/efficientnet-lite0/Offline",
        "machine/efficientnet-lite0/SingleStream",
    ]
    assert selection.left_out == ()


def test_the_newest_valid_run_wins_and_the_others_are_told(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for spec in (
        run("old", hour=7),
        run("new", hour=8),
        run("newest-but-invalid", hour=9, validity="INVALID"),
        run("acc-old", "accuracy", hour=6),
        run("acc", "accuracy", hour=7),
    ):
        write_run(root, spec)
    selection = selected(tmp_path)
    (pair,) = selection.pairs
    assert (pair.performance.manifest.run_id, pair.accuracy.manifest.run_id) == ("new", "acc")
    assert reasons(selection) == {
        "newest-but-invalid": "LoadGen calls the run INVALID: Min duration satisfied : NO",
        "old": "new is newer",
        "acc-old": "acc is newer",
    }


def test_runs_of_different_images_make_no_result(tmp_path: Path) -> None:
    write_run(tmp_path / "results", run("fast"))
    write_run(tmp_path / "results", run("right", "accuracy", fingerprint=OTHER_FINGERPRINT))
    selection = selected(tmp_path)
    assert selection.pairs == ()
    assert "fingerprints differ: abababababab and cdcdcdcdcdcd" in reasons(selection)["fast"]
    assert "fingerprints differ" in reasons(selection)["right"]


def test_an_older_pair_of_one_image_beats_newer_runs_that_do_not_belong_together(tmp_path: Path) -> None:
    write_run(tmp_path / "results", run("fast", hour=7))
    write_run(tmp_path / "results", run("right", "accuracy", hour=7))
    write_run(tmp_path / "results", run("fast-other", hour=9, fingerprint=OTHER_FINGERPRINT))
    selection = selected(tmp_path)
    assert [pair.performance.manifest.run_id for pair in selection.pairs] == ["fast"]
    assert "no accuracy run goes with it: fingerprints differ" in reasons(selection)["fast-other"]


def test_other_weights_make_no_result_even_without_fingerprints(tmp_path: Path) -> None:
    write_run(tmp_path / "results", run("fast", fingerprint=None))
    other = {"weights": {"sha256": "99" * 32}}
    write_run(tmp_path / "results", run("right", "accuracy", fingerprint=None, manifest=other))
    assert reasons(selected(tmp_path))["fast"] == "no accuracy run goes with it: weights differ"


def test_a_run_alone_makes_no_result(tmp_path: Path) -> None:
    write_run(tmp_path / "results", run("fast"))
    assert "there is no accuracy run of efficientnet-lite0 in Offline" in reasons(selected(tmp_path))["fast"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "manifest": {"loadgen": {"qsl_rng_seed": 1}},
                "detail": {"effective_qsl_rng_seed": 1},
            },
            "qsl_rng_seed is 1, in v6.1 it is 2085463073848966840",
        ),
        ({"manifest": {"cell": {"benchmark": None}}}, "is none of the benchmarks of v6.1"),
        ({"mode": "accuracy", "manifest": {"dataset": {"synthetic": True}}}, "synthetic"),
    ],
)
def test_a_run_that_fits_no_result_of_the_round(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    write_run(tmp_path / "results", run("odd", **changes))
    assert reason in reasons(selected(tmp_path))["odd"]
