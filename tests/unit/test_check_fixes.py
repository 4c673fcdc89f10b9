"""Every fix of a verdict is a command of this program that exists, with the names of the tree in it."""

import io
import re
import shlex
from pathlib import Path

import click
import pytest
import typer.main
from rich.console import Console

from mlperf_bake.check.engine import check
from mlperf_bake.check.fixes import run_again, tune
from mlperf_bake.check.groups import groups
from mlperf_bake.check.official import OfficialVerdict, unexcused
from mlperf_bake.check.report import plain, print_brief, print_verdict
from mlperf_bake.check.tree import Tree
from mlperf_bake.check.verdict import Verdict
from mlperf_bake.cli.app import COMMANDS, app, execute
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, write_pair

CELL = "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"
DETAIL = (
    "open/unnamed/results/example-cpu-3000-onnxruntime/efficientnet-lite0/Offline/{}/mlperf_log_detail.txt"
)


def tree_of(tmp_path: Path, *submitters: str) -> Path:
    write_pair(tmp_path / "results", RunSpec())
    for submitter in submitters:
        collect([DirectoryPlace(tmp_path / "results")], tmp_path / "tree", CollectOptions(submitter))
    return tmp_path / "tree"


def verdict_of(tmp_path: Path, *submitters: str) -> Verdict:
    return check(tree_of(tmp_path, *submitters), load_round("v6.1"))


def fixes(verdict: Verdict) -> dict[str, str]:
    return {finding.rule: finding.breach.fix for finding in verdict.findings if finding.breach.fix}


def test_what_mends_a_tree_is_for_the_round_it_was_checked_by(tmp_path: Path) -> None:
    verdict = check(tree_of(tmp_path, "unnamed"), load_round("v6.0"))
    mending = {
        command
        for fix in fixes(verdict).values()
        for command in fix.split(", then ")[-1].split(" && ")
        if re.match("mlperf-bake (run|tune|build|collect|compliance) ", command)
    }
    assert {command.split()[1] for command in mending} >= {"run", "build", "collect"}
    assert all(command.endswith("--round v6.0") or "--round v6.0 " in command for command in mending)


def parsed(command: str) -> None:
    """Raises what click raises for a line of ours that it does not take."""
    words = shlex.split(command)
    if words[0] != "mlperf-bake":
        assert words[0] in ("mv", "rm")
        return
    group = typer.main.get_command(app(COMMANDS))
    context = click.Context(group, info_name="mlperf-bake")
    rest = words[1:]
    while isinstance(group, click.Group):
        _, found, rest = group.resolve_command(context, rest)
        assert found is not None
        group = found
    group.make_context("mlperf-bake", list(rest))


def test_each_fix_of_a_demonstration_is_a_line_that_the_program_takes(tmp_path: Path) -> None:
    told = fixes(verdict_of(tmp_path, "unnamed"))
    assert {"performance.duration", "performance.sample_count", "accuracy.dataset", "system.status"} <= set(
        told
    )
    for fix in told.values():
        assert "..." not in fix
        for command in re.sub(r"^fill in \S+, then ", "", fix).split(" && "):
            parsed(command)


def test_commands_that_no_demonstration_needs_are_taken_as_well(tmp_path: Path) -> None:
    [result] = Tree(tree_of(tmp_path, "Me"), load_round("v6.1")).results()
    parsed(tune(result))
    parsed(run_again(result, "performance", "--min-queries", "24576"))
    assert tune(result) == f"mlperf-bake tune --target {CELL} --scenario Offline --data imagenet-20"


def test_without_a_manifest_the_model_is_the_target(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, "Me")
    for manifest in tree.rglob("manifest.json"):
        manifest.unlink()
    [result] = Tree(tree, load_round("v6.1")).results()
    assert run_again(result, "accuracy") == (
        "mlperf-bake run efficientnet-lite0 --scenario Offline --mode accuracy --data sample"
    )


def test_fixes_name_cell_scenario_and_data(tmp_path: Path) -> None:
    told = fixes(verdict_of(tmp_path, "unnamed"))
    run = f"mlperf-bake run {CELL} --scenario Offline --mode"
    assert told["performance.duration"] == told["performance.sample_count"]
    assert told["performance.duration"].endswith(f"&& {run} performance --data imagenet")
    assert told["accuracy.dataset"].endswith(f"&& {run} accuracy --data imagenet")
    assert told["accuracy.dataset"].startswith(
        "mlperf-bake data prepare imagenet --for efficientnet-lite0 --from "
    )


def test_one_run_under_two_submitters_goes_from_the_unnamed_one(tmp_path: Path) -> None:
    told = fixes(verdict_of(tmp_path, "unnamed", "Zoe"))["provenance.run_ids"]
    assert told.startswith("rm -r ") and told.endswith(
        "open/unnamed/results/example-cpu-3000-onnxruntime/efficientnet-lite0/Offline"
    )
    both = fixes(check(tree_of(tmp_path / "more", "Ann", "Zoe"), load_round("v6.1")))["provenance.run_ids"]
    assert "/Zoe/" in both


def test_findings_that_differ_in_their_command_alone_are_one_group(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec(scenario="SingleStream"))
    verdict = verdict_of(tmp_path, "Me")
    [group] = [group for group in groups(verdict) if group.first.rule == "performance.duration"]
    assert len(group.places) == len(group.fixes) == 2
    assert plain(verdict).count("performance.duration: the run is too short") == 1


@pytest.mark.parametrize("width", [60, 120])
def test_in_brief_the_results_come_first_and_a_rule_takes_a_line(tmp_path: Path, width: int) -> None:
    verdict = verdict_of(tmp_path, "unnamed")
    for terminal in (False, True):
        said = io.StringIO()
        print_brief(verdict, Console(file=said, width=width, force_terminal=terminal, color_system=None))
        lines = said.getvalue().splitlines()
        rules = {finding.rule for finding in verdict.findings}
        start = next(number for number, line in enumerate(lines) if line.startswith("demonstration: "))
        assert "top-1 90 %" in "".join(lines[:start])
        assert f"demonstration: {len(rules)} rules" in lines[start]
        assert [
            line.strip().partition(":")[0] for line in lines[start + 1 : start + 1 + len(rules)]
        ] == sorted(rules)


def test_several_submitters_are_told_apart_on_a_terminal(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, "Ann", "Zoe")
    for width in (60, 120):
        said = io.StringIO()
        print_brief(verdict, Console(file=said, width=width, force_terminal=True, color_system=None))
        assert "Ann" in said.getvalue() and "Zoe" in said.getvalue()


def test_a_fix_is_one_line_however_narrow_the_terminal(tmp_path: Path) -> None:
    said = io.StringIO()
    verdict = verdict_of(tmp_path, "unnamed")
    print_verdict(verdict, Console(file=said, width=60, force_terminal=True, color_system=None))
    lines = [line.strip() for line in said.getvalue().splitlines()]
    for fix in fixes(verdict).values():
        assert any(line.endswith(fix) for line in lines)


def refused(*errors: str) -> OfficialVerdict:
    return OfficialVerdict(False, "submission has errors", errors, False)


def test_the_official_checker_may_refuse_what_a_demonstration_cannot_keep(tmp_path: Path) -> None:
    verdict = verdict_of(tmp_path, "unnamed")
    short = (
        DETAIL.format("performance/run_1") + " Test duration less than 600s in user config. expected=600000"
    )
    few = DETAIL.format("accuracy") + " accurcy run does not cover all dataset, accuracy samples: 20"
    assert unexcused(refused(short, few), verdict) == ()
    elsewhere = short.replace("Offline", "Server")
    seeds = DETAIL.format("performance/run_1") + " qsl_rng_seed is wrong"
    assert unexcused(refused(short, elsewhere, seeds), verdict) == (elsewhere, seeds)
    assert unexcused(refused(), verdict) == ("submission has errors",)
    assert unexcused(OfficialVerdict(False, "KeyError: x", (), True), verdict) == ("KeyError: x",)
    assert unexcused(OfficialVerdict(True, "submission looks OK", (), False), verdict) == ()


@pytest.mark.parametrize(
    ("said", "options", "code"),
    [
        ("", [], 0),
        ("", ["--strict"], 9),
        (DETAIL.format("performance/run_1") + " Test duration less than 600s", ["--official"], 0),
        ("open/unnamed is odd", ["--official"], 9),
    ],
)
def test_the_exit_code_of_check(
    tmp_path: Path, said: str, options: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tree_of(tmp_path, "unnamed")
    checkout = tmp_path / "inference"
    place = checkout / "tools" / "submission" / "submission_checker"
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    program = f"import sys\nprint('[2026-11-22 main.py:1 ERROR] ' + {said!r})\nsys.exit(1)\n"
    (place / "main.py").write_text(program, encoding="utf-8")
    words = [
        word
        for option in options
        for word in ((option, str(checkout)) if option == "--official" else (option,))
    ]
    assert execute(["check", str(tree), *words]) == code
    assert "demonstration" in capsys.readouterr().out
