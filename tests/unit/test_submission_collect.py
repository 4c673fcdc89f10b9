"""Collecting: the tree that comes out, what stays of an earlier one, and that it changes as a whole or not at all."""

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlperf_bake.submission.replacement as replacement_module
from mlperf_bake.errors import BakeError, DiskFull, NothingSelected, UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.describing import file_to_fill
from mlperf_bake.submission.filling import Collected
from mlperf_bake.submission.replacement import replacing
from mlperf_bake.submission.shortening import shorten
from tests.support.synthetic_runs import LABELS, OTHER_FINGERPRINT, RunSpec, official, write_pair, write_run

SYSTEM = "example-cpu-3000-onnxruntime"
ME = CollectOptions("Me")


def collected(tmp_path: Path, options: CollectOptions = ME, results: str = "results") -> Collected:
    return collect([DirectoryPlace(tmp_path / results)], tmp_path / "tree", options)


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def write_data(directory: Path, labels: tuple[int, ...]) -> None:
    """A prepared data set with these labels; its samples are one value each."""
    directory.mkdir()
    samples = bytes(4 * len(labels))
    packed = struct.pack(f"<{len(labels)}i", *labels)
    (directory / "samples.bin").write_bytes(samples)
    (directory / "labels.bin").write_bytes(packed)
    values = {
        "name": "imagenet-20",
        "preprocessing": "p",
        "count": len(labels),
        "shape": "1",
        "dtype": "float32",
        "classes": 1000,
        "samples_sha256": hashlib.sha256(samples).hexdigest(),
        "labels_sha256": hashlib.sha256(packed).hexdigest(),
        "demonstration": "yes",
        "official_count": 50000,
        "source": "test",
    }
    (directory / "dataset.conf").write_text(
        "".join(f"{k} = {v}\n" for k, v in values.items()), encoding="utf-8"
    )


def labels_hash(labels: tuple[int, ...]) -> str:
    return hashlib.sha256(struct.pack(f"<{len(labels)}i", *labels)).hexdigest()


def test_the_tree_has_the_files_of_the_contract(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    done = collected(tmp_path)
    base = f"open/Me/results/{SYSTEM}/efficientnet-lite0/Offline"
    assert set(files(done.tree)) == {
        f"open/Me/systems/{SYSTEM}.json",
        "open/Me/src/README.md",
        "open/Me/documentation/calibration.md",
        "open/Me/model_mapping.json",
        f"{base}/measurements.json",
        f"{base}/user.conf",
        f"{base}/README.md",
        f"{base}/performance/run_1/mlperf_log_summary.txt",
        f"{base}/performance/run_1/mlperf_log_detail.txt",
        f"{base}/performance/run_1/manifest.json",
        f"{base}/accuracy/mlperf_log_detail.txt",
        f"{base}/accuracy/mlperf_log_summary.txt",
        f"{base}/accuracy/mlperf_log_accuracy.json",
        f"{base}/accuracy/accuracy.txt",
        f"{base}/accuracy/manifest.json",
    }
    mapping = json.loads((done.tree / "open/Me/model_mapping.json").read_text(encoding="utf-8"))
    assert mapping == {"efficientnet-lite0": "resnet"}


def test_accuracy_txt_has_metric_and_hash_of_the_whole_log(tmp_path: Path) -> None:
    _, accuracy = write_pair(tmp_path / "results", official(RunSpec()))
    done = collected(tmp_path)
    log = (accuracy / "mlperf_log_accuracy.json").read_bytes()
    directory = done.results[0].directory / "accuracy"
    assert (directory / "accuracy.txt").read_text(encoding="utf-8") == (
        f"accuracy=76.456%, good=38228, total=50000\n\nhash={hashlib.sha256(log).hexdigest()}\n"
    )
    shortened = (directory / "mlperf_log_accuracy.json").read_bytes()
    assert shortened == log[:4096] + b"\n\n...\n\n" + log[-4096:]


@pytest.mark.parametrize(("size", "kept"), [(0, True), (4095, True), (4096, False), (20_000, False)])
def test_a_log_is_shortened_from_4096_bytes_on(tmp_path: Path, size: int, kept: bool) -> None:
    log, target = tmp_path / "log", tmp_path / "target"
    log.write_bytes(b"x" * size)
    assert shorten(log, target) == hashlib.sha256(b"x" * size).hexdigest()
    assert (target.read_bytes() == log.read_bytes()) is kept
    assert target.stat().st_size <= 10_240


def test_the_readme_calls_a_demonstration_one_and_quotes_the_log(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    text = (collected(tmp_path).results[0].directory / "README.md").read_text(encoding="utf-8")
    assert "This is a demonstration and no MLPerf result" in text
    assert "data set imagenet-20 is a sample of 20" in text
    assert "318.4 samples/s" in text
    assert "90.000 % (18 of 20)" in text
    assert "69.9 to 97.2 %" in text
    write_pair(tmp_path / "real", official(RunSpec(run_id="")))
    real = collected(tmp_path, ME, "real").results[0].directory / "README.md"
    assert "demonstration" not in real.read_text(encoding="utf-8")


def test_unknown_values_are_listed_and_a_file_to_fill_in_is_written_once(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    (unknown,) = collected(tmp_path).unknown
    assert unknown.system == SYSTEM
    assert {"status", "cooling", "retraining", "weight_transformations"} <= set(unknown.keys)
    assert unknown.file == tmp_path / f"tree.Me.{SYSTEM}.yaml"
    unknown.file.write_text("status: preview\n", encoding="utf-8")
    collected(tmp_path)
    assert unknown.file.read_text(encoding="utf-8") == "status: preview\n"


def test_results_are_added_to_an_earlier_tree(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    tree = collected(tmp_path, replace(ME, given={"cooling": "air"})).tree
    readme = next(tree.glob("open/Me/results/*/*/Offline/README.md"))
    readme.write_text("mine", encoding="utf-8")
    other = RunSpec(scenario="SingleStream", fingerprint=OTHER_FINGERPRINT)
    write_pair(tmp_path / "more", other)
    collected(tmp_path, ME, "more")
    assert {path.name for path in tree.glob("open/Me/results/*/*/*")} == {"Offline", "SingleStream"}
    assert readme.read_text(encoding="utf-8") == "mine"
    system = json.loads((tree / f"open/Me/systems/{SYSTEM}.json").read_text(encoding="utf-8"))
    assert system["cooling"] == "air"
    assert "abababababab" in system["other_software_stack"]
    assert "cdcdcdcdcdcd" in system["other_software_stack"]
    source = (tree / "open/Me/src/README.md").read_text(encoding="utf-8")
    assert "abab" in source
    assert "cdcd" in source


def test_a_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    directory = collected(tmp_path).results[0].directory
    (directory / "performance" / "run_1" / "old.txt").touch()
    collected(tmp_path)
    assert not (directory / "performance" / "run_1" / "old.txt").exists()


def test_two_submitters_and_divisions_lie_side_by_side(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    collected(tmp_path)
    tree = collected(tmp_path, replace(ME, submitter="You", division="closed")).tree
    assert sorted(path.name for path in tree.iterdir()) == ["closed", "open"]
    assert not (tree / "closed" / "You" / "model_mapping.json").exists()


def test_one_system_cannot_be_two_machines(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    write_pair(tmp_path / "results", RunSpec(scenario="SingleStream", cpu_model="Another"))
    assert len({result.pair.key.system for result in collected(tmp_path).results}) == 2
    before = files(tmp_path / "tree")
    with pytest.raises(UsageError, match="two different machines"):
        collected(tmp_path, replace(ME, system="box"))
    assert files(tmp_path / "tree") == before


def test_the_accuracy_is_counted_again_with_the_data_set(tmp_path: Path) -> None:
    write_data(tmp_path / "data", LABELS)
    spec = RunSpec(manifest={"dataset": {"labels_sha256": labels_hash(LABELS)}})
    write_run(tmp_path / "results", spec)
    write_run(tmp_path / "results", replace(spec, mode="accuracy"))
    (result,) = collected(tmp_path, replace(ME, data=tmp_path / "data")).results
    assert (result.score.correct, result.score.total) == (18, 20)
    assert "counted again with imagenet-20" in (result.directory / "README.md").read_text(encoding="utf-8")


def test_a_manifest_that_claims_more_than_the_log_shows_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "data", LABELS)
    changes = {"dataset": {"labels_sha256": labels_hash(LABELS)}}
    write_run(tmp_path / "results", RunSpec(manifest=changes))
    claim = {**changes, "accuracy": {"correct": 20, "value": 1.0}}
    write_run(tmp_path / "results", RunSpec(mode="accuracy", manifest=claim))
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path, replace(ME, data=tmp_path / "data"))
    assert "18 of 20 in the log" in str(raised.value)


def test_other_labels_are_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "data", LABELS)
    write_pair(tmp_path / "results", RunSpec())
    with pytest.raises(NothingSelected, match="no run makes a result") as raised:
        collected(tmp_path, replace(ME, data=tmp_path / "data"))
    assert "other labels" in str(raised.value)
    (tmp_path / "data" / "labels.bin").write_bytes(bytes(80))
    with pytest.raises(UsageError, match="labels are not those"):
        collected(tmp_path, replace(ME, data=tmp_path / "data"))


def test_nothing_to_collect_says_why_for_each_run(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(status="interrupted"))
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path)
    assert "the run was interrupted" in str(raised.value)
    assert not (tmp_path / "tree").exists()


def of_round(name: str, mode: str) -> RunSpec:
    seeds = dict(load_round(name).seeds.items())
    detail = {f"effective_{seed}": value for seed, value in seeds.items()}
    return RunSpec(mode=mode, manifest={"cell": {"round": name}, "loadgen": seeds}, detail=detail)


def test_runs_of_another_round_are_offered_the_command_that_takes_them(tmp_path: Path) -> None:
    for mode in ("performance", "accuracy"):
        write_run(tmp_path / "results", of_round("v5.1", mode))
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path, replace(ME, division="open"))
    remedy = raised.value.remedy or ""
    assert "collect" in remedy and "--round v5.1" in remedy and "--division open" in remedy
    assert " run " not in remedy
    assert len(collected(tmp_path, replace(ME, division="open", round="v5.1")).results) == 1


def test_half_a_result_of_another_round_is_completed_in_its_own(tmp_path: Path) -> None:
    write_run(tmp_path / "results", of_round("v5.1", "performance"))
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path)
    run, collecting = (raised.value.remedy or "").splitlines()
    assert "--mode accuracy --round v5.1" in run
    assert "--round v5.1" in collecting and "collect" in collecting


@pytest.mark.parametrize(
    "options",
    [
        CollectOptions("../x"),
        CollectOptions(""),
        CollectOptions("Me", system="a/b"),
        CollectOptions("Me", division="half"),
    ],
)
def test_names_that_cannot_be_directories_are_refused(tmp_path: Path, options: CollectOptions) -> None:
    write_pair(tmp_path / "results", RunSpec())
    with pytest.raises(UsageError):
        collected(tmp_path, options)


def test_something_else_in_the_trees_place_is_left_alone(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "thesis.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match="something else"):
        collected(tmp_path)
    assert files(tmp_path / "tree") == {"thesis.txt": b"precious"}


def test_a_failure_half_way_leaves_the_old_tree_and_nothing_else(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    tree = collected(tmp_path).tree
    before = files(tree)
    with pytest.raises(UsageError, match="cannot be written"), replacing(tree) as partial:
        (partial / "open").rename(partial / "gone")
        raise OSError(5, "Input/output error", "somewhere")
    assert files(tree) == before
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two renames"])
def test_a_directory_is_replaced_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(replacement_module, "_exchange", lambda one, other: False)
    target = tmp_path / "tree"
    for text in ("one", "two"):
        with replacing(target) as partial:
            (partial / "file").write_text(text, encoding="utf-8")
        assert files(target) == {"file": text.encode()}
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_to_the_tree_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk" / "tree").mkdir(parents=True)
    (tmp_path / "tree").symlink_to("disk/tree")
    with replacing(tmp_path / "tree") as partial:
        (partial / "file").touch()
    assert (tmp_path / "tree").is_symlink()
    assert sorted(files(tmp_path / "disk")) == ["tree/file"]


def test_a_full_disk_leaves_the_old_tree(tmp_path: Path) -> None:
    with replacing(tmp_path / "tree") as partial:
        (partial / "file").touch()
    with pytest.raises(DiskFull) as raised, replacing(tmp_path / "tree") as partial:
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.exit_code == 8
    assert sorted(files(tmp_path)) == ["tree/file"]


def test_a_disk_that_is_full_before_the_old_tree_is_copied_leaves_it_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing(tmp_path / "tree") as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "file").touch()
        (partial / "link").symlink_to("inner/none")

    def full(source: str, copy: Path, **_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded", source)

    with monkeypatch.context() as patched:
        patched.setattr("mlperf_bake.submission.replacement.shutil.copy2", full)
        with pytest.raises(DiskFull), replacing(tmp_path / "tree"):
            pytest.fail("there is nothing to build in")
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]
    with replacing(tmp_path / "tree") as partial:
        assert (partial / "inner" / "file").is_file() and (partial / "link").is_symlink()


def test_what_a_killed_process_left_is_mended(tmp_path: Path) -> None:
    target = tmp_path / "tree"
    (tmp_path / "tree.replaced").mkdir()
    (tmp_path / "tree.replaced" / "old").touch()
    (tmp_path / "tree.partial-1").mkdir()
    (tmp_path / "tree.partial-1" / "half").touch()
    with replacing(target) as partial:
        assert [path.name for path in partial.iterdir()] == ["old"]
        (partial / "new").touch()
    assert sorted(files(target)) == ["new", "old"]
    assert list(tmp_path.iterdir()) == [target]


def _replace_slowly(target: Path, started: Callable[[], None]) -> None:
    with replacing(target) as partial:
        (partial / "file").write_text("new", encoding="utf-8")
        started()
        time.sleep(30)


def test_kill_9_in_the_middle_leaves_the_old_tree_and_the_next_one_goes_on(tmp_path: Path) -> None:
    target = tmp_path / "tree"
    with replacing(target) as partial:
        (partial / "file").write_text("old", encoding="utf-8")
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_replace_slowly, args=(target, ready.set))
    process.start()
    assert ready.wait(10)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert files(target) == {"file": b"old"}
    with replacing(target) as partial:
        assert (partial / "file").read_text(encoding="utf-8") == "old"
        (partial / "file").write_text("newer", encoding="utf-8")
    assert files(target) == {"file": b"newer"}
    assert list(tmp_path.iterdir()) == [target]


def _append(target: Path, name: str) -> None:
    with replacing(target) as partial:
        time.sleep(0.05)
        (partial / name).touch()


def test_concurrent_replacements_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_append, args=(tmp_path / "tree", str(number))) for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(files(tmp_path / "tree")) == ["0", "1", "2", "3"]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_a_run_crashes_the_collect(tmp_path: Path, data: st.DataObject) -> None:
    results, tree = tmp_path / "results", tmp_path / "tree"
    for directory in (results, tree):
        shutil.rmtree(directory, ignore_errors=True)
    runs = write_pair(results, RunSpec())
    path = data.draw(st.sampled_from(sorted(file for run in runs for file in run.iterdir())))
    changed = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    try:
        assert collected(tmp_path).results
    except BakeError as error:
        assert not tree.exists(), error


def test_a_result_that_meets_the_minimum_stays_unless_the_other_run_is_named(tmp_path: Path) -> None:
    whole = official(RunSpec())
    write_run(tmp_path / "results", replace(whole, run_id="long"))
    write_run(tmp_path / "results", replace(whole, run_id="acc", mode="accuracy"))
    tree = collected(tmp_path).tree
    write_run(tmp_path / "more", replace(whole, run_id="short", duration_ms=10_000))
    write_run(tmp_path / "more", replace(whole, run_id="acc-2", mode="accuracy"))
    with pytest.raises(NothingSelected) as refused:
        collected(tmp_path, ME, "more")
    assert refused.value.found is not None
    assert "the tree's run long meets the round's minimum" in refused.value.found
    manifest = next(tree.glob("open/Me/results/*/*/Offline/performance/run_1/manifest.json"))
    assert json.loads(manifest.read_text(encoding="utf-8"))["run_id"] == "long"
    put = collected(tmp_path, replace(ME, runs=("short",)), "more")
    assert json.loads(manifest.read_text(encoding="utf-8"))["run_id"] == "short"
    (told,) = [remark for remark in put.remarks if "in the place of" in remark]
    assert "in the place of the run long, which the tree had; collected with --run long" in told
    assert told.startswith("open/Me/") and told.partition(":")[0].endswith("/Offline")
    again = collected(tmp_path, replace(ME, runs=("short",)), "more")
    assert not [remark for remark in again.remarks if "in the place of" in remark]


def test_a_run_given_by_its_own_directory_is_a_named_one(tmp_path: Path) -> None:
    whole = official(RunSpec())
    for spec in (
        replace(whole, run_id="long"),
        replace(whole, run_id="short", duration_ms=10_000),
        replace(whole, run_id="acc", mode="accuracy"),
    ):
        write_run(tmp_path / "results", spec)
    places = [DirectoryPlace(tmp_path / "results"), DirectoryPlace(tmp_path / "results" / "short")]
    (result,) = collect(places, tmp_path / "tree", ME).results
    assert result.pair.performance.manifest.run_id == "short"


def test_two_submitters_systems_of_one_name_have_a_file_each(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    files = set()
    for submitter in ("One", "Two", "one"):
        (unknown,) = collected(tmp_path, replace(ME, submitter=submitter, system="box")).unknown
        assert unknown.file.is_file()
        files.add(unknown.file.name)
    assert files == {"tree.One.box.yaml", "tree.Two.box.yaml", "tree.one.box.yaml"}


def test_names_that_no_file_can_have_are_told_apart_in_the_file_to_fill_in(tmp_path: Path) -> None:
    names = ("A B", "a b", "A.B", "x" * 200, "x" * 199)
    files = {file_to_fill(tmp_path / "tree", "Me", name).name for name in names}
    assert len(files) == len(names)
    assert all(len(name) < 120 and " " not in name for name in files)
