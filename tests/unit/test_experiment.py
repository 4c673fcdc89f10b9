"""Experiments: what a file stands for, that only what is missing is run, and what is compared in the end."""

import json
import sys
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.comparison.pairs import Pairs, Shown
from mlperf_bake.errors import Interrupted, UsageError
from mlperf_bake.experiment.outcome import outcome
from mlperf_bake.experiment.perform import missing, perform
from mlperf_bake.experiment.plan import Experiment, read_experiment
from mlperf_bake.rounds import load_round
from tests.support.synthetic_runs import RunSpec, write_run

TEXT = """
results: ./runs
data: sample
targets: [one, two]
scenarios: [Offline]
settings:
  as it is: {}
  batch 8: {batch: 8, duration: 2.5, precision: fp32, verify: true}
repeats: 2
"""
PROGRAM = """
import sys
from pathlib import Path
from tests.support.synthetic_runs import RunSpec, write_run
words = sys.argv[1:]
value = lambda name: words[words.index(name) + 1]
with open(Path(value("--results")) / "asked", "a") as file:
    file.write(value("--run-id") + "\\n")
if words[1] == "two" and (Path(value("--results")) / "broken").exists():
    sys.exit(int((Path(value("--results")) / "broken").read_text()))
figure = {"one": 100.0, "two": 150.0}[words[1]] * (2 if "--batch" in words else 1)
figure += float(value("--run-id").rpartition(".")[2])
spec = RunSpec(run_id=value("--run-id"), detail={"result_samples_per_second": figure})
write_run(Path(value("--results")), spec)
"""


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    file = tmp_path / "experiment.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return read_experiment(file)


def go(experiment: Experiment) -> list[str]:
    return [run.run_id for run in perform(experiment, [sys.executable, "-c", PROGRAM], lambda line: None)]


def asked(experiment: Experiment) -> list[str]:
    return (experiment.results / "asked").read_text(encoding="utf-8").splitlines()


def test_a_file_stands_for_every_combination_repeat_after_repeat(
    experiment: Experiment, tmp_path: Path
) -> None:
    kinds = [(run.target, run.setting) for run in experiment.runs]
    once = [(target, setting) for target in ("one", "two") for setting in ("as it is", "batch 8")]
    assert kinds == once + once[::-1]
    assert [run.repeat for run in experiment.runs] == [1] * 4 + [2] * 4
    assert len({run.run_id for run in experiment.runs}) == 8
    assert experiment.runs[1].accuracy == (
        *("run", "one", "--scenario", "Offline", "--mode", "accuracy", "--data", "sample"),
        *(
            "--results",
            f"{tmp_path}/runs/",
            "--untuned",
            "--batch",
            "8",
            "--",
            "--precision",
            "fp32",
            "--verify",
        ),
    )
    assert experiment.runs[1].command == (
        *("run", "one", "--scenario", "Offline", "--mode", "performance", "--data", "sample"),
        *("--results", f"{tmp_path}/runs/", "--run-id", experiment.runs[1].run_id, "--untuned"),
        *("--batch", "8", "--duration", "2.5", "--", "--precision", "fp32", "--verify"),
    )


def test_a_changed_setting_is_another_run(experiment: Experiment, tmp_path: Path) -> None:
    changed = tmp_path / "changed.yaml"
    changed.write_text(TEXT.replace("batch: 8,", "batch: 9,"), encoding="utf-8")
    other = read_experiment(changed)
    assert other.runs[0].run_id == experiment.runs[0].run_id
    assert other.runs[1].run_id != experiment.runs[1].run_id


def test_another_round_is_another_run(experiment: Experiment, tmp_path: Path) -> None:
    other = read_experiment(tmp_path / "experiment.yaml", "v5.1").runs[0]
    assert other.run_id != experiment.runs[0].run_id
    assert other.command[-2:] == ("--round", "v5.1")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("repeats: 2020-13-45", "month must be"),
        (f"repeats: {'9' * 5000}", "digits"),
        ("settings: {a: {batch: 8}, 'a!': {batch: 8}}", "'a' and 'a!'"),
    ],
)
def test_a_value_that_nobody_can_mean_is_one_sentence(tmp_path: Path, line: str, found: str) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(f"results: ./runs\ntargets: [one]\nscenarios: [Offline]\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_experiment(file)
    assert found in (refused.value.found or "")


def test_only_what_is_missing_is_run(experiment: Experiment) -> None:
    write_run(experiment.results, RunSpec(run_id=experiment.runs[0].run_id))
    assert go(experiment) == []
    assert asked(experiment) == [run.run_id for run in experiment.runs[1:]]
    assert missing(experiment) == ()


def test_a_failed_run_is_told_and_the_others_are_made(experiment: Experiment) -> None:
    experiment.results.mkdir()
    (experiment.results / "broken").write_text("6", encoding="utf-8")
    failed = go(experiment)
    assert failed == [run.run_id for run in experiment.runs if run.target == "two"]
    assert len(asked(experiment)) == 8
    (experiment.results / "broken").unlink()
    assert go(experiment) == []
    assert len(asked(experiment)) == 12


def test_an_interrupted_run_ends_the_experiment(experiment: Experiment) -> None:
    experiment.results.mkdir()
    (experiment.results / "broken").write_text("130", encoding="utf-8")
    with pytest.raises(Interrupted) as stopped:
        go(experiment)
    assert len(asked(experiment)) == 3, "two runs of one, then the first of two"
    assert (stopped.value.found, stopped.value.remedy) == (
        "2 of 8 runs are made",
        "the same command goes on from there",
    )


def test_the_outcome_is_the_median_against_the_first(experiment: Experiment, tmp_path: Path) -> None:
    go(experiment)
    (tmp_path / "scratch").mkdir()
    (group,) = outcome(experiment, tmp_path / "scratch", load_round())
    whose = [(found.run.target, found.run.setting) for found in group]
    assert whose == [("one", "as it is"), ("one", "batch 8"), ("two", "as it is"), ("two", "batch 8")]
    assert [(found.lowest, found.highest, found.repeats) for found in group] == [
        (101.0, 102.0, 2),
        (201.0, 202.0, 2),
        (151.0, 152.0, 2),
        (301.0, 302.0, 2),
    ]
    ratios = [found.compared.ratio for found in group]
    assert ratios == [pytest.approx((value / 101 + (value + 1) / 102) / 2) for value in (101, 201, 151, 301)]
    assert [found.pairs.shown if found.pairs else None for found in group] == [None, *[Shown.TOO_FEW] * 3]


def test_a_repeat_that_only_one_of_two_has_makes_no_pair(experiment: Experiment, tmp_path: Path) -> None:
    for run in experiment.runs:
        if run.target == "one" and (run.setting, run.repeat) != ("batch 8", 1):
            figure = {"as it is": 100.0, "batch 8": 50.0}[run.setting] * run.repeat
            write_run(
                experiment.results,
                RunSpec(run_id=run.run_id, detail={"result_samples_per_second": figure}),
            )
    (tmp_path / "scratch").mkdir()
    ((_, other),) = outcome(experiment, tmp_path / "scratch", load_round())
    assert other.pairs == Pairs(0.5, None, None, 1)
    assert other.compared.ratio == 0.5, "not 100/150, what the medians would give"


def repeated(
    tmp_path: Path, figures: dict[str, tuple[float, ...]], capsys: pytest.CaptureFixture[str]
) -> str:
    """What the command prints of two settings whose runs had these figures."""
    file = tmp_path / "experiment.yaml"
    text = TEXT.replace("[one, two]", "[one]").replace("repeats: 2", f"repeats: {len(figures['batch 8'])}")
    file.write_text(text, encoding="utf-8")
    planned = read_experiment(file)
    for run in planned.runs:
        figure = figures[run.setting][run.repeat - 1]
        write_run(planned.results, RunSpec(run_id=run.run_id, detail={"result_samples_per_second": figure}))
    assert execute(["experiment", str(file)]) == 0
    return capsys.readouterr().out


def test_the_fastest_is_named_with_its_interval_and_whether_it_is_right_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = (100.0, 10.0, 90.0, 50.0, 100.0, 20.0)
    fast = tuple(value * gain for value, gain in zip(slow, (1.1, 1.2, 1.3, 1.1, 1.2, 1.16), strict=True))
    out = repeated(tmp_path, {"as it is": slow, "batch 8": fast}, capsys)
    assert (
        "fastest shown: one, batch 8, 1.18 times as fast as one, as it is (1.1 to 1.3, 95 % of 6 pairs)"
        in out
    )
    (step,) = [line for line in out.splitlines() if line.startswith("next: ")]
    assert "--mode accuracy" in step and "--batch 8" in step and "--duration" not in step


def test_what_may_be_chance_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow, mixed = (100.0,) * 6, (110.0, 120.0, 130.0, 99.0, 120.0, 116.0)
    out = repeated(tmp_path, {"as it is": slow, "batch 8": mixed}, capsys)
    assert "1.18x  0.99 to 1.3    no difference shown" in out
    assert "nothing is shown to be faster than one, as it is; more repeats" in out and "next: " not in out


def test_too_few_repeats_say_how_many_would_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = repeated(tmp_path, {"as it is": (100.0, 100.0), "batch 8": (300.0, 300.0)}, capsys)
    assert "3x     -              too few repeats (6 can show it)" in out and "fastest" not in out
    assert f"next: set repeats: 6 or more in {tmp_path}/experiment.yaml" in out


def test_what_makes_the_missing_runs_is_of_the_same_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlperf_bake.experiment.perform.perform", lambda planned, *_, **__: planned.runs)
    file = tmp_path / "experiment.yaml"
    file.write_text(TEXT, encoding="utf-8")
    assert execute(["experiment", str(file), "--round", "v5.1"]) == 6
    said = capsys.readouterr().err
    assert f"mlperf-bake experiment {file} --round v5.1  # makes what is missing" in said


def test_a_run_of_an_experiment_says_no_next_command_of_its_own(experiment: Experiment) -> None:
    experiment.results.mkdir()
    program = (
        "import sys; open(sys.argv[sys.argv.index('--results') + 1] + 'said', 'a').write(repr(sys.argv[1:]))"
    )
    perform(experiment, [sys.executable, "-c", program], lambda line: None)
    said = (experiment.results / "said").read_text(encoding="utf-8")
    assert said.count("'--no-next', '--scenario'") == len(experiment.runs)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("data: sample", "dta: sample", "unknown key 'dta'"),
        ("[one, two]", "[]", "targets"),
        ("[one, two]", "[one, one]", "each once"),
        ("[Offline]", "[Offline, offline]", "each once"),
        ("[Offline]", "[Offlin]", 'unknown scenario "Offlin"'),
        ("batch: 8,", "bach: 8,", "the option 'bach'"),
        ("batch: 8,", "batch: [8],", "text or a number"),
        ("repeats: 2", "repeats: 0", "at least 1"),
        ("repeats: 2", "repeats: 5000", "at most 1000"),
        ("repeats: 2", "repeats: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, old: str, new: str, problem: str) -> None:
    file = tmp_path / "experiment.yaml"
    assert old in TEXT
    file.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_experiment(file)
    assert problem in str(raised.value)


def test_the_command_prints_what_is_left_and_then_the_table(
    experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in experiment.runs[:-1]:
        write_run(experiment.results, RunSpec(run_id=run.run_id))
    file = str(tmp_path / "experiment.yaml")
    assert execute(["experiment", file, "--dry-run"]) == 0
    assert experiment.runs[-1].run_id in capsys.readouterr().out
    write_run(experiment.results, RunSpec(run_id=experiment.runs[-1].run_id, validity="INVALID"))
    assert execute(["experiment", file]) == 0
    assert "LoadGen calls it INVALID" in capsys.readouterr().out
    assert execute(["experiment", file, "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert [found["ratio"] for found in group] == [1.0, 1.0, 1.0, 1.0]


def test_the_example_is_an_experiment_that_runs_after_quickstart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["experiment", "--example"]) == 0
    file = tmp_path / "experiment.yaml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    planned = read_experiment(file)
    assert {run.target for run in planned.runs} == {"efficientnet-lite0"}
    assert len(planned.runs) == 24


@pytest.mark.parametrize("text", ["results: [", "nothing: 1\n"])
def test_a_file_that_is_no_experiment_names_the_way_to_one(text: str, tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_experiment(file)
    assert "experiment --example" in str(caught.value.remedy)
