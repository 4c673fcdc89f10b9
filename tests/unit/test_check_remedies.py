"""What to do about a finding: a command, or the words of its rule."""

from pathlib import Path

import pytest

from mlperf_bake.check.engine import check, rules
from mlperf_bake.check.remedies import REMEDIES, remedy, words
from mlperf_bake.check.rule import Breach, Finding
from mlperf_bake.rounds import load_round
from tests.support.benchmark_trees import write_benchmark_tree
from tests.support.submission_trees import judged, move, text


def test_the_words_are_of_rules() -> None:
    assert REMEDIES.keys() <= {rule.id for rule in rules()}
    assert all(told and not told.endswith(".") for told in REMEDIES.values())


@pytest.mark.parametrize(
    ("rule", "fix", "expected"),
    [
        ("performance.files", "", REMEDIES["performance.files"]),
        ("performance.files", "rm x", "rm x"),
        ("compliance.TEST01.files", "", REMEDIES["performance.files"]),
        ("compliance.files", "", REMEDIES["compliance.files"]),
    ],
)
def test_a_command_comes_before_words(rule: str, fix: str, expected: str) -> None:
    assert remedy(Finding(rule, "", Breach(Path("x"), "broken", fix=fix))) == expected


def test_a_rule_without_words_brings_commands() -> None:
    assert words("accuracy.dataset") == ""


@pytest.mark.parametrize("name", ["v5.1", "v6.1"])
def test_every_limit_that_is_not_kept_is_told_with_a_remedy(tmp_path: Path, name: str) -> None:
    write_benchmark_tree(tmp_path, load_round(name), beyond=True)
    assert judged(tmp_path, name).findings


def test_no_directory_is_moved_into_the_one_that_is_spelt_right(tmp_path: Path) -> None:
    write_benchmark_tree(tmp_path, load_round("v6.1"), models=("whisper",))
    model = "closed/Me/results/edge/whisper"
    text(f"{model}/OFFLINE/README.md", "x")(tmp_path)
    (finding,) = [one for one in check(tmp_path, load_round("v6.1")).findings if one.rule == "model.spelling"]
    assert remedy(finding) == REMEDIES["model.spelling"]
    move(f"{model}/Offline", f"{model}/elsewhere")(tmp_path)
    (finding,) = [one for one in check(tmp_path, load_round("v6.1")).findings if one.rule == "model.spelling"]
    assert remedy(finding).startswith("mv ")
