"""How often `check` reads the detail logs of a tree, which is most of what it does."""

from collections import Counter
from pathlib import Path

import pytest

from mlperf_bake.check.engine import check
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.rounds import load_round
from tests.bench.large_tree import write_large_tree


def test_every_detail_log_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "tree"
    write_large_tree(tree, 60)
    opened: Counter[Path] = Counter()

    def counted(path: Path) -> DetailLog:
        opened[path] += 1
        return read_detail(path)

    monkeypatch.setattr("mlperf_bake.check.tree.read_detail", counted)
    check(tree, load_round("v6.1"))
    logs = set(tree.rglob("mlperf_log_detail.txt"))
    assert any("TEST04" in path.parts for path in logs), "those of compliance tests too"
    assert opened == Counter(logs)
