"""Tuned settings on disk: whole or not at all, and taken only by runs they were found for."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.errors import Interrupted, UsageError
from mlperf_bake.tune.applying import tuned_options
from mlperf_bake.tune.diary import FRESH_S, Diary
from mlperf_bake.tune.machine import Machine, machine_of
from mlperf_bake.tune.pairs import Comparison, Gain
from mlperf_bake.tune.report import report_lines
from mlperf_bake.tune.session import Tuned, Wishes, tune
from mlperf_bake.tune.setting import Execution, Measurement, Setting, Trial, trial_from
from mlperf_bake.tune.stored import Circumstances, conditions_of, load, store
from mlperf_bake.tune.trials import Trials
from mlperf_bake.tune.view import HEADER, Kept, PlainTuneView, cells
from tests.support.simulated_harness import SimulatedHarness
from tests.unit.test_engine_emulation import ENGINE

HERE = Machine("AMD EPYC", 2)
NOW = Circumstances("net-cpu", "Server", "sha256:" + "a" * 64, HERE)
EXECUTION = Execution(1, 2, 4)
CONFIRMED = Trial(
    2,
    "confirm",
    Setting(EXECUTION, target_qps=118.0),
    15.0,
    Measurement("r2", EXECUTION, 2, True, value=117.5, p99_ms=14.2, target_qps=118.0),
)
FAILED = Trial(1, "search", Setting(EXECUTION), 5.0, None, "the backend failed: out of memory")
TUNED = Tuned(
    "Server",
    CONFIRMED.setting,
    Execution(2, 1, 1),
    CONFIRMED,
    Comparison(Gain(1.2, 1.1, 1.3, 3)),
    (FAILED, CONFIRMED),
    0.05,
)
OPTIONS = ("--workers", "1", "--threads", "2", "--batch", "4", "--target-qps", "118")


def test_what_was_stored_is_taken_by_the_same_run_and_said(tmp_path: Path) -> None:
    path = store(tmp_path, NOW, TUNED)
    applied = tuned_options(tmp_path, NOW, ("--duration", "10"))
    assert applied.options == (*OPTIONS, "--duration", "10")
    assert applied.says.startswith(f"settings: {' '.join(OPTIONS)} (tuned 20")
    assert str(path) in applied.says
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_file_says_what_was_tried_and_gained(tmp_path: Path) -> None:
    value = json.loads(store(tmp_path, NOW, TUNED).read_text())
    assert value["options"] == list(OPTIONS)
    assert value["gain"] == {"ratio": 1.2, "low": 1.1, "high": 1.3, "pairs": 3}
    assert [trial["verdict"] for trial in value["trials"]] == ["failed", "VALID"]
    assert value["confirmation"]["measurement"]["run_id"] == "r2"


@pytest.mark.parametrize("own", [("--workers", "4"), ("--threads=1",), ("--batch", "2")])
def test_a_user_who_gives_an_execution_gets_nothing_that_was_found_with_another(
    tmp_path: Path, own: tuple[str, ...]
) -> None:
    store(tmp_path, NOW, TUNED)
    applied = tuned_options(tmp_path, NOW, own)
    assert applied.options == own
    assert "belong together" in applied.says


def test_a_user_who_gives_the_target_gets_the_rest(tmp_path: Path) -> None:
    store(tmp_path, NOW, TUNED)
    applied = tuned_options(tmp_path, NOW, ("--target-qps=90",))
    assert applied.options == (*OPTIONS[:6], "--target-qps=90")
    offline = replace(NOW, scenario="Offline")
    store(tmp_path, offline, replace(TUNED, scenario="Offline"))
    assert tuned_options(tmp_path, offline, ("--target-qps", "90")).options == (
        *OPTIONS[:6],
        "--target-qps",
        "90",
    )


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (
            replace(NOW, fingerprint="sha256:" + "b" * 64),
            "it is for image aaaaaaaaaaaa, this one is bbbbbbbbbbbb",
        ),
        (replace(NOW, machine=Machine("Xeon", 64)), "it is for 2 x AMD EPYC, this is 64 x Xeon"),
        (replace(NOW, machine=replace(HERE, cpuset="0")), "this is 2 x AMD EPYC (CPUs 0)"),
        (replace(NOW, conditions=("--precision", "int8")), "it was tuned with no options"),
        (replace(NOW, scenario="Offline"), "none were tuned for this scenario"),
    ],
)
def test_a_stale_setting_is_left_out_and_the_line_says_why(
    tmp_path: Path, now: Circumstances, why: str
) -> None:
    store(tmp_path, NOW, TUNED)
    applied = tuned_options(tmp_path, now, ("--duration", "10"))
    assert applied.options == ("--duration", "10")
    assert applied.says.startswith("settings: the harness's own defaults; ")
    assert why in applied.says


def test_machines_that_share_a_checkout_keep_one_setting_each(tmp_path: Path) -> None:
    there = replace(NOW, machine=Machine("Xeon", 64))
    other = replace(TUNED, setting=replace(TUNED.setting, target_qps=5000.0))
    assert store(tmp_path, NOW, TUNED) != store(tmp_path, there, other)
    assert tuned_options(tmp_path, NOW, ()).options[-1] == "118"
    assert tuned_options(tmp_path, there, ()).options[-1] == "5000"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other"}'])
def test_a_damaged_file_is_named_and_can_be_passed_over(tmp_path: Path, text: str) -> None:
    path = store(tmp_path, NOW, TUNED)
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        tuned_options(tmp_path, NOW, ())
    assert str(caught.value.where).startswith(str(path))


def test_a_damaged_file_of_another_machine_stands_in_nobodys_way(tmp_path: Path) -> None:
    path = store(tmp_path, replace(NOW, machine=Machine("Xeon", 64)), TUNED)
    path.write_text("{")
    applied = tuned_options(tmp_path, NOW, ("--duration", "10"))
    assert applied.options == ("--duration", "10")
    assert f"{path} is left out: " in applied.says


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = store(tmp_path, NOW, TUNED)
    value = json.loads(path.read_text())
    del value["machine"]["cpus"]
    path.write_text(json.dumps(value))
    with pytest.raises(UsageError, match=r"machine\.cpus") as caught:
        load(path)
    assert "--untuned" in str(caught.value.remedy)


def test_only_options_that_change_the_speed_are_conditions() -> None:
    words = (
        "--pin=compact",
        "--duration",
        "5",
        "--target-latency-ms",
        "20",
        "--verify",
        "--precision",
        "int8",
    )
    assert conditions_of(words, "Offline") == ("--pin", "compact", "--precision", "int8")
    assert conditions_of(words, "Server") == (
        *("--pin", "compact", "--precision", "int8"),
        *("--target-latency-ms", "20"),
    )
    repeated = ("--backend-option", "b=2", "--backend-option=a=1")
    assert conditions_of(repeated, "Offline") == ("--backend-option", "a=1", "--backend-option", "b=2")
    assert conditions_of(reversed_options(repeated), "Offline") == conditions_of(repeated, "Offline")


def reversed_options(words: tuple[str, ...]) -> tuple[str, ...]:
    return (words[2], *words[:2])


def test_the_machine_is_the_kernels_name_for_it_or_the_engines_address(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel name\t: AMD EPYC\n")
    local = replace(ENGINE, host="unix:///var/run/docker.sock", cpus=2)
    assert machine_of(local, "", cpuinfo) == HERE
    assert machine_of(local, "0", tmp_path / "none").cpu_model
    remote = replace(ENGINE, host="ssh://me@far", cpus=64)
    assert machine_of(remote, "", cpuinfo) == Machine("ssh://me@far", 64)


def test_a_trial_reads_back_as_it_was_written() -> None:
    for trial in (FAILED, CONFIRMED, Trial(3, "default", Setting(), 5.0, CONFIRMED.measurement)):
        assert trial_from(json.loads(json.dumps(trial.as_json()))) == trial


def test_an_interrupted_tuning_goes_on_and_writes_no_setting_before_its_end(tmp_path: Path) -> None:
    wishes = Wishes("Offline", 5.0, 30, 0.05)
    harness = SimulatedHarness("Offline", 4, batch_gain=0.4)
    whole = tune(
        wishes, Trials(harness, 30, Kept(PlainTuneView(lambda text: None, "Offline"), lambda trial: None))
    )

    def interrupted(setting: Setting, duration_s: float) -> Measurement:
        if len(again.asked) == 6:
            raise Interrupted("the run was interrupted")
        return again(setting, duration_s)

    again = SimulatedHarness("Offline", 4, batch_gain=0.4)
    diary = Diary(tmp_path / "Offline.unfinished", {"runs": 30})
    diary.begin()
    view = Kept(PlainTuneView(lambda text: None, "Offline"), diary.write)
    with pytest.raises(Interrupted):
        tune(wishes, Trials(interrupted, 30, view, ()))
    known = diary.known()
    assert len(known) == 6
    rest = SimulatedHarness("Offline", 4, batch_gain=0.4)
    found = tune(wishes, Trials(rest, 30, view, known))
    assert found.setting == whole.setting
    assert len(found.trials) == len(whole.trials) == len(rest.asked) + 6
    diary.end()
    assert diary.known() == ()
    assert list(tmp_path.iterdir()) == []


def test_another_question_an_old_diary_and_a_cut_line_are_not_taken_for_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "diary"
    diary = Diary(path, {"runs": 30})
    diary.begin()
    diary.write(FAILED)
    diary.write(CONFIRMED)
    assert diary.known() == (FAILED, CONFIRMED)
    assert Diary(path, {"runs": 31}).known() == ()
    assert diary.known(now=path.stat().st_mtime + FRESH_S + 1) == ()
    assert diary.known(now=path.stat().st_mtime - FRESH_S - 1) == (), "the clock was set back"
    path.write_bytes(path.read_bytes()[:-9])
    assert diary.known() == (FAILED,)


def test_what_an_interrupted_tuning_measured_is_dropped_once_other_things_are_asked_for() -> None:
    harness = SimulatedHarness("Offline", 4)
    view = PlainTuneView(lambda text: None, "Offline")
    asked = [Setting(), Setting(Execution(1, 1, 1)), Setting(Execution(2, 1, 1))]
    first = Trials(harness, 3, view)
    known = [first.run(setting, 5.0, "search") for setting in asked]
    second = Trials(harness, 3, view, known)
    assert second.run(asked[0], 5.0, "search") is known[0]
    assert second.run(asked[1], 6.0, "search").measurement != known[1].measurement
    assert second.run(asked[2], 5.0, "search") is not known[2]
    assert len(harness.asked) == 5
    with pytest.raises(ValueError, match="more runs"):
        second.run(asked[2], 5.0, "search")


def test_pairs_of_an_interrupted_tuning_are_run_anew() -> None:
    harness = SimulatedHarness("Offline", 4)
    view = PlainTuneView(lambda text: None, "Offline")
    known = Trials(harness, 1, view).run(Setting(), 5.0, "pair default")
    assert Trials(harness, 1, view, [known]).run(Setting(), 5.0, "pair default") is not known


def test_people_see_every_run_in_one_line_and_the_outcome_in_a_few() -> None:
    said: list[str] = []
    view = PlainTuneView(said.append, "Server")
    for trial in TUNED.trials:
        view.ended(trial)
    assert said == [
        "    1  search        1 x 2 x 4   : the backend failed: out of memory, failed",
        "    2  confirm       1 x 2 x 4    at 118/s: 117.5/s, p99 14.20 ms, VALID",
    ]
    stream = Measurement("r", EXECUTION, 2, True, mean_ms=7, p90_ms=8.5, target_latency_ms=5.6)
    row = cells(Trial(1, "search", Setting(EXECUTION), 5.0, stream), "SingleStream")
    assert len(row) == len(HEADER)
    assert row[3:] == ("5.600 ms", "p90 8.500 ms", "VALID")
    lines = dict(report_lines(TUNED, Path("kept.json"), "net", ("--precision", "int8")))
    assert lines["setting"] == f"1 workers x 2 threads, batch 4: {' '.join(OPTIONS)}"
    assert lines["confirmed"] == "117.5 samples/s (run 2, r2, VALID in 15 s)"
    assert lines["gain"] == "1.20 times the untuned default (1.10 to 1.30 in 3 pairs)"
    assert lines["resolution"] == "a rate 5 % higher was not VALID"
    assert lines["used by"] == "mlperf-bake run --target net --scenario Server -- --precision int8"
    why = replace(TUNED, comparison=Comparison(None, "it was not"), resolved=None)
    lines = dict(report_lines(why, Path("kept.json"), "net", ()))
    assert lines["gain"] == "none: it was not"
    assert "may lie above" in lines["resolution"]
