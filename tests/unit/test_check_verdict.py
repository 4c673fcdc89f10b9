"""Verdicts: a demonstration is never valid and says why; real published results are; the output can be read."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from mlperf_bake.check.data import as_data
from mlperf_bake.check.engine import check
from mlperf_bake.check.groups import groups
from mlperf_bake.check.official import OfficialVerdict, read_verdict, run_official
from mlperf_bake.check.report import plain, print_verdict, summary
from mlperf_bake.check.rule import NOTHING, Severity
from mlperf_bake.check.verdict import State, Verdict
from mlperf_bake.errors import BakeError, UsageError
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, write_pair

V6_1 = load_round("v6.1")


@pytest.fixture
def demonstration(tmp_path: Path) -> Path:
    """What a first try leaves: twenty samples, ten seconds, nothing described."""
    for scenario in ("Offline", "SingleStream"):
        write_pair(tmp_path / "results", RunSpec(scenario=scenario))
    return collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions("unnamed")).tree


def test_a_demonstration_says_why_rule_by_rule(demonstration: Path) -> None:
    verdict = check(demonstration, V6_1)
    assert verdict.state is State.DEMONSTRATION
    assert verdict.exit_code == 0
    assert {finding.rule for finding in verdict.findings} == {
        "provenance.demonstration",
        "submitter.name",
        "system.values",
        "system.status",
        "measurements.values",
        "performance.sample_count",
        "performance.duration",
        "accuracy.dataset",
    }
    assert verdict.count(Severity.ERROR, demonstration=False) == 0
    assert all(result.state is State.DEMONSTRATION for result in verdict.results)
    reasons = {item.breach.found for item in verdict.findings if item.rule == "provenance.demonstration"}
    assert any("is a sample of 20" in reason for reason in reasons) and NOTHING not in reasons


def test_a_demonstration_for_the_closed_division_is_one_too(tmp_path: Path) -> None:
    for scenario in ("Offline", "SingleStream"):
        spec = RunSpec(scenario=scenario, model="resnet50", division="closed", correct=15)
        write_pair(tmp_path / "results", spec)
    tree = collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions("Me")).tree
    verdict = check(tree, V6_1)
    assert verdict.state is State.DEMONSTRATION
    needed = {"model.required", "compliance.tests", "accuracy.target", "performance.queries"}
    assert needed <= {finding.rule for finding in verdict.findings}


def test_a_real_breach_makes_a_demonstration_invalid(demonstration: Path) -> None:
    next(demonstration.rglob("user.conf")).unlink()
    verdict = check(demonstration, V6_1)
    assert verdict.state is State.INVALID
    assert verdict.exit_code == 9
    assert verdict.findings[0].rule == "measurements.files"


def test_a_demonstration_cannot_pass_by_leaving_its_reasons_out(tmp_path: Path) -> None:
    spec = RunSpec(manifest={"demonstration": []})
    write_pair(tmp_path / "results", spec)
    tree = collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions("Me")).tree
    assert check(tree, V6_1).state is State.DEMONSTRATION


def test_without_manifests_a_short_run_is_a_breach(demonstration: Path) -> None:
    for manifest in demonstration.rglob("manifest.json"):
        manifest.unlink()
    verdict = check(demonstration, V6_1)
    assert verdict.state is State.INVALID
    assert not any(finding.breach.demonstration for finding in verdict.findings)


def test_no_tree_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no submission tree") as refusal:
        check(tmp_path / "no tree", V6_1)
    assert refusal.value.remedy == f"mlperf-bake collect ./results --out '{tmp_path}/no tree'"


def test_a_packed_tree_is_told_to_be_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "tree.tar.gz"
    packed.touch()
    with pytest.raises(UsageError, match="a submission tree is a directory") as refusal:
        check(packed, load_round())
    assert f"tar -xf {packed}" in str(refusal.value.remedy)


def test_the_data_form_holds_everything(demonstration: Path) -> None:
    verdict = check(demonstration, V6_1)
    data = json.loads(json.dumps(as_data(verdict, OfficialVerdict(False, "has errors", ("e",), False))))
    assert data["verdict"] == "demonstration"
    assert data["exit_code"] == 0
    assert len(data["findings"]) == len(verdict.findings)
    assert {"rule", "source", "severity", "file", "line", "problem", "found", "expected", "fix"} <= set(
        data["findings"][0]
    )
    assert data["results"][0]["performance"] == {
        "field": "result_samples_per_second",
        "value": 318.4,
        "unit": "samples/s",
    }
    assert data["results"][0]["accuracy"] == {"acc": 90.0}
    assert data["official"]["errors"] == ["e"]


def test_equal_findings_are_shown_once_with_all_their_files(demonstration: Path) -> None:
    found = groups(check(demonstration, V6_1))
    (duration,) = [group for group in found if group.first.rule == "performance.duration"]
    assert len(duration.places) == 2
    assert all(":" in place for place in duration.places)


def test_plain_output_names_rule_found_expected_and_place(demonstration: Path) -> None:
    text = plain(check(demonstration, V6_1), OfficialVerdict(True, "submission looks OK", (), False))
    assert "demonstration: performance.duration: the run is too short" in text
    assert "  expected at least 600000 ms" in text
    assert "Offline/performance/run_1/mlperf_log_detail.txt:" in text
    assert "official   accepted: submission looks OK" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [80, 100, 200])
def test_tables_fit_the_terminal_and_only_commands_do_not(demonstration: Path, width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    print_verdict(
        check(demonstration, V6_1), console, OfficialVerdict(False, "has errors", ("a",) * 2, False)
    )
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(len(line) for line in lines if "mlperf-bake" not in line) <= width
    assert any(line.startswith("verdict") for line in lines)


def test_through_a_pipe_the_verdict_is_told_before_many_findings_too(demonstration: Path) -> None:
    verdict = check(demonstration, V6_1)
    said = f"verdict    {summary(verdict)}\n"
    assert plain(verdict).startswith(said) and plain(verdict).count(said) == 2
    few = replace(verdict, findings=verdict.findings[:1])
    assert plain(few).count("verdict    ") == 1


def test_without_a_terminal_plain_lines_are_printed(demonstration: Path) -> None:
    verdict = check(demonstration, V6_1)
    console = Console(file=io.StringIO())
    print_verdict(verdict, console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == plain(verdict)
    assert summary(verdict) in plain(verdict)


OUTPUT = """\
[2026-11-22 09:40:24,578 performance_check.py:381 ERROR] /t/open/x Test duration less than 600s
[2026-11-22 09:40:24,579 performance_check.py:381 ERROR] /t/open/x Test duration less than 600s
[2026-11-22 09:40:24,579 base.py:58 ERROR] Some performance checks Checks failed for: /t/open/x
[2026-11-22 09:40:24,584 main.py:236 ERROR] NoResults /t/open/x
[2026-11-22 09:40:24,584 main.py:361 ERROR] SUMMARY: submission has errors
"""


def test_the_official_output_is_read() -> None:
    verdict = read_verdict(1, OUTPUT, Path("/t"))
    assert verdict == OfficialVerdict(
        False, "submission has errors", ("open/x Test duration less than 600s",), False
    )
    crashed = read_verdict(1, "Traceback (most recent call last):\n  x\nTypeError: no\n", Path("/t"))
    assert (crashed.crashed, crashed.summary) == (True, "TypeError: no")
    assert read_verdict(0, "[x INFO] SUMMARY: submission looks OK", Path("/t")).accepted


def test_the_official_checker_is_run_as_a_program(demonstration: Path, tmp_path: Path) -> None:
    place = tmp_path / "inference" / "tools" / "submission" / "submission_checker"
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    program = "import sys\nprint('SUMMARY: ' + ' '.join(sys.argv[1:5] + sys.argv[7:]))\nsys.exit(1)\n"
    (place / "main.py").write_text(program, encoding="utf-8")
    verdict = run_official(tmp_path / "inference", demonstration, "v6.1", ("--skip-dataset-size-check",))
    assert verdict.summary == f"--input {demonstration} --version v6.1 --skip-dataset-size-check"
    assert not verdict.accepted
    with pytest.raises(UsageError, match="no official checker there"):
        run_official(tmp_path, demonstration, "v6.1")


@pytest.mark.parametrize("json_output", [False, True])
def test_the_command_ends_with_the_verdicts_code(demonstration: Path, json_output: bool) -> None:
    next(demonstration.rglob("user.conf")).unlink()
    program = "import sys, typer; from mlperf_bake.cli.check import check; typer.run(check)"
    arguments = [str(demonstration)] + (["--json"] if json_output else [])
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 9, done.stderr
    if json_output:
        assert json.loads(done.stdout)["verdict"] == "invalid"
    else:
        assert "error: measurements.files: user.conf is missing" in done.stdout


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_a_file_crashes_the_check(demonstration: Path, data: st.DataObject) -> None:
    files = sorted(path for path in demonstration.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    try:
        changed = bytearray(before)
        for _ in range(data.draw(st.integers(1, 4))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
        verdict = check(demonstration, V6_1._replace())
        assert isinstance(verdict, Verdict)
        assert verdict.state is not State.VALID
        plain(verdict)
    except BakeError as error:
        pytest.fail(f"a damaged file stopped the check: {error}")
    finally:
        path.write_bytes(before)
