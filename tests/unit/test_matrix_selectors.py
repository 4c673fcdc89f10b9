"""selectors.py: globs over cell ids, names to keep and to leave out, and the published cells."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import NothingSelected, UsageError
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.selectors import parse_selector, published, select
from mlperf_bake.matrix.values import AXES, Axis, Rule
from tests.support.second_matrix import TEXT

MATRIX = parse_matrix(TEXT, "matrix.yaml")


def chosen(targets: Sequence[str] = (), only: Sequence[str] = (), skip: Sequence[str] = ()) -> list[str]:
    return [cell.id for cell in select(MATRIX, parse_selector(MATRIX, targets, only, skip))]


def test_nothing_asked_for_is_every_cell_in_the_order_of_the_matrix() -> None:
    assert chosen() == [cell.id for cell in MATRIX.every_cell]


def test_a_target_among_globs_is_one_cell() -> None:
    assert chosen(["bert", "*-coral-debian12"]) == [
        "mobilenet-cpp-tflite-coral-debian12",
        "mobilenet-tflite-tflite-coral-debian12",
        "mobilenet-v2-cpp-tflite-coral-debian12",
        "mobilenet-v2-tflite-tflite-coral-debian12",
        "bert-cpp-onnxruntime-cpu-debian12",
    ]


@given(st.sampled_from(AXES), st.data())
def test_only_and_skip_divide_the_cells_between_them(axis: Axis, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(MATRIX.names(axis)))
    kept, left = chosen(only=[f"{axis}={name}"]), chosen(skip=[f"{axis}={name}"])
    assert sorted(kept + left) == sorted(chosen())
    assert not set(kept) & set(left)


def test_names_of_one_axis_add_up_and_axes_narrow() -> None:
    both = chosen(only=["hardware=cpu,coral", "os=debian12"])
    apart = chosen(only=["hardware=cpu", "hardware=coral", "os=debian12"])
    assert both == apart
    assert {cell.rpartition("-")[2] for cell in both} == {"debian12"}


def test_a_glob_that_fits_nothing_is_told_though_others_fit() -> None:
    with pytest.raises(NothingSelected) as caught:
        chosen(["bert-*", "mobilnet-*"])
    assert caught.value.problem == 'no cell fits "mobilnet-*"'
    assert caught.value.exit_code == 3


def test_a_selection_that_leaves_nothing_is_spelt_out() -> None:
    with pytest.raises(NothingSelected) as caught:
        chosen(["bert-*"], only=["hardware=coral"], skip=["os=debian12"])
    assert caught.value.found == "bert-* --only hardware=coral --skip os=debian12"


@pytest.mark.parametrize("targets", [[], ["bert-*"]])
def test_rules_that_forbid_everything_are_named_and_no_others(targets: list[str]) -> None:
    forbidding = tuple(
        Rule("os", name, "hardware", frozenset(), f"{name} runs nowhere") for name in MATRIX.os
    )
    matrix = replace(MATRIX, rules=(*forbidding, *MATRIX.rules))
    with pytest.raises(UsageError, match="the rules of the matrix leave no cell at all") as caught:
        select(matrix, parse_selector(matrix, targets, (), ()))
    assert caught.value.found is not None
    assert caught.value.found.count("needs") == len(forbidding)
    assert all(rule.because in caught.value.found for rule in forbidding)
    with pytest.raises(UsageError, match="the rules of the matrix leave no cell at all"):
        published(matrix)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("hardwrae=cpu", '--only takes axis=value (did you mean "hardware"?)'),
        ("cpu", "--only takes axis=value"),
        ("hardware=cpuu", 'unknown hardware "cpuu" (did you mean "cpu"?)'),
        ("hardware=", 'unknown hardware ""'),
        ("hardware=cpu,,coral", 'unknown hardware ""'),
    ],
)
def test_a_wrong_pair_is_told_with_the_nearest_name(pair: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(only=[pair])
    assert caught.value.problem == said
    assert caught.value.expected and caught.value.remedy


@given(st.text(alphabet="*?[]!abmrt-", min_size=1, max_size=12))
def test_any_glob_is_answered(glob: str) -> None:
    try:
        assert chosen([f"*{glob}"])
    except NothingSelected as error:
        assert error.remedy


def test_published_cells_are_those_of_the_patterns() -> None:
    assert {cell.model for cell in published(MATRIX)} == {"mobilenet", "mobilenet-v2"}
    assert published(parse_matrix(TEXT[: TEXT.index("published:")], "matrix.yaml")) == ()


def test_a_published_pattern_that_fits_nothing_is_told_with_its_place() -> None:
    matrix = parse_matrix(TEXT.replace('"mobilenet-*"', '"moblenet-*"'), "matrix.yaml")
    with pytest.raises(UsageError) as caught:
        published(matrix)
    line = TEXT.splitlines().index("published:") + 1
    assert caught.value.where == f"matrix.yaml:{line}:1"
