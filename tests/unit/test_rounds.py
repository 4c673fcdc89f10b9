"""Rounds: the data files load, agree with what MLPerf publishes, and a wrong file is refused at its line."""

from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round, round_names
from mlperf_bake.rounds.load import DATA


def test_rounds_are_listed_newest_first() -> None:
    assert round_names() == ("v6.1", "v6.0", "v5.1", "v5.0")


@pytest.mark.parametrize("name", round_names())
def test_every_round_loads_and_names_its_source(name: str) -> None:
    rules = load_round(name)
    assert rules.name == name
    assert "mlcommons/inference at b66003e1" in (DATA / f"{name}.yaml").read_text(encoding="utf-8")
    assert len({value for _, value in rules.seeds.items()}) == 3
    for model in rules.models.values():
        assert model.scenarios
        for kind in model.scenarios.values():
            assert kind.required
        for scenario in rules.tree.scenarios:
            assert model.targets(scenario)
            assert rules.result_field(model, scenario)


def test_v6_1_holds_the_published_figures_of_resnet() -> None:
    rules = load_round("v6.1")
    resnet = rules.models["resnet"]
    assert rules.seeds.qsl_rng_seed == 2085463073848966840
    assert rules.seeds.schedule_rng_seed == 16159082839903944936
    assert rules.loadgen_version == "6.0.17"
    assert resnet.targets("Offline") == {"acc": 75.6954}
    assert resnet.scenarios["edge"].required == ("SingleStream", "MultiStream", "Offline")
    assert "datacenter" not in resnet.scenarios
    assert resnet.latency_limit_ns == {"Server": 15_000_000}
    assert (resnet.dataset_size, resnet.performance_sample_count) == (50_000, 1_024)
    assert resnet.offline_min_samples_per_query == 24_576
    assert resnet.compliance_tests == ("TEST01", "TEST04")
    assert rules.minimum_duration_ms(resnet) == 600_000
    assert rules.result_field(resnet, "SingleStream") == "early_stopping_latency_ss"


def test_figures_that_differ_by_scenario_or_model() -> None:
    rules = load_round("v6.1")
    vision = rules.models["qwen3-vl-235b-a22b"]
    assert vision.targets("Interactive")["F1_HIERARCHICAL"] < vision.targets("Offline")["F1_HIERARCHICAL"]
    assert vision.accuracy_sample_count("Interactive") == 8_000
    assert rules.models["gpt-oss-120b"].accuracy_sample_count("Offline") == 4_395
    assert rules.minimum_duration_ms(rules.models["e2e-rag-db"]) == 0
    assert rules.models["bert-99.9"].allowed_delta_percent("F1") == 0.1
    assert rules.models["stable-diffusion-xl"].allowed_delta_percent("FID_SCORE") == 2
    llama = rules.models["llama2-70b-99.9"]
    assert llama.scenarios["datacenter"].one_of == ("Server", "Interactive")
    assert rules.result_field(llama, "Offline") == "result_tokens_per_second"


@pytest.mark.parametrize(
    ("model", "benchmark"),
    [
        ("resnet", "resnet"),
        ("resnet50", "resnet"),
        ("efficientnet-lite0", "resnet"),
        ("mine", "bert-99"),
        ("llama3_1-8b", "llama3.1-8b"),
    ],
)
def test_benchmark_of_a_model_directory(model: str, benchmark: str) -> None:
    rules = load_round("v6.1").benchmark_of(model, {"mine": "bert-99"})
    assert rules is not None
    assert rules.name == benchmark


def test_an_unknown_model_is_no_benchmark() -> None:
    assert load_round("v6.1").benchmark_of("fashion-net") is None


def test_unknown_round_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown round") as raised:
        load_round("v9.9")
    assert "v6.1, v6.0" in str(raised.value)


@pytest.mark.parametrize(
    ("before", "after", "where", "found"),
    [
        ("    dataset_size: 50000", "    dataset_size: many", ":35:5", "'many'"),
        ("    dataset_size: 50000", "    dataset_sise: 50000", ":29:3", "nothing"),
        ("min_duration_ms: 600000", "min_duration_ms: -1", ":11:1", "-1"),
        ("seeds:", "seeds: [", ":", ""),
        ("layout: results", "layout: sideways", ":5:1", "'sideways'"),
        ("accuracy_target: {acc: 75.6954}", "accuracy_target: {speed: 1}", ":33:5", "the metric 'speed'"),
        ("accuracy_target: {acc: 75.6954}", "accuracy_target: {acc: .nan}", ":33:23", "nan"),
    ],
)
def test_a_wrong_round_file_is_refused_at_its_line(
    tmp_path: Path, before: str, after: str, where: str, found: str
) -> None:
    text = (DATA / "v6.1.yaml").read_text(encoding="utf-8")
    assert before in text
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        load_round(str(mine))
    assert raised.value.where is not None
    assert raised.value.where.startswith(f"{mine}{where}")
    assert found in str(raised.value.found)
