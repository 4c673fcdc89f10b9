"""Collecting LoadGen's bare logs: what they tell, what is asked for, and which runs go together."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.errors import NothingSelected, UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.submission.collect import CollectOptions, collect
from mlperf_bake.submission.filling import Collected
from mlperf_bake.submission.runs_file import read_runs_file
from tests.support.synthetic_runs import RunSpec, log_line, official, write_run

SPEC = RunSpec()
SAID = CollectOptions("Me", system="box", division="open", model="resnet50")
TEXT = "accuracy=76.456%, good=38228, total=50000\n"


def bare(root: Path, name: str, spec: RunSpec, text: str | None = TEXT) -> Path:
    """A run as another program leaves it: no manifest, no user.conf."""
    run = write_run(root / ".made", replace(spec, run_id=name.replace("/", "-")))
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    run.rename(target)
    shutil.rmtree(root / ".made")
    (target / "manifest.json").unlink()
    (target / "user.conf").unlink()
    if spec.mode == "accuracy" and text:
        (target / "accuracy.txt").write_text(text, encoding="utf-8")
    return target


def pair(root: Path, base: str = "", spec: RunSpec = SPEC, text: str | None = TEXT) -> tuple[Path, Path]:
    performance = bare(root, f"{base}performance/run_1", spec)
    return performance, bare(root, f"{base}accuracy", replace(spec, mode="accuracy"), text)


def collected(tmp_path: Path, options: CollectOptions = SAID) -> Collected:
    return collect([DirectoryPlace(tmp_path / "raw")], tmp_path / "tree", options)


def test_bare_logs_make_a_result_with_what_is_said_of_them(tmp_path: Path) -> None:
    pair(tmp_path / "raw", spec=official(SPEC))
    done = collected(tmp_path)
    (one,) = done.foreign
    assert str(one.result) == "open/Me/box/resnet50/Offline"
    assert [remark.partition(" ")[0] for remark in done.remarks] == ["open/Me:", "open/Me:"]
    assert f"put them into {tmp_path}/tree/open/Me/src" in done.remarks[0]
    assert f"{tmp_path}/tree/open/Me/documentation/calibration.md" in done.remarks[1]
    found = {
        path.relative_to(one.directory).as_posix() for path in one.directory.rglob("*") if path.is_file()
    }
    assert found == {
        "README.md",
        "measurements.json",
        "performance/run_1/mlperf_log_summary.txt",
        "performance/run_1/mlperf_log_detail.txt",
        "performance/run_1/mlperf_log_accuracy.json",
        "accuracy/mlperf_log_summary.txt",
        "accuracy/mlperf_log_detail.txt",
        "accuracy/mlperf_log_accuracy.json",
        "accuracy/accuracy.txt",
    }
    assert "user.conf is missing or empty" in one.remarks
    readme = (one.directory / "README.md").read_text(encoding="utf-8")
    assert "318.4 samples/s" in readme and "Describe here how to run it again" in readme
    text = (one.directory / "accuracy" / "accuracy.txt").read_text(encoding="utf-8")
    assert text.startswith(TEXT.strip()) and "hash=" in text


def test_what_the_logs_do_not_say_is_asked_for_in_one_file(tmp_path: Path) -> None:
    performance, accuracy = pair(tmp_path / "raw")
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path, CollectOptions("Me"))
    file = tmp_path / "tree.runs.yaml"
    assert str(file) in str(raised.value) and "model, system, division" in str(raised.value)
    text = file.read_text(encoding="utf-8")
    assert "Offline performance, of 2026-11-22T09:15:00.000Z, LoadGen 6.0.17, 20 samples" in text
    assert set(read_runs_file(file)) == {str(performance), str(accuracy)}
    filled = text.replace("  model:\n", "  model: resnet\n").replace("  system:\n", "  system: it's mine\n")
    file.write_text(filled.replace("  division:\n", "  division: closed\n"), encoding="utf-8")
    done = collected(tmp_path, CollectOptions("Me", said=read_runs_file(file)))
    assert [str(one.result) for one in done.foreign] == ["closed/Me/it's mine/resnet/Offline"]


def test_the_file_keeps_what_was_filled_in_and_gains_new_runs(tmp_path: Path) -> None:
    pair(tmp_path / "raw")
    with pytest.raises(NothingSelected):
        collected(tmp_path, CollectOptions("Me"))
    file = tmp_path / "tree.runs.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("  model:\n", "  model: mine\n"), encoding="utf-8"
    )
    new, _ = pair(tmp_path / "raw", "more/", replace(SPEC, scenario="SingleStream"))
    with pytest.raises(NothingSelected):
        collected(tmp_path, CollectOptions("Me"))
    said = read_runs_file(file)
    assert len(said) == 4 and said[str(new)] == {}
    assert [values.get("model") for values in said.values()].count("mine") == 2


def test_a_directory_named_like_a_benchmark_and_a_scenario_tells_both(tmp_path: Path) -> None:
    pair(tmp_path / "raw", "resnet50/Interactive/", replace(SPEC, scenario="Server"))
    (one,) = collected(tmp_path, replace(SAID, model=None)).foreign
    assert (one.result.key.model, one.result.key.scenario) == ("resnet50", "Interactive")


def test_an_open_model_of_another_name_is_mapped_to_its_benchmark(tmp_path: Path) -> None:
    pair(tmp_path / "raw")
    options = replace(SAID, model="mynet", benchmark="resnet")
    (one,) = collected(tmp_path, options).foreign
    assert (one.result.key.model, one.result.benchmark.name) == ("mynet", "resnet")
    mapping = tmp_path / "tree" / "open" / "Me" / "model_mapping.json"
    assert json.loads(mapping.read_text(encoding="utf-8")) == {"mynet": "resnet"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "mynet"}, "mynet is none of the benchmarks of v6.1"),
        ({"model": "mynet", "benchmark": "yournet"}, "yournet is none of the benchmarks of v6.1"),
        ({"model": "mynet", "benchmark": "resnet", "division": "closed"}, "in the open division only"),
        ({"model": "resnet", "said": {}, "division": "half"}, "unknown division"),
    ],
)
def test_a_model_that_stands_for_nothing_is_refused(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    pair(tmp_path / "raw")
    with pytest.raises((NothingSelected, UsageError)) as raised:
        collected(tmp_path, replace(SAID, **change))  # type: ignore[arg-type]
    assert reason in str(raised.value)


def test_several_systems_and_scenarios_come_from_one_directory(tmp_path: Path) -> None:
    for base, scenario in (("a/", "Offline"), ("b/", "SingleStream"), ("c/", "Offline")):
        pair(tmp_path / "raw", base, replace(SPEC, scenario=scenario))
    said = {
        str(tmp_path / "raw" / "c" / name): {"system": "other"} for name in ("performance/run_1", "accuracy")
    }
    done = collected(tmp_path, replace(SAID, said=said))
    assert [str(one.result.key) for one in done.foreign] == [
        "box/resnet50/Offline",
        "box/resnet50/SingleStream",
        "other/resnet50/Offline",
    ]


def test_the_newest_valid_run_that_goes_with_the_accuracy_run_counts(tmp_path: Path) -> None:
    pair(tmp_path / "raw")
    bare(tmp_path / "raw", "later", replace(SPEC, started_at="2026-11-22T12:00:00Z"))
    bare(tmp_path / "raw", "other", replace(SPEC, started_at="2026-11-22T13:00:00Z", version="5.1.0"))
    bare(tmp_path / "raw", "slow", replace(SPEC, validity="INVALID", started_at="2026-11-22T14:00:00Z"))
    done = collected(tmp_path)
    assert done.foreign[0].result.place == str(tmp_path / "raw" / "later")
    reasons = {Path(item.run_id).name: item.reason for item in done.left_out}
    assert reasons == {
        "slow": "LoadGen calls the run INVALID",
        "other": "no accuracy run goes with it: LoadGen versions differ",
        "run_1": f"{tmp_path}/raw/later is newer",
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"loadgen_version": "5.1.0 @ x"}, "LoadGen versions differ"),
        ({"effective_schedule_rng_seed": 7}, "seeds differ"),
        ({"qsl_reported_total_count": 19}, "sizes of the data set differ"),
        ({"sut_name": "another"}, "systems under test differ"),
    ],
)
def test_runs_that_do_not_go_together_make_no_result(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    bare(tmp_path / "raw", "performance", replace(SPEC, detail=change))
    bare(tmp_path / "raw", "accuracy", replace(SPEC, mode="accuracy"))
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path)
    assert reason in str(raised.value)


def test_an_accuracy_run_that_nobody_judged_is_left_out(tmp_path: Path) -> None:
    pair(tmp_path / "raw", text=None)
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path)
    assert "nobody has judged the accuracy run" in str(raised.value)


def test_a_damaged_log_is_left_out_with_the_line(tmp_path: Path) -> None:
    performance, _ = pair(tmp_path / "raw")
    log = performance / "mlperf_log_detail.txt"
    log.write_text(log.read_text(encoding="utf-8") + log_line("effective_qsl_rng_seed", 3), encoding="utf-8")
    with pytest.raises(NothingSelected) as raised:
        collected(tmp_path)
    assert "two runs in one log?" in str(raised.value)


def test_files_beside_the_runs_come_along(tmp_path: Path) -> None:
    pair(tmp_path / "raw", "Offline/")
    home = tmp_path / "raw" / "Offline"
    measurements = {"retraining": "no", "weight_data_types": "int8"}
    (home / "measurements.json").write_text(json.dumps(measurements), encoding="utf-8")
    (home / "README.md").write_text("how to\n", encoding="utf-8")
    (home / "user.conf").write_text("*.Offline.target_qps = 1\n", encoding="utf-8")
    bare(tmp_path / "raw", "Offline/TEST04/performance/run_1", replace(SPEC, duration_ms=1))
    (home / "TEST04" / "verify_performance.txt").write_text("TEST PASS\n", encoding="utf-8")
    bare(tmp_path / "raw", "elsewhere/TEST01/performance/run_1", SPEC)
    done = collected(tmp_path)
    directory = done.foreign[0].directory
    assert (directory / "README.md").read_text(encoding="utf-8") == "how to\n"
    assert (
        json.loads((directory / "measurements.json").read_text(encoding="utf-8"))["weight_data_types"]
        == "int8"
    )
    assert (directory / "TEST04" / "verify_performance.txt").is_file()
    assert (directory / "TEST04" / "performance" / "run_1" / "mlperf_log_detail.txt").is_file()
    assert [item.reason for item in done.left_out] == [
        "a compliance run without its result: TESTnn belongs beside performance/"
    ]


def test_a_power_measurement_comes_along_and_what_is_wrong_with_it_is_said(tmp_path: Path) -> None:
    pair(tmp_path / "raw")
    home = tmp_path / "raw" / "performance"
    for name in ("power/client.json", "power/server.json", "ranging/mlperf_log_detail.txt", "run_1/spl.txt"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("{}", encoding="utf-8")
    (one,) = collected(tmp_path).foreign
    placed = one.directory / "performance"
    assert (placed / "ranging" / "mlperf_log_detail.txt").is_file()
    assert {path.name for path in (placed / "power").iterdir()} == {"client.json", "server.json"}
    assert "power/server.log of the power measurement is missing or empty" in one.remarks


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("runs: []\n", "not a runs file"),
        ("- model: resnet\n", "names no directory"),
        ("- directory: a\n  modle: x\n", 'unknown key "modle" .did you mean "model"'),
        ("- directory: a\n  model: [x]\n", "model must be text"),
        ("- [\n", "not valid YAML"),
    ],
)
def test_a_wrong_runs_file_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "runs.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=problem):
        read_runs_file(file)


def test_a_run_in_a_directory_that_nobody_can_write_down_is_left_out_and_no_crash(tmp_path: Path) -> None:
    """A name that is no UTF-8, or moves the terminal's cursor: neither can stand in the file that asks for more."""
    for number, name in enumerate((os.fsdecode(b"run\xff"), "run\x1b[31m", "run\nb")):
        logs = write_run(tmp_path / "made", RunSpec(run_id=f"r{number}"))
        (logs / "manifest.json").unlink()
        (tmp_path / str(number)).mkdir()
        logs.rename(tmp_path / str(number) / name)
        with pytest.raises(NothingSelected) as refused:
            collect([DirectoryPlace(tmp_path / str(number))], tmp_path / "tree", CollectOptions("Me"))
        said = str(refused.value)
        assert "characters that cannot be printed" in said and "rename the directory" in said
        assert said.replace("\n", "").isprintable()


def test_an_accuracy_run_that_nobody_judged_names_the_command_that_does(tmp_path: Path) -> None:
    for mode in ("performance", "accuracy"):
        (write_run(tmp_path / "resnet50", RunSpec(mode=mode)) / "manifest.json").unlink()
    with pytest.raises(NothingSelected) as refused:
        collect(
            [DirectoryPlace(tmp_path / "resnet50")],
            tmp_path / "tree",
            CollectOptions("Me", system="box", division="open"),
        )
    assert "mlperf-bake accuracy " in str(refused.value) and "run TARGET" not in str(refused.value)
