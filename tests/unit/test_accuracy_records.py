"""Tables of ground truth in each form; pickles are never opened."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.records import read_records, texts
from mlperf_bake.errors import UsageError

ROWS = [{"output": "one, two", "dataset": "a"}, {"output": "drei\nvier", "dataset": "b"}]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", json.dumps(ROWS)),
        ("t.json", json.dumps({"output": [row["output"] for row in ROWS], "dataset": ["a", "b"]})),
        ("t.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
        ("t.csv", 'output,dataset\n"one, two",a\n"drei\nvier",b\n'),
        ("t.tsv", 'output\tdataset\none, two\ta\n"drei\nvier"\tb\n'),
    ],
)
def test_each_form_gives_the_same_records(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert list(read_records(path)) == ROWS
    assert texts(read_records(path), path, "gt_output", "output") == ["one, two", "drei\nvier"]


@pytest.mark.parametrize(("name", "reader"), [("t.pkl", "read_pickle"), ("t.parquet", "read_parquet")])
def test_a_foreign_form_gets_the_command_that_converts_it(tmp_path: Path, name: str, reader: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_records(tmp_path / name)
    assert f'pandas.{reader}("{tmp_path / name}").to_json("{tmp_path}/t.json"' in str(raised.value.remedy)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", ""),
        ("t.json", "{"),
        ("t.json", "[1]"),
        ("t.json", "{}"),
        ("t.json", '{"a": 1}'),
        ("t.json", '{"a": [1], "b": [1, 2]}'),
        ("t.json", "[" * 100_000),
        ("t.jsonl", '{"a": 1}\nx\n'),
        ("absent.json", None),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_records(path)
    assert raised.value.where == str(path)


@pytest.mark.parametrize("rows", [[], [{"x": "a"}], [{"output": "a"}, {"output": None}], [{"output": True}]])
def test_a_column_must_be_there_in_every_record(rows: list[dict[str, object]]) -> None:
    with pytest.raises(UsageError):
        texts(rows, Path("t.json"), "output")


@given(st.text(max_size=80))
def test_no_text_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "t.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read_records(path)
    except UsageError as error:
        assert error.where == str(path)
