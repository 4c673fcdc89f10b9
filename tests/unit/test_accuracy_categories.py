"""Hierarchical F1 by hand; answers that are not of the asked form."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.categories import SEPARATOR, agreeing, category, measure
from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.results.accuracy_log import Response
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log


def said(name: str) -> bytes:
    return json.dumps({"category": name, "brand": "b", "is_secondhand": False}).encode()


def table(directory: Path, categories: list[str]) -> Path:
    path = directory / "truth.jsonl"
    path.write_text("".join(json.dumps({"ground_truth_category": name}) + "\n" for name in categories))
    return path


def test_three_products_by_hand(tmp_path: Path) -> None:
    truth = table(tmp_path, ["A > B > C", "A > D", "E"])
    log = write_log(tmp_path, [said("A > B > X > Y"), said("Z > D"), b"not JSON"])
    measured = measure(log, Given(truth))
    # Levels right from the top: 2 + 0 + 0; named 4 + 2 + 1, true 3 + 2 + 1.
    assert measured.figures["F1_HIERARCHICAL"] == pytest.approx(2 * 2 / (7 + 6))
    assert measured.also == {"answers that are not of the asked form": 1}
    assert read_back(measured.line, load_round("v6.1"))["F1_HIERARCHICAL"] == pytest.approx(4 / 13)


paths = st.lists(st.sampled_from("ABC"), min_size=1, max_size=4)


@given(st.lists(st.tuples(paths, paths), min_size=1, max_size=6))
def test_it_is_1_for_equal_paths_and_symmetric(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[list[str], list[str]]]
) -> None:
    directory = tmp_path_factory.mktemp("paths")

    def figure(given_paths: list[list[str]], right: list[list[str]]) -> float:
        truth = table(directory, [SEPARATOR.join(path) for path in right])
        log = write_log(directory, [said(SEPARATOR.join(path)) for path in given_paths])
        return measure(log, Given(truth)).figures["F1_HIERARCHICAL"]

    ours, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    assert figure(ours, theirs) == pytest.approx(figure(theirs, ours))
    assert figure(ours, ours) == 1


def test_levels_agree_from_the_top() -> None:
    assert agreeing(["A", "B"], ["A", "B", "C"]) == 2
    assert agreeing(["X", "B"], ["A", "B"]) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"category": 1, "brand": "b", "is_secondhand": true}',
        b'{"category": "A", "is_secondhand": true}',
        b'{"category": "A", "brand": "b", "is_secondhand": "maybe"}',
        b"[" * 100_000,
    ],
)
def test_another_form_is_no_answer(data: bytes) -> None:
    assert category(Response(0, 0, data)) is None


def test_true_and_false_as_pydantic_reads_them() -> None:
    for value in ("true", "0", '"no"', '"True"', "1"):
        text = f'{{"category": "A", "brand": "b", "is_secondhand": {value}}}'
        assert category(Response(0, 0, text.encode())) == "A"
