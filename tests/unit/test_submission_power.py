"""Power measurements in a tree: every file to its place, no other beside them, and what is missing named."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.check.engine import check
from mlperf_bake.errors import UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.describing import describe
from mlperf_bake.submission.power import SESSION_FILES, is_measured, missing_files
from tests.support.synthetic_runs import RunSpec, write_pair

LOGS = ("mlperf_log_detail.txt", "mlperf_log_summary.txt")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A performance run of ours with a measurement in its directory, and its accuracy run beside it."""
    performance, _ = write_pair(tmp_path / "results", RunSpec())
    names = [f"power/{name}" for name in SESSION_FILES]
    for name in (*names, *(f"ranging/{name}" for name in (*LOGS, "spl.txt")), "spl.txt"):
        (performance / name).parent.mkdir(exist_ok=True)
        (performance / name).write_text(f"{name}\n", encoding="utf-8")
    return performance


def collected(tmp_path: Path) -> Path:
    options = CollectOptions("Me", system="box")
    done = collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", options)
    return done.results[0].directory / "performance"


def test_every_file_has_its_place_and_the_manifest_makes_room(tmp_path: Path, run: Path) -> None:
    performance = collected(tmp_path)
    assert {path.name for path in (performance / "run_1").iterdir()} == {*LOGS, "spl.txt"}
    assert {path.name for path in (performance / "ranging").iterdir()} == {*LOGS, "spl.txt"}
    assert {path.name for path in (performance / "power").iterdir()} == set(SESSION_FILES)
    assert (performance / "manifest.json").read_bytes() == (run / "manifest.json").read_bytes()
    assert list(missing_files(performance)) == []


def test_the_manifest_is_still_found(tmp_path: Path, run: Path) -> None:
    collected(tmp_path)
    rules = {finding.rule for finding in check(tmp_path / "tree", load_round()).findings}
    assert "provenance.demonstration" in rules
    assert not rules & {"provenance.manifest", "performance.stray", "logs.stray", "power.files"}
    (unknown,) = describe(
        tmp_path / "tree", load_round(), "Me", "box", {"cooling": "air"}, lambda manifest: {}
    )
    assert "weight_data_types" not in unknown.keys, "only the manifest says so"


def test_a_run_without_a_measurement_keeps_its_manifest_beside_its_logs(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", replace(RunSpec(), run_id=""))
    performance = collected(tmp_path)
    assert not is_measured(performance) and (performance / "run_1" / "manifest.json").is_file()


def test_a_link_in_a_measurement_is_refused_and_no_tree_is_written(tmp_path: Path, run: Path) -> None:
    (run / "power" / "server.log").unlink()
    (run / "power" / "server.log").symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="a link leads out"):
        collected(tmp_path)
    assert not (tmp_path / "tree").exists()


def test_what_is_missing_or_empty_is_named(tmp_path: Path, run: Path) -> None:
    performance = collected(tmp_path)
    (performance / "power" / "server.json").unlink()
    (performance / "ranging" / "spl.txt").write_bytes(b"")
    assert list(missing_files(performance)) == ["power/server.json", "ranging/spl.txt"]
