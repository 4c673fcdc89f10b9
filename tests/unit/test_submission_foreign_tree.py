"""Collecting whole trees of others: what arrives, where it goes in another round's layout, and what is left out."""

import hashlib
import json
import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.check.engine import check
from mlperf_bake.cli.app import execute
from mlperf_bake.errors import BakeError, NothingSelected, UsageError
from mlperf_bake.results.place import DirectoryPlace, TarPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.describing import describe
from mlperf_bake.submission.filling import Collected
from tests.support.synthetic_runs import RunSpec, official, write_pair

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "inference_results_v5.1"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published results are not here")
RESULT = "open/Them/results/box/resnet50/Offline"


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A tree as another program leaves it, of v6.1, without manifests; its accuracy log is the whole one."""
    _, accuracy = write_pair(tmp_path / "runs", replace(official(RunSpec()), model="resnet50"))
    options = CollectOptions("Them", system="box", given={"cooling": "air", "retraining": "no"})
    tree = collect([DirectoryPlace(tmp_path / "runs")], tmp_path / "theirs", options).tree
    for manifest in tree.rglob("manifest.json"):
        manifest.unlink()
    shutil.copyfile(
        accuracy / "mlperf_log_accuracy.json", tree / RESULT / "accuracy" / "mlperf_log_accuracy.json"
    )
    for record in tmp_path.glob("theirs.*"):
        record.unlink()
    return tree


def convert(source: Path, out: Path, round_name: str = "v6.1", **options: object) -> Collected:
    return collect([DirectoryPlace(source)], out, CollectOptions("x", round_name, **options))  # type: ignore[arg-type]


def test_a_tree_of_the_same_layout_arrives_as_it_is(theirs: Path, tmp_path: Path) -> None:
    done = convert(theirs, tmp_path / "tree")
    assert [str(one.result) for one in done.foreign] == ["open/Them/box/resnet50/Offline"]
    before, after = files(theirs), files(tmp_path / "tree")
    changed = {name for name in before if before[name] != after[name]}
    assert set(before) == set(after)
    assert changed <= {f"{RESULT}/accuracy/mlperf_log_accuracy.json", "open/Them/systems/box.json"}


def test_measurements_compliance_and_sources_move_between_the_layouts_and_back(
    theirs: Path, tmp_path: Path
) -> None:
    test = theirs / RESULT / "TEST04"
    (test / "performance" / "run_1").mkdir(parents=True)
    (test / "verify_performance.txt").write_text("TEST PASS\n", encoding="utf-8")
    (test / "performance" / "run_1" / "mlperf_log_detail.txt").write_text("log\n", encoding="utf-8")
    old = convert(theirs, tmp_path / "old", "v5.1").tree / "open" / "Them"
    assert (old / "code" / "README.md").is_file() and not (old / "src").exists()
    assert {path.name for path in (old / "measurements/box/resnet50/Offline").iterdir()} == {
        "box_Offline.json",
        "user.conf",
        "README.md",
    }
    assert (old / "compliance/box/resnet50/Offline/TEST04/performance/run_1/mlperf_log_detail.txt").is_file()
    assert {path.name for path in (old / "results/box/resnet50/Offline").iterdir()} == {
        "performance",
        "accuracy",
    }
    convert(tmp_path / "old", tmp_path / "new")
    back = files(tmp_path / "new")
    assert set(back) == set(files(theirs))
    assert back[f"{RESULT}/TEST04/verify_performance.txt"] == b"TEST PASS\n"


def test_seeds_of_another_round_are_kept_and_said(theirs: Path, tmp_path: Path) -> None:
    done = convert(theirs, tmp_path / "old", "v5.1")
    assert any("the seeds of v6.1" in remark for remark in done.foreign[0].remarks)
    name = f"{RESULT}/performance/run_1/mlperf_log_detail.txt"
    assert (tmp_path / "old" / name).read_bytes() == (theirs / name).read_bytes()


def test_a_whole_accuracy_log_is_shortened_and_its_place_is_recorded(theirs: Path, tmp_path: Path) -> None:
    done = convert(theirs, tmp_path / "tree")
    log = theirs / RESULT / "accuracy" / "mlperf_log_accuracy.json"
    sha256 = hashlib.sha256(log.read_bytes()).hexdigest()
    assert (done.tree / RESULT / "accuracy" / "mlperf_log_accuracy.json").stat().st_size <= 10_240
    record = json.loads((tmp_path / "tree.accuracy-logs.json").read_text(encoding="utf-8"))
    assert record["logs"] == {
        sha256: {
            "bytes": log.stat().st_size,
            "place": str(log),
            "shortened": f"{RESULT}/accuracy/mlperf_log_accuracy.json",
        }
    }


def test_the_hash_of_a_whole_log_is_added_where_accuracy_txt_lacks_it(theirs: Path, tmp_path: Path) -> None:
    (theirs / RESULT / "accuracy" / "accuracy.txt").write_text(
        "accuracy=76.456%, good=1, total=2", encoding="utf-8"
    )
    convert(theirs, tmp_path / "tree")
    sha256 = hashlib.sha256(
        (theirs / RESULT / "accuracy" / "mlperf_log_accuracy.json").read_bytes()
    ).hexdigest()
    text = (tmp_path / "tree" / RESULT / "accuracy" / "accuracy.txt").read_text(encoding="utf-8")
    assert text == f"accuracy=76.456%, good=1, total=2\n\nhash={sha256}\n"


def test_the_hash_of_another_log_is_refused_and_the_old_tree_stays(theirs: Path, tmp_path: Path) -> None:
    convert(theirs, tmp_path / "tree")
    before = files(tmp_path / "tree")
    (theirs / RESULT / "accuracy" / "accuracy.txt").write_text(
        f"accuracy=99%\nhash={'0' * 64}\n", encoding="utf-8"
    )
    with pytest.raises(UsageError, match="not the one that accuracy"):
        convert(theirs, tmp_path / "tree")
    assert files(tmp_path / "tree") == before


def test_what_nobody_said_is_asked_for_and_filling_it_in_touches_nothing_else(
    theirs: Path, tmp_path: Path
) -> None:
    system = theirs / "open/Them/systems/box.json"
    values = json.loads(system.read_text(encoding="utf-8"))
    values["number_of_nodes"], values["their_own_key"] = 0, "kept"
    del values["cooling"]
    system.write_text(json.dumps(values), encoding="utf-8")
    (unknown,) = convert(theirs, tmp_path / "tree").unknown
    assert {"cooling", "weight_transformations"} <= set(unknown.keys)
    assert not {"number_of_nodes", "retraining"} & set(unknown.keys)
    asked = unknown.file.read_text(encoding="utf-8")
    assert "# like air or water\ncooling:\n" in asked and "--submitter Them" in asked
    logs = f"{RESULT}/performance/run_1/mlperf_log_detail.txt"
    before = files(tmp_path / "tree")[logs]
    given = {"cooling": "water", "weight_transformations": "no", "resnet50/retraining": "fine-tuned"}
    describe(tmp_path / "tree", load_round(), "Them", "box", given, lambda manifest: {})
    after = json.loads((tmp_path / "tree/open/Them/systems/box.json").read_text(encoding="utf-8"))
    assert (after["cooling"], after["their_own_key"], after["number_of_nodes"]) == ("water", "kept", "0")
    measurements = json.loads((tmp_path / "tree" / RESULT / "measurements.json").read_text(encoding="utf-8"))
    assert measurements["retraining"] == "fine-tuned" and measurements["weight_data_types"] == "fp32"
    assert files(tmp_path / "tree")[logs] == before


def test_two_trees_and_our_own_runs_make_one(theirs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(theirs / "open" / "Them", other / "closed" / "Others")
    done = collect(
        [DirectoryPlace(theirs), DirectoryPlace(other), DirectoryPlace(tmp_path / "runs")],
        tmp_path / "tree",
        CollectOptions("Me"),
    )
    assert sorted(str(one.result.owner) for one in done.foreign) == ["closed/Others", "open/Them"]
    assert [result.pair.key.model for result in done.results] == ["resnet50"]
    assert sorted(path.name for path in (done.tree / "open").iterdir()) == ["Me", "Them"]


def test_a_tree_with_several_submitters_is_collected_again_without_naming_one(
    theirs: Path, tmp_path: Path
) -> None:
    shutil.copytree(theirs / "open" / "Them", theirs / "open" / "Others")
    for _ in range(2):
        words = ["collect", str(theirs), "--out", str(tmp_path / "tree")]
        assert execute(words) == 0
    assert execute(["collect", str(tmp_path / "runs"), "--out", str(tmp_path / "tree")]) == 2, (
        "runs need a submitter"
    )


def test_names_that_differ_in_case_only_are_not_mixed(theirs: Path, tmp_path: Path) -> None:
    shutil.copytree(theirs / RESULT, theirs / RESULT.replace("Offline", "offline"))
    done = convert(theirs, tmp_path / "tree")
    assert len(done.foreign) == 1
    assert [item.reason for item in done.left_out] == ["this result is given twice"]


def test_spaces_and_other_alphabets_are_kept_and_control_characters_refused(
    theirs: Path, tmp_path: Path
) -> None:
    results = theirs / "open" / "Them" / "results"
    (results / "box").rename(results / "Сервер № 1 (ünï)")
    assert convert(theirs, tmp_path / "tree").foreign[0].result.key.system == "Сервер № 1 (ünï)"
    (results / "Сервер № 1 (ünï)").rename(results / "a\x1b[31mb")
    with pytest.raises(NothingSelected, match="no run makes a result") as raised:
        convert(theirs, tmp_path / "other")
    assert "cannot be printed" in str(raised.value) and "\x1b" not in str(raised.value)


@pytest.mark.parametrize("where", ["outside", "directory", "nowhere"])
def test_a_link_that_leads_elsewhere_leaves_the_result_out(theirs: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    target = {"outside": tmp_path / "secret", "directory": theirs, "nowhere": tmp_path / "gone"}[where]
    (theirs / RESULT / "performance" / "run_1" / "extra").symlink_to(target)
    with pytest.raises(NothingSelected) as raised:
        convert(theirs, tmp_path / "tree")
    assert "a link leads out of the results or to no file" in str(raised.value)
    assert not (tmp_path / "tree").exists()


def test_a_link_to_a_file_of_the_tree_becomes_that_file(theirs: Path, tmp_path: Path) -> None:
    (theirs / RESULT / "performance" / "run_1" / "again.txt").symlink_to("mlperf_log_summary.txt")
    convert(theirs, tmp_path / "tree")
    copy = tmp_path / "tree" / RESULT / "performance" / "run_1" / "again.txt"
    assert copy.is_file() and not copy.is_symlink()


def test_what_lies_beside_the_submitters_is_told(theirs: Path, tmp_path: Path) -> None:
    assert not [one for one in convert(theirs, tmp_path / "before").remarks if "beside" in one]
    for name in ("README.md", "open/notes.txt", ".gitattributes"):
        (theirs / name).write_text("x", encoding="utf-8")
    (theirs / "tools").mkdir()
    (said,) = (one for one in convert(theirs, tmp_path / "tree").remarks if "beside" in one)
    assert said == f"{theirs}: left out is what lies beside the submitters: tools/, README.md, open/notes.txt"


def test_a_pipe_is_named_and_never_opened(theirs: Path, tmp_path: Path) -> None:
    os.mkfifo(theirs / RESULT / "accuracy" / "pipe")
    with pytest.raises(NothingSelected, match="no run makes") as raised:
        convert(theirs, tmp_path / "tree")
    assert "neither a file nor a directory" in str(raised.value)


def test_what_no_tree_of_the_round_can_hold_is_left_out_with_the_reason(theirs: Path, tmp_path: Path) -> None:
    results = theirs / "open" / "Them" / "results" / "box"
    shutil.copytree(results / "resnet50", results / "gnmt")
    shutil.copytree(results / "resnet50" / "Offline", results / "resnet50" / "Sideways")
    (
        shutil.copytree(results / "resnet50" / "Offline", results / "resnet50" / "Server")
        / "performance/run_1"
        / ("mlperf_log_detail.txt")
    ).unlink()
    reasons = {
        item.run_id.rpartition("/")[2]: item.reason for item in convert(theirs, tmp_path / "tree").left_out
    }
    assert "is no scenario" in reasons["Sideways"]
    assert "cannot be read" in reasons["Server"]
    assert "gnmt is none of the benchmarks of v6.1" in reasons["Offline"]


def test_a_packed_tree_arrives_like_its_directory(theirs: Path, tmp_path: Path) -> None:
    (theirs / RESULT / "performance" / "power").mkdir()
    (theirs / RESULT / "performance" / "power" / "client.json").write_text("{}", encoding="utf-8")
    with tarfile.open(tmp_path / "theirs.tar.gz", "w:gz") as archive:
        archive.add(theirs, arcname=".")
    done = collect([TarPlace(tmp_path / "theirs.tar.gz")], tmp_path / "packed", CollectOptions("x"))
    assert done.foreign[0].result.place == f"{tmp_path}/theirs.tar.gz/{RESULT}"
    convert(theirs, tmp_path / "plain")
    assert files(tmp_path / "packed") == files(tmp_path / "plain")


@pytest.mark.parametrize(
    ("below", "says"), [("..", "further down"), ("open", "inside"), ("open/Them/results", "inside")]
)
def test_a_tree_one_level_too_high_or_low_says_where_its_root_is(
    theirs: Path, tmp_path: Path, below: str, says: str
) -> None:
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(UsageError, match=says) as raised:
        convert(theirs / below, tmp_path / "tree")
    assert str(theirs) in (raised.value.remedy or "")


def test_the_mapping_of_open_models_is_read_and_merged(theirs: Path, tmp_path: Path) -> None:
    (theirs / "open/Them/results/box/resnet50").rename(theirs / "open/Them/results/box/mynet")
    (theirs / "open/Them/model_mapping.json").write_text('{"mynet": "resnet"}', encoding="utf-8")
    tree = convert(theirs, tmp_path / "tree").tree
    shutil.rmtree(theirs / "open/Them/results/box/mynet/Offline/accuracy")
    (theirs / "open/Them/results/box/mynet").rename(theirs / "open/Them/results/box/other")
    (theirs / "open/Them/model_mapping.json").write_text('{"other": "resnet"}', encoding="utf-8")
    done = convert(theirs, tree)
    mapping = json.loads((tree / "open/Them/model_mapping.json").read_text(encoding="utf-8"))
    assert mapping == {"mynet": "resnet", "other": "resnet"}
    assert "accuracy.txt is missing or empty" in done.foreign[0].remarks


@published
def test_published_results_of_v5_1_keep_every_figure_in_the_layout_of_v6_1_and_back(tmp_path: Path) -> None:
    new = convert(PUBLISHED, tmp_path / "new").tree
    back = convert(new, tmp_path / "back", "v5.1").tree
    original = check(PUBLISHED, load_round("v5.1"))
    again = check(back, load_round("v5.1"))
    assert [(one.system, one.model, str(one.figure), one.accuracy) for one in original.results] == [
        (one.system, one.model, str(one.figure), one.accuracy) for one in again.results
    ]
    assert {finding.rule for finding in again.findings} <= {finding.rule for finding in original.findings}
    errors = {
        one.rule for one in check(new, load_round("v6.1")).findings if one.breach.severity.value == "error"
    }
    assert errors <= {"submitter.src", "provenance.round", *(f"{kind}.seeds" for kind in _SEEDED)}


_SEEDED = ("performance", "accuracy", "compliance.TEST01", "compliance.TEST04")


def test_runs_beside_an_earlier_tree_are_collected(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    for _ in range(2):
        done = collect([DirectoryPlace(tmp_path)], tmp_path / "submission", CollectOptions("Me"))
        assert len(done.results) == 1 and not done.foreign


def test_directories_that_are_only_called_like_divisions_are_no_tree(tmp_path: Path) -> None:
    home = tmp_path / "open" / "project"
    write_pair(home / "results", RunSpec())
    assert (
        len(collect([DirectoryPlace(home / "results")], tmp_path / "tree", CollectOptions("Me")).results) == 1
    )


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_a_tree_crashes_the_collect_or_leaves_the_tree(
    tmp_path: Path, data: st.DataObject
) -> None:
    for name in ("runs", "ours", "changed", "tree"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    write_pair(tmp_path / "runs", RunSpec(model="resnet50"))
    source = collect([DirectoryPlace(tmp_path / "runs")], tmp_path / "ours", CollectOptions("Them")).tree
    path = data.draw(st.sampled_from(sorted(path for path in source.rglob("*") if path.is_file())))
    changed = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    try:
        convert(source, tmp_path / "changed", data.draw(st.sampled_from(["v6.1", "v5.1"])))
    except BakeError as error:
        assert not (tmp_path / "changed").exists(), error
    assert {entry.name.partition(".")[0] for entry in tmp_path.iterdir()} <= {
        "runs",
        "ours",
        "changed",
        "tree",
    }
