"""Damaged results make a tree or one refusal, the same every time; see tests/support/fuzz_collect.py for what else holds."""

from pathlib import Path
from random import Random

import pytest

from tests.support.fuzz_collect import fuzz_collect, models

DAMAGES = 10


def test_damaged_results_make_a_tree_or_one_refusal(tmp_path: Path) -> None:
    made = models(tmp_path / "models")
    outcomes = [fuzz_collect(made, tmp_path, Random(seed)) for seed in range(DAMAGES)]
    assert 0 < sum(outcomes) < DAMAGES


def test_the_fuzzer_finds_a_source_that_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = models(tmp_path / "models")

    def careless(directory: Path, rules: object) -> bool:
        (directory / "noted").write_text("seen", encoding="utf-8")
        return False

    monkeypatch.setattr("mlperf_bake.submission.sources.is_tree", careless)
    with pytest.raises(AssertionError, match="the source was changed"):
        fuzz_collect(made, tmp_path, Random(1))
