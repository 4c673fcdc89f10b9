"""mlperf.conf of trees until v4.1: written from the run's own log, never over a submitter's own."""

import shutil
from dataclasses import replace
from pathlib import Path

from mlperf_bake.check.engine import check
from mlperf_bake.results.loadgen_log import read_detail
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.loadgen_conf import complete_conf, conf_text
from tests.support.submission_trees import found
from tests.support.synthetic_runs import RunSpec, official, write_pair

V4_1 = load_round("v4.1")


def v41_runs(root: Path) -> None:
    """A pair of runs with the seeds of v4.1."""
    seeds = dict(V4_1.seeds.items())
    detail = {f"effective_{name}": value for name, value in seeds.items()}
    spec = replace(official(RunSpec()), version="4.1.30", detail=detail, manifest={"loadgen": seeds})
    write_pair(root, spec)
    accuracy = root / replace(spec, mode="accuracy").name
    performance = (accuracy.parent / spec.name / "manifest.json").read_text(encoding="utf-8")
    for name, value in seeds.items():  # write_pair gives the accuracy run no changes of its own
        assert f'"{name}": {value}' in performance
        for file in ("manifest.json", "mlperf_log_detail.txt"):
            text = (accuracy / file).read_text(encoding="utf-8")
            own = dict(load_round("v6.1").seeds.items())[name]
            (accuracy / file).write_text(text.replace(str(own), str(value)), encoding="utf-8")


def test_a_tree_of_v4_1_holds_the_settings_that_were_in_force(tmp_path: Path) -> None:
    v41_runs(tmp_path / "results")
    places = [DirectoryPlace(tmp_path / "results")]
    tree = collect(places, tmp_path / "tree", CollectOptions("Me", round="v4.1", system="box")).tree
    conf = tree / "open/Me/measurements/box/efficientnet-lite0/Offline/mlperf.conf"
    lines = conf.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# What LoadGen 4.1.30 carries of v4.1's mlperf.conf")
    assert "*.*.qsl_rng_seed = 3066443479025735752" in lines
    assert "*.Offline.min_duration = 600000" in lines
    assert "*.Offline.sample_concatenate_permutation = 0" in lines
    assert not any("target_latency" in line for line in lines)
    assert found(check(tree, V4_1), "measurements.files") == []


def test_later_rounds_have_no_such_file_and_a_given_one_stays(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec(scenario="Server"))
    log = next((tmp_path / "results").glob("*performance*/mlperf_log_detail.txt"))
    detail = read_detail(log)
    assert not complete_conf(tmp_path, detail, load_round("v5.0"))
    assert "*.Server.target_latency = 15" in conf_text(detail, V4_1)
    (tmp_path / "mlperf.conf").write_text("mine", encoding="utf-8")
    assert not complete_conf(tmp_path, detail, V4_1)
    assert (tmp_path / "mlperf.conf").read_text(encoding="utf-8") == "mine"


def test_bare_logs_bring_their_own_and_get_one_otherwise(tmp_path: Path) -> None:
    v41_runs(tmp_path / "results")
    for directory in (tmp_path / "results").iterdir():
        (directory / "manifest.json").unlink()
    accuracy = next((tmp_path / "results").glob("*accuracy*"))
    (accuracy / "accuracy.txt").write_text("accuracy=76.456%, good=38228, total=50000\n", encoding="utf-8")
    options = CollectOptions("Me", round="v4.1", system="box", model="resnet50", division="open")
    places = [DirectoryPlace(tmp_path / "results")]
    done = collect(places, tmp_path / "tree", options)
    conf = done.tree / "open/Me/measurements/box/resnet50/Offline/mlperf.conf"
    assert "qsl_rng_seed" in conf.read_text(encoding="utf-8")
    assert any("mlperf.conf was written" in remark for remark in done.foreign[0].remarks)
    shutil.rmtree(done.tree)
    performance = next((tmp_path / "results").glob("*performance*"))
    (performance / "mlperf.conf").write_text("mine", encoding="utf-8")
    collect(places, tmp_path / "tree", options)
    assert conf.read_text(encoding="utf-8") == "mine"
