"""The data sets that come with the product load; a wrong file is refused at its line, all problems at once."""

import re

import jsonschema
import pytest
import yaml

from mlperf_bake.assets.reading import DebianIdx
from mlperf_bake.assets.sources import DebianPackage, PypiFile
from mlperf_bake.datasets.declared import UserDirectory, datasets, find_dataset, parse_datasets
from mlperf_bake.datasets.preprocessings import KNOWN
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.schema import load_schema

SUM = "ab" * 32
TEXT = """\
version: 1
datasets:
  probe:
    title: a probe
    license: MIT
    count: 3
    classes: 2
    official_count: 0
    source: {url: "https://example.org/probe.zip", sha256: SUM}
    read: {kind: wheel-images, prefix: probe_}
    preprocessings: [imagenet-lite-224]
""".replace("SUM", SUM)


def test_the_shipped_data_sets_are_complete() -> None:
    known = datasets()
    assert list(known) == [
        *("imagenet-20", "fashion-mnist", "lfw-faces", "librivox-5", "ch2", "imagenet", "openimages"),
        *(
            "squad",
            "cnn-dailymail",
            "cnn-dailymail-edge",
            "cnn-dailymail-calibration",
            "kits19",
            "librispeech",
            "librispeech-30s",
        ),
        *("open-orca", "open-orca-calibration", "mixtral-15k", "criteo", "criteo-calibration"),
        *("coco-2014", "coco-2017"),
    ]
    assert isinstance(known["imagenet-20"].source, PypiFile)
    assert isinstance(known["fashion-mnist"].source, DebianPackage)
    assert isinstance(known["fashion-mnist"].reading, DebianIdx)
    assert isinstance(known["imagenet"].source, UserDirectory)
    for dataset in known.values():
        assert set(dataset.preprocessings) <= set(KNOWN)


def test_the_schema_that_editors_use_is_valid_and_accepts_the_text() -> None:
    schema = load_schema("datasets.schema.json", "mlperf_bake.datasets")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(TEXT), schema)


def test_an_unknown_data_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match='did you mean "imagenet-20"'):
        find_dataset("imagenet-2")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("title: a probe", "titel: a probe", 4, 'unknown key "titel"'),
        ("count: 3", "count: three", 6, "whole number"),
        ("count: 3", "count: 0", 6, "at least 1"),
        ("official_count: 0", "official_count: -1", 8, "at least 0"),
        ("classes: 2", "classes: -1", 7, "at least 0"),
        (SUM, SUM[:-1], 9, "64 hex digits"),
        ("https://", "file://", 9, "http or https"),
        ("sha256: ", "version: ", 9, "exactly these keys"),
        ("prefix: probe_", "images: a", 10, "needs exactly the keys kind, prefix"),
        ("wheel-images", "zip", 10, "wheel-images, debian-idx, directory"),
        ("[imagenet-lite-224]", "[imagenet-lite-22]", 11, 'did you mean "imagenet-lite-224"'),
        ("[imagenet-lite-224]", "[]", 11, "must not be empty"),
        ("probe:", "Probe Set:", 3, "not a valid name"),
    ],
)
def test_a_wrong_declaration_is_refused_at_its_line(old: str, new: str, line: int, problem: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_datasets(TEXT.replace(old, new), "probe.yaml")
    assert re.search(rf"probe\.yaml:{line}:\d+: .*{re.escape(problem)}", str(refusal.value)), str(
        refusal.value
    )


def test_all_problems_are_shown_at_once() -> None:
    text = TEXT.replace("count: 3", "count: 0").replace("[imagenet-lite-224]", "[other]")
    with pytest.raises(UsageError) as refusal:
        parse_datasets(text, "probe.yaml")
    assert "probe.yaml:6" in str(refusal.value)
    assert "probe.yaml:11" in str(refusal.value)
