"""Which runs make a result: the first by a stated rule of those of one image; all others are left out with a reason."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import read_runs
from mlperf_bake.submission.selection import Selection, select
from tests.support.synthetic_runs import OTHER_FINGERPRINT, ROUND, RunSpec, official, write_pair, write_run


def selected(tmp_path: Path, *named: str, division: str | None = None) -> Selection:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    runs = read_runs([DirectoryPlace(tmp_path / "results")], scratch)
    assert runs.left_out == ()
    return select(runs.complete, lambda run: "machine", ROUND, named, division)


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


def whole(run_id: str, mode: str = "performance", hour: int = 9, **changes: Any) -> RunSpec:
    return replace(official(run(run_id, mode, hour)), **changes)


def test_a_newer_run_below_the_rounds_minimum_does_not_displace_one_that_meets_it(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for spec in (whole("long", hour=7), whole("short", hour=9, duration_ms=10_000), whole("acc", "accuracy")):
        write_run(root, spec)
    selection = selected(tmp_path)
    (pair,) = selection.pairs
    assert (pair.performance.manifest.run_id, pair.because) == ("long", "it meets the round's minimum")
    assert reasons(selection) == {"short": "long meets the round's minimum"}


def test_below_the_minimum_the_longer_run_counts_and_of_equal_ones_the_newest(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for spec in (
        run("long", hour=7, duration_ms=60_000),
        run("longer", hour=8, duration_ms=60_000),
        run("short", hour=9),
        run("acc", "accuracy"),
    ):
        write_run(root, spec)
    selection = selected(tmp_path)
    assert [pair.performance.manifest.run_id for pair in selection.pairs] == ["longer"]
    assert reasons(selection) == {
        "short": "longer is longer, 60 s and not 10 s",
        "long": "longer is newer",
    }


def test_above_the_minimum_longer_is_no_better_than_newer(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for spec in (
        whole("longer", hour=7, duration_ms=900_000),
        whole("newer", hour=8),
        whole("acc", "accuracy"),
    ):
        write_run(root, spec)
    (pair,) = selected(tmp_path).pairs
    assert (pair.performance.manifest.run_id, pair.because) == ("newer", "it is newer")


def test_in_the_closed_division_a_query_too_small_and_compliance_tests_count(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for spec in (
        whole("audited", hour=7),
        whole("small", hour=8, samples_per_query=24_575),
        whole("alone", hour=9, manifest={"settings": {"workers": 4}}),
        whole("acc", "accuracy"),
        whole("t04", "compliance/TEST04", hour=7),
        whole("t04-again", "compliance/TEST04", hour=8, duration_ms=10_000),
    ):
        write_run(root, spec)
    closed = selected(tmp_path, division="closed")
    (pair,) = closed.pairs
    assert pair.performance.manifest.run_id == "audited"
    assert [test.manifest.run_id for test in pair.compliance] == ["t04"]
    assert reasons(closed) == {
        "alone": "more compliance tests go with audited",
        "small": "audited meets the round's minimum",
        "t04-again": "t04 meets the round's minimum",
    }
    (tmp_path / "scratch").rename(tmp_path / "scratch-1")
    (pair,) = selected(tmp_path).pairs
    assert (pair.performance.manifest.run_id, pair.compliance) == ("alone", ())


def test_a_named_run_counts_whatever_the_rule_says(tmp_path: Path) -> None:
    root = tmp_path / "results"
    for spec in (whole("long", hour=7), run("short"), whole("acc", "accuracy"), run("acc-short", "accuracy")):
        write_run(root, spec)
    selection = selected(tmp_path, "short")
    (pair,) = selection.pairs
    assert (pair.performance.manifest.run_id, pair.accuracy.manifest.run_id) == ("short", "acc-short")
    assert pair.because == "it was named"
    assert reasons(selection)["long"] == "short was named"


def test_a_named_run_that_is_not_there_or_makes_no_result_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "results", run("fast"))
    write_run(tmp_path / "results", run("slow", validity="INVALID"))
    with pytest.raises(UsageError, match=r'no run "fats" \(did you mean "fast"\?\)'):
        selected(tmp_path, "fats")
    (tmp_path / "scratch").rename(tmp_path / "scratch-1")
    with pytest.raises(UsageError) as refused:
        selected(tmp_path, "slow")
    assert refused.value.found is not None
    assert "INVALID" in refused.value.found


@pytest.mark.parametrize(("source", "tests"), [("user", 0), ("warm-up", 1)])
def test_a_test_of_another_given_rate_says_nothing_of_a_result(
    tmp_path: Path, source: str, tests: int
) -> None:
    for spec in (whole("fast"), whole("acc", "accuracy"), whole("t04", "compliance/TEST04")):
        rate = 100.0 if spec.run_id == "fast" else 50.0
        settings = {"settings": {"target_qps": rate, "target_qps_source": source}}
        write_run(tmp_path / "results", replace(spec, scenario="Server", manifest=settings))
    (pair,) = selected(tmp_path).pairs
    assert len(pair.compliance) == tests


def test_of_two_runs_of_one_moment_the_same_one_is_taken_every_time_and_not_called_newer(
    tmp_path: Path,
) -> None:
    for spec in (run("a", hour=7), run("b", hour=7), run("acc", "accuracy")):
        write_run(tmp_path / "results", spec)
    selection = selected(tmp_path)
    assert [pair.performance.manifest.run_id for pair in selection.pairs] == ["b"]
    assert reasons(selection) == {"a": "b started at the same moment, and one of them had to be taken"}
