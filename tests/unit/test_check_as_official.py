"""What the official checker refuses, and how it reads files, where that is easily missed: seen by running both."""

import shutil
from pathlib import Path

import pytest

from mlperf_bake.check.engine import check
from mlperf_bake.check.verdict import State, Verdict
from mlperf_bake.rounds import load_round
from tests.support.benchmark_trees import write_benchmark_tree
from tests.support.submission_trees import Break, found, move, setting, text

DETAIL = "performance/run_1/mlperf_log_detail.txt"
BOX = "closed/Me/results/datacenter"


def _tree(root: Path, model: str, round_name: str = "v6.1") -> Path:
    write_benchmark_tree(root, load_round(round_name), models=(model,))
    return root


def _check(tree: Path, round_name: str = "v6.1") -> Verdict:
    return check(tree, load_round(round_name))


@pytest.mark.parametrize(
    ("model", "rule", "change"),
    [
        pytest.param(
            "qwen3-vl-235b-a22b",
            "model.spelling",
            move(f"{BOX}/qwen3-vl-235b-a22b/Offline", f"{BOX}/qwen3-vl-235b-a22b/offline"),
            id="lower case where scenarios differ in samples",
        ),
        pytest.param(
            "qwen3-vl-235b-a22b",
            "performance.latency",
            setting(
                f"{BOX}/qwen3-vl-235b-a22b/Interactive/{DETAIL}",
                "effective_target_latency_ns",
                12_000_000_001,
            ),
            id="the limit of Server in Interactive",
        ),
        pytest.param(
            "qwen3-vl-235b-a22b",
            "performance.latency",
            setting(
                f"{BOX}/qwen3-vl-235b-a22b/Interactive/{DETAIL}",
                "result_99.00_percentile_latency_ns",
                1_500_000_001,
            ),
            id="the limit of Interactive",
        ),
        pytest.param(
            "whisper",
            "model.spelling",
            move(f"{BOX}/whisper/Offline", f"{BOX}/whisper/OFFLINE"),
            id="upper case",
        ),
    ],
)
def test_a_tree_is_refused_by_the_rule(tmp_path: Path, model: str, rule: str, change: Break) -> None:
    tree = _tree(tmp_path, model)
    assert _check(tree).state is State.VALID
    change(tree)
    verdict = _check(tree)
    assert verdict.state is State.INVALID
    assert found(verdict, rule)


def test_lower_case_is_a_spelling_where_all_scenarios_have_the_same_samples(tmp_path: Path) -> None:
    tree = _tree(tmp_path, "whisper")
    move(f"{BOX}/whisper/Offline", f"{BOX}/whisper/offline")(tree)
    assert _check(tree).state is State.VALID


@pytest.mark.parametrize("scenario", ["Server", "Interactive"])
def test_a_server_run_of_a_token_benchmark_without_limits_is_refused(tmp_path: Path, scenario: str) -> None:
    tree = _tree(tmp_path, "llama3.1-8b-edge")
    (tree / "closed").rename(tree / "open")
    model = tree / "open/Me/results/edge/llama3.1-8b-edge"
    shutil.copytree(model / "Offline", model / scenario)
    setting(f"open/Me/results/edge/llama3.1-8b-edge/{scenario}/{DETAIL}", "effective_scenario", "Server")(
        tree
    )
    problems = [one.breach.problem for one in found(_check(tree), "performance.tokens")]
    assert problems == ["v6.1 has no token limits of llama3.1-8b-edge in this scenario"]


def test_an_interactive_run_without_limits_of_its_own_keeps_those_of_server(tmp_path: Path) -> None:
    tree = _tree(tmp_path, "mixtral-8x7b", "v6.0")
    (tree / "closed").rename(tree / "open")
    model = "open/Me/results/datacenter/mixtral-8x7b"
    (tree / model / "Server").rename(tree / model / "Interactive")
    assert not found(_check(tree, "v6.0"), "performance.tokens")
    setting(f"{model}/Interactive/{DETAIL}", "result_first_token_99.00_percentile_latency_ns", 2_000_000_000)(
        tree
    )
    assert len(found(_check(tree, "v6.0"), "performance.tokens")) == 1


def test_test01_takes_the_last_figure_of_a_file(tmp_path: Path) -> None:
    tree = _tree(tmp_path, "whisper")
    test = f"{BOX}/whisper/Offline/TEST01"
    text(f"{test}/verify_accuracy.txt", "TEST FAIL\n")(tree)
    line = "Word Error Rate: 3.0%, accuracy={}%\n"
    for name in ("baseline_accuracy.txt", "compliance_accuracy.txt", "accuracy.txt"):
        text(f"{test}/accuracy/{name}", line.format(97.0))(tree)
    text(f"{test}/accuracy/mlperf_log_accuracy.json", "[]")(tree)
    assert _check(tree).state is State.VALID
    text(f"{test}/accuracy/baseline_accuracy.txt", line.format(97.0) + line.format(90.0))(tree)
    assert found(_check(tree), "compliance.verified")
    text(f"{test}/accuracy/baseline_accuracy.txt", line.format(90.0) + line.format(97.0))(tree)
    assert _check(tree).state is State.VALID


def test_until_v5_1_more_may_stand_in_the_name_of_the_measurements(tmp_path: Path) -> None:
    tree = _tree(tmp_path, "whisper", "v5.1")
    place = "closed/Me/measurements/datacenter/whisper/Offline"
    move(f"{place}/datacenter_Offline.json", f"{place}/datacenter_vllm_Offline.json")(tree)
    assert _check(tree, "v5.1").state is State.VALID
    text(f"{place}/datacenter-a.json", "{}")(tree)
    assert found(_check(tree, "v5.1"), "measurements.values")
    move(f"{place}/datacenter-a.json", f"{place}/another.json")(tree)
    assert _check(tree, "v5.1").state is State.VALID


def test_a_limited_metric_that_is_no_number_is_refused(tmp_path: Path) -> None:
    tree = _tree(tmp_path, "gpt-oss-120b")
    file = tree / BOX / "gpt-oss-120b/Offline/accuracy/accuracy.txt"
    file.write_text("'tokens_per_sample': 1.2.3\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    problems = [one.breach.problem for one in found(_check(tree), "accuracy.metric")]
    assert problems == ["TOKENS_PER_SAMPLE is no number in accuracy.txt"]
