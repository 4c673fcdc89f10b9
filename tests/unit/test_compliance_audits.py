"""What LoadGen is told in each compliance test: of every round and benchmark, and in cell.conf."""

import pytest

from mlperf_bake.compliance.audits import SETTINGS, audit, audits_of
from mlperf_bake.compliance.audits import tests_of as names_of
from mlperf_bake.compliance.deviations import LOGGED
from mlperf_bake.errors import UsageError
from mlperf_bake.project import open_project
from mlperf_bake.render.cellconf import round_lines, shared_lines
from mlperf_bake.rounds import Round, load_round, round_names
from tests.support.second_matrix import CHECKOUT

V61 = load_round("v6.1")
SEED = 720381539243781796
EVERY = [
    pytest.param(load_round(name), benchmark, id=f"{name}-{benchmark}")
    for name in round_names()
    for benchmark in load_round(name).models
    if names_of(load_round(name), benchmark)
]


@pytest.mark.parametrize(("rules", "benchmark"), EVERY)
def test_every_test_that_a_round_asks_for_has_an_audit_and_a_file_that_judges_it(
    rules: Round, benchmark: str
) -> None:
    for one in audits_of(rules, benchmark):
        assert one.settings, one.test
        assert {name.rpartition(".")[2] for name in one.settings} <= set(LOGGED)
        assert one.limits
        assert rules.tree.compliance[one.test]


def test_settings_of_an_audit_are_proven_by_the_log() -> None:
    assert set(SETTINGS) < set(LOGGED)
    assert set(LOGGED) - set(SETTINGS) == {"qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"}


@pytest.mark.parametrize(
    ("test", "round_name", "benchmark", "settings"),
    [
        ("TEST01", "v6.1", "resnet", {"accuracy_log_rng_seed": SEED, "accuracy_log_sampling_target": 4096}),
        ("TEST01", "v5.1", "retinanet", {"accuracy_log_rng_seed": SEED, "accuracy_log_sampling_target": 256}),
        (
            "TEST01",
            "v6.1",
            "3d-unet-99.9",
            {"accuracy_log_rng_seed": SEED, "accuracy_log_sampling_target": 64},
        ),
        ("TEST08", "v6.1", "dlrm-v3", {"accuracy_log_rng_seed": SEED, "accuracy_log_sampling_target": 4096}),
        (
            "TEST05",
            "v4.1",
            "resnet",
            {
                "qsl_rng_seed": 16799458546791641818,
                "sample_index_rng_seed": 5453809927556429288,
                "schedule_rng_seed": 5435552105434836064,
            },
        ),
    ],
)
def test_settings_are_those_of_the_published_audits(
    test: str, round_name: str, benchmark: str, settings: dict[str, int]
) -> None:
    assert dict(audit(test, load_round(round_name), benchmark).settings) == settings


def test_a_line_that_names_a_model_holds_in_its_scenario_unless_the_checker_would_refuse_the_run() -> None:
    wan = audit("TEST04", V61, "wan-2.2-t2v-a14b")
    assert wan.setting("min_query_count", "SingleStream") == 20
    assert wan.setting("min_query_count", "Offline") is None
    assert wan.setting("performance_issue_same_index", "Offline") == 3
    assert audit("TEST04", V61, "stable-diffusion-xl").setting("min_query_count", "Offline") is None


def test_an_exception_holds_from_its_round_on() -> None:
    assert audit("TEST07", V61, "gpt-oss-120b").setting("performance_issue_unique", "Offline") == 1
    assert (
        audit("TEST07", load_round("v6.0"), "gpt-oss-120b").setting("performance_issue_unique", "Offline")
        is None
    )


def test_limits_differ_by_benchmark() -> None:
    assert dict(audit("TEST09", V61, "gpt-oss-120b").limits) == {
        "least_tokens": 1150.38,
        "most_tokens": 1406.02,
    }
    assert dict(audit("TEST09", V61, "e2e-rag-qna").limits) == {"least_tokens": 246.43, "most_tokens": 301.19}


@pytest.mark.parametrize(
    ("test", "benchmark", "expected"),
    [
        ("TEST06", "resnet", "one of TEST01, TEST04"),
        ("TEST99", "resnet", "one of TEST01, TEST04"),
        ("TEST01", "qwen3.6-27b", "none: it has no compliance tests there"),
        ("TEST01", "no-benchmark", "none: it has no compliance tests there"),
    ],
)
def test_a_test_that_the_benchmark_does_not_have_is_refused(test: str, benchmark: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        audit(test, V61, benchmark)
    assert caught.value.expected == expected


def test_cell_conf_carries_the_audits_of_the_benchmark_in_its_round() -> None:
    project = open_project(CHECKOUT)
    cell = project.cells(["efficientnet-lite0"])[0]
    matrix, model = project.matrix, project.matrix.models[cell.model]
    rules = round_lines(V61, V61.models[model.benchmark])
    lines = shared_lines(model, matrix.framework_of(cell), None, None, rules).splitlines()
    assert [line for line in lines if line.startswith("compliance.")] == [
        f"compliance.TEST01.accuracy_log_rng_seed = {SEED}",
        "compliance.TEST01.accuracy_log_sampling_target = 4096",
        "compliance.TEST04.performance_issue_unique = 0",
        "compliance.TEST04.performance_issue_same = 1",
        "compliance.TEST04.performance_issue_same_index = 3",
    ]
