"""Inferred results: offered for edge systems only, made on request, marked, and renewed with their source."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.check.engine import check
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.filling import Collected
from tests.support.synthetic_runs import RunSpec, write_pair

EDGE = CollectOptions("Me", system="box", given={"system_type": "edge"})
STREAM = RunSpec(scenario="SingleStream", model="resnet50")


def collected(tmp_path: Path, options: CollectOptions = EDGE, results: str = "results") -> Collected:
    return collect([DirectoryPlace(tmp_path / results)], tmp_path / "tree", options)


def told(done: Collected) -> list[tuple[str, str, bool]]:
    return [(one.target.scenario, one.source, one.done) for one in done.inferred]


def test_what_can_be_inferred_is_offered_and_nothing_is_copied(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", STREAM)
    done = collected(tmp_path)
    assert sorted(told(done)) == [("MultiStream", "SingleStream", False), ("Offline", "SingleStream", False)]
    assert [path.name for path in done.results[0].directory.parent.iterdir()] == ["SingleStream"]


def test_on_request_the_result_is_copied_and_says_what_it_is(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", STREAM)
    done = collected(tmp_path, replace(EDGE, infer=True))
    assert sorted(told(done)) == [("MultiStream", "SingleStream", True), ("Offline", "SingleStream", True)]
    model = done.results[0].directory.parent
    for scenario in ("MultiStream", "Offline"):
        readme = (model / scenario / "README.md").read_text(encoding="utf-8")
        assert readme.startswith("**Inferred from SingleStream.** Nothing was run in " + scenario)
        log = "performance/run_1/mlperf_log_detail.txt"
        assert (model / scenario / log).read_bytes() == (model / "SingleStream" / log).read_bytes()
    verdict = check(done.tree, load_round("v6.1"))
    errors = {finding.rule for finding in verdict.findings if finding.breach.severity.value == "error"}
    assert not {rule for rule in errors if "scenario" in rule or "run_ids" in rule}, errors
    assert {str(result.figure) for result in verdict.results} == {
        "early-stopping p90 latency 3.300 ms",
        "early-stopping p99 latency 208.0 ms (from SingleStream)",
        "319.0 samples/s (from SingleStream)",
    }


@pytest.mark.parametrize("kind", ["datacenter", "datacenter,edge"])
def test_systems_that_are_not_edge_systems_infer_nothing(tmp_path: Path, kind: str) -> None:
    write_pair(tmp_path / "results", STREAM)
    assert told(collected(tmp_path, replace(EDGE, given={"system_type": kind}, infer=True))) == []


def test_a_measured_result_takes_the_place_of_an_inferred_one(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", STREAM)
    collected(tmp_path, replace(EDGE, infer=True))
    write_pair(tmp_path / "more", replace(STREAM, scenario="Offline"))
    done = collected(tmp_path, EDGE, "more")
    assert told(done) == []
    assert "Inferred" not in (done.results[0].directory / "README.md").read_text(encoding="utf-8")


def test_a_copy_is_made_again_with_its_source(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", STREAM)
    collected(tmp_path, replace(EDGE, infer=True))
    write_pair(tmp_path / "more", replace(STREAM, detail={"early_stopping_latency_ms": 1_000_000}))
    done = collected(tmp_path, EDGE, "more")
    assert sorted(told(done)) == [("MultiStream", "SingleStream", True), ("Offline", "SingleStream", True)]
    log = "MultiStream/performance/run_1/mlperf_log_detail.txt"
    assert '"early_stopping_latency_ms", "value": 1000000' in (
        done.results[0].directory.parent / log
    ).read_text(encoding="utf-8")


def test_in_the_older_layout_measurements_and_their_name_follow(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", STREAM)
    v6 = collected(tmp_path).tree
    for manifest in v6.rglob("manifest.json"):
        manifest.unlink()
    done = collect([DirectoryPlace(v6)], tmp_path / "old", CollectOptions("x", "v5.1", infer=True))
    assert ("Offline", "SingleStream", True) in told(done)
    below = done.tree / "open" / "Me" / "measurements" / "box" / "resnet50" / "Offline"
    assert {path.name for path in below.iterdir()} == {"box_Offline.json", "user.conf", "README.md"}
