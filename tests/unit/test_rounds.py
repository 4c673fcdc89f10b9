"""Rounds: the data files load, agree with what MLPerf publishes, and a wrong file is refused at its line."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import LoadGenRelease, load_round, loadgen_releases, round_names
from mlperf_bake.rounds.benchmarks import no_such_benchmark
from mlperf_bake.rounds.load import DATA


def test_rounds_are_listed_newest_first() -> None:
    assert round_names() == ("v6.1", "v6.0", "v5.1", "v5.0", "v4.1", "v4.0", "v3.1", "v3.0")


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


@pytest.mark.parametrize("name", round_names())
def test_every_round_fits_the_schema(name: str) -> None:
    text = (DATA / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=round.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), _schema("round.schema.json"))


def test_the_layout_fits_its_schema() -> None:
    jsonschema.validate(
        yaml.safe_load((DATA / "layout.yaml").read_text(encoding="utf-8")), _schema("layout.schema.json")
    )


@pytest.mark.parametrize(
    "path",
    [
        ("seeds", "qsl_rng_seed"),
        ("loadgen", "version"),
        ("models", "resnet", "scenarios"),
        ("models", "resnet", "compliance_tests"),
        ("result_field",),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(tmp_path: Path, path: tuple[str, ...]) -> None:
    data = yaml.safe_load((DATA / "v5.1.yaml").read_text(encoding="utf-8"))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, _schema("round.schema.json"))
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UsageError):
        load_round(str(mine))


def test_every_round_has_a_release_or_says_why_not() -> None:
    releases = loadgen_releases()
    assert tuple(releases) == ("v6.1", "v6.0", "v5.1", "v5.0", "v4.1")
    assert len({release.version for release in releases.values()}) == len(releases)
    for name in round_names():
        rules = load_round(name)
        assert rules.loadgen == releases.get(name)
        assert bool(rules.loadgen_absent) == (rules.loadgen is None)
        if rules.loadgen:
            assert rules.loadgen.may_be(rules.loadgen.version)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        *((version, True) for version in ("5.0.24", "5.1.0", "5.1.2", "6.0.3", "5.0.100")),
        *((version, False) for version in ("5.0.23", "6.0.4", "6.0.17", "4.1.30", "", "5.1.x", "5.1.\u0662")),
    ],
)
def test_which_releases_may_have_made_a_run_of_v5_1(version: str, expected: bool) -> None:
    release = load_round("v5.1").loadgen
    assert release is not None
    assert release.may_be(version) is expected


def test_older_rounds_say_what_they_do_not_know_and_had_other_files() -> None:
    rules = load_round("v3.0")
    assert rules.models["resnet"].accuracy_sample_count("Offline") is None
    assert rules.tree.measurement_files == ("mlperf.conf", "user.conf", "README.md")
    assert "system_type_detail" not in rules.tree.system_keys
    assert "Interactive" not in rules.tree.scenarios
    with pytest.raises(UsageError, match=r"v3\.0 has no scenario Interactive"):
        rules.result_field(rules.models["resnet"], "Interactive")


def test_test05_has_seeds_of_its_own() -> None:
    old, new = load_round("v4.1"), load_round("v6.1")
    assert old.seeds_of("TEST05").qsl_rng_seed == 16799458546791641818
    assert old.seeds_of("TEST01") == old.seeds_of("") == old.seeds
    assert new.seeds_of("TEST05") == new.seeds


@pytest.mark.parametrize("name", round_names())
def test_every_round_loads_and_names_its_source(name: str) -> None:
    rules = load_round(name)
    assert rules.name == name
    assert re.search(
        "checker of mlcommons/inference at [0-9a-f]{8} ", (DATA / f"{name}.yaml").read_text(encoding="utf-8")
    )
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
    assert rules.loadgen == LoadGenRelease("6.0.17", "d6147c7eb7", "6.0.16", "6.0.17")
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


@pytest.mark.parametrize(
    ("benchmark", "said"),
    [
        ("dlrm-v2-99", "--round v5.1"),
        ("rnnt", "`collect` and `check` take --round v4.0"),
        ("renset", "correct the benchmark, or choose another round"),
    ],
)
def test_a_benchmark_of_other_rounds_names_one_that_can_be_built(benchmark: str, said: str) -> None:
    error = no_such_benchmark(benchmark, load_round("v6.1"), "matrix.yaml:1:1")
    assert error.remedy == said


def test_unknown_round_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown round") as raised:
        load_round("v9.9")
    assert "v6.1, v6.0" in str(raised.value)


@pytest.mark.parametrize(
    ("before", "after", "where", "found"),
    [
        ("    dataset_size: 50000", "    dataset_size: many", ":39:5", "'many'"),
        ("    dataset_size: 50000", "    dataset_sise: 50000", ":33:3", "nothing"),
        ("min_duration_ms: 600000", "min_duration_ms: -1", ":15:1", "-1"),
        ("seeds:", "seeds: [", ":", ""),
        ("layout: results", "layout: sideways", ":6:1", "'sideways'"),
        ("accuracy_target: {acc: 75.6954}", "accuracy_target: {speed: 1}", ":37:5", "the metric 'speed'"),
        ("accuracy_target: {acc: 75.6954}", "accuracy_target: {acc: .nan}", ":37:23", "nan"),
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


def test_a_round_file_with_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "round.yaml"
    file.write_text("round: 2020-13-45\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not valid YAML"):
        load_round(str(file))


@pytest.mark.parametrize(
    ("benchmark", "metric", "reference", "quality"),
    [
        ("3d-unet-99.9", "DICE", 0.8617, 0.999),
        ("llama2-70b-99.9", "ROUGE1", 44.4312, 0.999),
        ("llama2-70b-99.9", "ROUGE2", 22.0352, 0.999),
        ("stable-diffusion-xl", "CLIP_SCORE", 31.68631873, 1),
        ("stable-diffusion-xl", "FID_SCORE", 23.01085758, 1),
        ("pointpainting", "mAP", 0.5425, 0.999),
        ("dlrm-v3", "DLRM_AUC", 0.78663, 0.999),
        ("gptj-99.9", "ROUGE2", 20.1235, 0.999),
    ],
)
def test_a_target_is_the_references_figure_times_the_quality_unrounded(
    benchmark: str, metric: str, reference: float, quality: float
) -> None:
    every = [load_round(name).models.get(benchmark) for name in round_names()]
    targets = {rules.accuracy_target[metric] for rules in every if rules and rules.accuracy_target}
    assert targets
    assert all(target == pytest.approx(reference * quality, rel=1e-12) for target in targets)
