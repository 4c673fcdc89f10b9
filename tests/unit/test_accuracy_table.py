"""docs/accuracy.md lists what the program measures."""

from pathlib import Path

from mlperf_bake.accuracy.table import benchmark_table

DOCS = Path(__file__).parents[2] / "docs" / "accuracy.md"


def test_the_table_of_the_documentation_is_the_registry() -> None:
    assert benchmark_table() in DOCS.read_text(encoding="utf-8")
