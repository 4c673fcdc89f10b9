"""Results measured through an endpoint are judged by what the official checker (b66003e1) judges them by."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlperf_bake.check.rule import Severity
from mlperf_bake.check.verdict import State
from mlperf_bake.results.endpoints import EndpointRun, nested, score_of
from mlperf_bake.rounds import load_round
from tests.support.endpoint_trees import write_endpoint_tree
from tests.support.submission_trees import found, judged

RULES = load_round("v6.1")
CONFIG, SUMMARY, ACCURACY = "config.yaml", "performance/result_summary.json", "accuracy/accuracy_results.json"
AUDIT = "audit/audit_output_caching_test.json"


def change(file: str, path: str, value: object) -> Callable[[Path], None]:
    """Sets a value of a JSON file (the configuration is one, too) at a path of keys and indices."""

    def apply(result: Path) -> None:
        data = json.loads((result / file).read_text(encoding="utf-8"))
        *way, last = path.split("/")
        at = data
        for key in way:
            at = at[int(key)] if isinstance(at, list) else at[key]
        at[last] = value
        (result / file).write_text(json.dumps(data), encoding="utf-8")

    return apply


def without(file: str) -> Callable[[Path], None]:
    def apply(result: Path) -> None:
        path = result / file
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return apply


@pytest.mark.parametrize("model", RULES.endpoints.models if RULES.endpoints else ())
@pytest.mark.parametrize("division", ["closed", "open"])
def test_a_result_of_each_benchmark_is_valid(model: str, division: str, tmp_path: Path) -> None:
    write_endpoint_tree(tmp_path, RULES, model, division=division)
    verdict = judged(tmp_path)
    assert [one for one in verdict.findings if one.breach.severity is Severity.ERROR] == []
    assert verdict.state is State.VALID
    assert all(result.figure and result.accuracy for result in verdict.results)


def test_the_figure_is_the_scenarios(tmp_path: Path) -> None:
    write_endpoint_tree(tmp_path, RULES, "gpt-oss-120b")
    figures = {result.scenario: str(result.figure) for result in judged(tmp_path).results}
    assert figures == {
        "Offline": "20.00 samples/s",
        "Server": "25,000 tokens/s",
        "Interactive": "20.00 queries/s",
    }
    streams = tmp_path / "streams"
    write_endpoint_tree(streams, RULES, "qwen3.6-27b")
    (result,) = judged(streams).results
    assert result.figure is not None
    assert (result.figure.field, result.figure.value, result.figure.unit) == (
        "result_mean_latency_ns",
        1.5,
        "ms",
    )


@pytest.mark.parametrize(
    ("model", "scenario", "broken", "rule"),
    [
        (
            "llama3.1-8b",
            "Server",
            change(CONFIG, "settings/runtime/dataloader_random_seed", 1),
            "endpoints.seeds",
        ),
        (
            "llama3.1-8b",
            "Server",
            change(CONFIG, "settings/runtime/scheduler_random_seed", None),
            "endpoints.seeds",
        ),
        (
            "llama3.1-8b",
            "Server",
            change(CONFIG, "settings/runtime/min_duration_ms", 599_999),
            "endpoints.duration",
        ),
        (
            "llama3.1-8b",
            "Server",
            change(CONFIG, "settings/runtime/min_duration_ms", "600000"),
            "endpoints.duration",
        ),
        ("llama3.1-8b", "Server", change(CONFIG, "type", "offline"), "endpoints.scenario"),
        ("llama3.1-8b", "Offline", change(CONFIG, "type", None), "endpoints.scenario"),
        ("llama3.1-8b", "Offline", change(CONFIG, "type", "Offline"), "endpoints.result"),
        (
            "llama3.1-8b",
            "Server",
            change(SUMMARY, "ttft/early_stopping_percentiles/99", 2e9),
            "endpoints.latency",
        ),
        ("llama3.1-8b", "Interactive", change(SUMMARY, "tpot", {}), "endpoints.latency"),
        (
            "qwen3-vl-235b-a22b",
            "Server",
            change(SUMMARY, "latency/early_stopping_percentiles/99", 12_000_000_001),
            "endpoints.latency",
        ),
        ("llama3.1-8b", "Server", change(SUMMARY, "tps", None), "endpoints.result"),
        ("llama3.1-8b", "Server", change(SUMMARY, "qps", "20 a second"), "endpoints.numbers"),
        ("llama3.1-8b", "Offline", change(SUMMARY, "duration_ns", 0), "endpoints.result"),
        ("llama3.1-8b", "Offline", change(SUMMARY, "n_samples_failed", 1), "endpoints.errors"),
        ("llama3.1-8b", "Offline", change(ACCURACY, "n_samples_failed", 1), "endpoints.errors"),
        ("llama3.1-8b", "Offline", change(ACCURACY, "accuracy_scores/0/score", None), "endpoints.score"),
        (
            "qwen3-vl-235b-a22b",
            "Offline",
            change(ACCURACY, "accuracy_scores/0/score", {"f1": 0.78}),
            "endpoints.score",
        ),
        (
            "llama3.1-8b",
            "Offline",
            change(ACCURACY, "accuracy_scores/0/total_samples", 13_367),
            "endpoints.dataset",
        ),
        ("wan-2.2-t2v-a14b", "Offline", without(AUDIT), "endpoints.audits"),
        ("wan-2.2-t2v-a14b", "Offline", change(AUDIT, "passed", False), "endpoints.audits"),
        ("wan-2.2-t2v-a14b", "Offline", change(AUDIT, "test", "another"), "endpoints.audits"),
        (
            "gpt-oss-120b",
            "Server",
            change(SUMMARY, "output_sequence_lengths/avg", 1150),
            "endpoints.output_length",
        ),
        ("llama3.1-8b", "Offline", without(CONFIG), "endpoints.files"),
        ("llama3.1-8b", "Offline", without(SUMMARY), "endpoints.files"),
        ("llama3.1-8b", "Offline", without(ACCURACY), "endpoints.files"),
    ],
)
def test_each_rule_is_broken_by_itself(
    model: str, scenario: str, broken: Callable[[Path], None], rule: str, tmp_path: Path
) -> None:
    broken(write_endpoint_tree(tmp_path, RULES, model) / scenario)
    verdict = judged(tmp_path)
    assert {one.rule for one in verdict.findings if one.breach.severity is Severity.ERROR} == {rule}
    assert verdict.state is State.INVALID


def test_videos_and_measurements_are_judged_as_of_any_result_but_there_is_no_user_conf(
    tmp_path: Path,
) -> None:
    result = write_endpoint_tree(tmp_path, RULES, "wan-2.2-t2v-a14b") / "Offline"
    shutil.rmtree(result / "accuracy" / "videos")
    (result / "README.md").unlink()
    verdict = judged(tmp_path)
    assert {one.rule for one in verdict.findings if one.breach.severity is Severity.ERROR} == {
        "accuracy.outputs",
        "measurements.files",
    }


def test_scores_that_are_no_list_are_named_and_end_nothing(tmp_path: Path) -> None:
    change(ACCURACY, "accuracy_scores", {"a": 1})(
        write_endpoint_tree(tmp_path, RULES, "llama3.1-8b") / "Offline"
    )
    told = [one.breach for one in found(judged(tmp_path), "endpoints.score")]
    assert [breach.found for breach in told if breach.severity is Severity.ERROR] == ['{"a": 1}']


def test_other_benchmarks_divisions_and_rounds_have_no_such_results(tmp_path: Path) -> None:
    model = write_endpoint_tree(tmp_path, RULES, "llama3.1-8b")
    assert [one.breach.problem for one in found(judged(tmp_path, "v6.0"), "endpoints.round")] == [
        "v6.0 has no results that are measured through an endpoint"
    ] * 3
    model.rename(model.with_name("llama2-70b-99.9"))
    assert len(found(judged(tmp_path), "endpoints.model")) == 3
    system = tmp_path / "closed/Me/systems/box.json"
    system.write_text(
        system.read_text(encoding="utf-8").replace("{", '{"is_network": "true", ', 1), encoding="utf-8"
    )
    assert len(found(judged(tmp_path), "endpoints.network")) == 3


def test_online_is_server_in_the_open_division_alone(tmp_path: Path) -> None:
    for division, states in (("open", {"valid"}), ("closed", {"invalid", "valid"})):
        model = write_endpoint_tree(tmp_path / division, RULES, "deepseek-r1", division=division)
        (model / "Server").rename(model / "online")
        verdict = judged(tmp_path / division)
        assert {result.state.value for result in verdict.results} == states


def test_samples_of_an_offline_run_stand_for_no_stream_without_a_word(tmp_path: Path) -> None:
    model = write_endpoint_tree(tmp_path, RULES, "llama3.1-8b")
    change(CONFIG, "type", "offline")(model / "Interactive")
    (finding,) = found(judged(tmp_path), "endpoints.scenario")
    assert finding.breach.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("p.99.0", 2),
        ("p.99.9", 3),
        ("p.50.0", 4),
        ("empty", None),
        ("a.c", None),
        ("a.b.c", None),
        ("list.0", None),
    ],
)
def test_paths_find_keys_with_dots_and_whole_percentiles(path: str, value: object) -> None:
    data = {"a": {"b": 1}, "p": {"99": 2, "99.9": 3, "50.0": 4}, "empty": {}, "list": [1]}
    assert nested(data, path) == value


def test_scores_are_numbers_texts_or_mappings() -> None:
    assert score_of(0.5, ("acc",)) == 0.5
    assert score_of("0.5", ("acc",)) == 0.5
    assert score_of({"hierarchical": "0.7"}, ("F1_HIERARCHICAL",)) == 0.7
    assert score_of({"score": 1}, ("acc",)) == 1
    assert score_of({"other": 1}, ("acc",)) is None
    assert score_of("high", ("acc",)) is None
    assert score_of(True, ("acc",)) is None


def test_samples_of_several_accuracy_data_sets_count_together() -> None:
    scores = [
        {"dataset_type": "accuracy", "total_samples": 3},
        {"dataset_type": "performance", "total_samples": 100},
        {"response_counts": {"issued": 4}, "score": 1},
    ]
    assert EndpointRun({"accuracy_scores": scores}, {}).accuracy_samples == 7
    assert EndpointRun({"n_samples_issued": 9}, {}).accuracy_samples == 9
    assert EndpointRun({}, {}).accuracy_samples is None
