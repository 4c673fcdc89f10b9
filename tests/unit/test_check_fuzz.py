"""The same damage every time: what is read may be refused, and nothing crashes, hangs or leaves the tree.

`python -m tests.support.fuzz_check SECONDS SEED` goes on for as long as one likes.
"""

from pathlib import Path
from random import Random

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.results.loadgen_log import read_detail
from tests.support.fuzz_check import CORPUS, READERS, corpus, fuzz_reader, fuzz_tree, model_tree
from tests.support.mutations import mutate

FILES = 150
TREES = 25


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_every_file_of_the_corpus_is_taken_or_refused(path: Path, tmp_path: Path) -> None:
    assert 0 < fuzz_reader(path.read_bytes(), tmp_path) <= len(READERS)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_is_taken_or_refused(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    files = corpus()
    for _ in range(FILES):
        fuzz_reader(mutate(random.choice(files), files, random), tmp_path)


def test_a_damaged_tree_has_a_verdict(tmp_path: Path) -> None:
    model = model_tree(tmp_path / "model")
    words = [fuzz_tree(model, tmp_path, Random(seed)) for seed in range(TREES)]
    assert set(words) <= {"valid", "demonstration", "invalid"}
    assert words.count("invalid") > TREES / 2


def test_the_fuzzer_finds_a_reader_that_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: Path) -> int:
        return int(path.read_text(encoding="utf-8"))

    monkeypatch.setattr("tests.support.fuzz_check.READERS", (careless,))
    with pytest.raises(ValueError, match=r"."):
        fuzz_reader(b"\xff", tmp_path)


def test_the_corpus_holds_what_is_sound_and_what_is_not() -> None:
    assert read_detail(CORPUS / "detail-performance.txt").complete
    assert read_detail(CORPUS / "detail-accuracy.txt").complete
    assert not read_detail(CORPUS / "detail-utf16.txt").complete
    with pytest.raises(UsageError):
        READERS[3](CORPUS / "deep.json")
