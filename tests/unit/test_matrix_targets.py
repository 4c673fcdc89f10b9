"""targets.py: what a user types becomes one cell, or an error that names what really stands in the way."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.targets import broken_rules, nearest_cells, resolve
from mlperf_bake.matrix.values import AXES, Axis, Cell
from tests.support.second_matrix import TEXT

MATRIX = parse_matrix(TEXT, "matrix.yaml")
WRONG_ORDER = "known names, but not in this order: "
REASONS = {
    "bert": "no other runtime reads its weights",
    "coral": "its compiler reads nothing else",
    "cuda": "the CUDA base image exists for it alone",
    "tflite": "it has no CUDA delegate",
}


def refusal(target: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        resolve(MATRIX, target)
    return caught.value


@pytest.mark.parametrize(
    ("target", "cell"),
    [
        ("mobilenet", "mobilenet-cpp-onnxruntime-cpu-debian12"),
        ("coral", "mobilenet-cpp-tflite-coral-debian12"),
        ("mobilenet-v2-coral", "mobilenet-v2-cpp-tflite-coral-debian12"),
        ("mobilenet-v2", "mobilenet-v2-cpp-onnxruntime-cpu-debian12"),
        ("bert-cuda", "bert-cpp-onnxruntime-cuda-ubuntu22.04"),
        ("ubuntu22.04", "mobilenet-cpp-onnxruntime-cpu-ubuntu22.04"),
        ("tflite-tflite", "mobilenet-tflite-tflite-cpu-debian12"),
        ("cpp-tflite", "mobilenet-cpp-tflite-cpu-debian12"),
        ("mobilenet-cpp-tvm-cpu-ubuntu22.04", "mobilenet-cpp-tvm-cpu-ubuntu22.04"),
    ],
)
def test_what_is_left_out_takes_the_first_value_that_fits(target: str, cell: str) -> None:
    resolution = resolve(MATRIX, target)
    assert resolution.cell.id == cell
    assert "-".join(resolution.given[axis] for axis in AXES if axis in resolution.given) == target
    assert {**resolution.given, **resolution.filled} == resolution.cell._asdict()


@pytest.mark.parametrize("cell", MATRIX.every_cell, ids=lambda cell: cell.id)
def test_a_full_id_is_the_cell_itself(cell: Cell) -> None:
    assert resolve(MATRIX, cell.id).cell == cell


def test_a_name_on_two_axes_is_ambiguous_where_the_readings_differ() -> None:
    error = refusal("mobilenet-tflite-cpu")
    assert error.problem == '"mobilenet-tflite-cpu" is ambiguous'
    assert error.found is not None
    assert (
        "mobilenet-tflite-tflite-cpu-debian12 (model mobilenet, implementation tflite, hardware cpu)"
        in error.found
    )
    assert (
        "mobilenet-cpp-tflite-cpu-debian12 (model mobilenet, framework tflite, hardware cpu)" in error.found
    )
    assert error.remedy is not None and "mobilenet-" in error.remedy


def test_each_rule_between_two_given_names_is_a_reason() -> None:
    error = refusal("tflite-cuda-debian12")
    assert error.expected is not None and error.remedy is not None
    assert REASONS["tflite"] in error.expected
    assert REASONS["cuda"] in error.expected
    assert REASONS["bert"] not in error.expected
    assert "the nearest valid cells are " in error.remedy


def test_an_indirect_contradiction_names_exactly_the_rules_that_make_it() -> None:
    error = refusal("bert-coral")
    assert error.expected == (
        "model bert needs framework onnxruntime: no other runtime reads its weights;\n"
        "            hardware coral needs framework tflite: its compiler reads nothing else"
    )


@given(st.dictionaries(st.sampled_from(AXES), st.integers(0, 9), min_size=1))
def test_the_reasons_shown_are_enough_and_none_is_idle(picked: dict[Axis, int]) -> None:
    given_names = {
        axis: MATRIX.names(axis)[number % len(MATRIX.names(axis))] for axis, number in picked.items()
    }
    reasons = broken_rules(MATRIX, given_names)
    if next(MATRIX.cells(given_names), None) is not None:
        assert reasons == ()
        return
    assert next(MATRIX.cells(given_names, reasons), None) is None
    direct = [rule for rule in reasons if rule.axis in given_names and rule.other in given_names]
    if direct:
        assert direct == list(reasons)
        return
    for rule in reasons:
        assert (
            next(MATRIX.cells(given_names, [other for other in reasons if other != rule]), None) is not None
        )


@pytest.mark.parametrize(
    ("target", "found", "remedy"),
    [
        ("mobilnet", 'no such name: "mobilnet"', "did you mean mobilenet"),
        ("coral-mobilenet", f"{WRONG_ORDER}hardware coral, model mobilenet", "did you mean mobilenet-coral"),
        ("mobilenet-corral", 'no such name: "corral"; known: model mobilenet', "did you mean mobilenet-coral"),
        ("zzz", 'no such name: "zzz"', "`mlperf-bake list` shows every cell"),
        ("", 'no such name: ""', "`mlperf-bake list` shows every cell"),
        ("mobilenet--cpu", 'no such name: ""; known: model mobilenet, hardware cpu', "did you mean"),
        ("mobilenet-", 'no such name: ""; known: model mobilenet', "did you mean mobilenet"),
        ("a" * 5000, f'no such name: "{"a" * 80}"', "`mlperf-bake list` shows every cell"),
    ],
)  # fmt: skip
def test_an_unknown_target_gets_what_was_probably_meant(target: str, found: str, remedy: str) -> None:
    error = refusal(target)
    assert error.problem.startswith("unknown target")
    assert error.found == found
    assert error.remedy is not None and error.remedy.startswith(remedy)


@given(st.text(alphabet="-" + "".join({*"".join(n for a in AXES for n in MATRIX.names(a))}), max_size=60))
def test_any_target_resolves_or_is_refused(target: str) -> None:
    try:
        assert resolve(MATRIX, target).cell in MATRIX.every_cell
    except UsageError as error:
        assert error.remedy


def test_cells_are_exactly_the_combinations_that_break_no_rule() -> None:
    every = [Cell(*names) for names in itertools.product(*(MATRIX.names(axis) for axis in AXES))]
    valid = [
        cell
        for cell in every
        if not any(cell.value(rule.axis) == rule.name and cell.value(rule.other) not in rule.allowed for rule in MATRIX.rules)
    ]  # fmt: skip
    assert list(MATRIX.every_cell) == valid
    assert 0 < len(valid) < len(every)


def test_nearest_cells_share_the_most_names() -> None:
    wanted: dict[Axis, str] = {"model": "bert", "hardware": "coral", "os": "ubuntu22.04"}

    def shared(cell: Cell) -> int:
        return sum(cell.value(axis) == name for axis, name in wanted.items())

    every = sorted(map(shared, MATRIX.every_cell), reverse=True)
    assert [shared(cell) for cell in nearest_cells(MATRIX, wanted, 4)] == every[:4]


def test_two_cells_of_one_id_are_refused() -> None:
    text = TEXT.replace("  mobilenet-v2:", "  mobilenet-cpp:").replace(
        "  tflite:\n    title: T", "  cpp-cpp:\n    title: T"
    )
    with pytest.raises(UsageError, match='two cells have the id "mobilenet-cpp-cpp-'):
        _ = parse_matrix(text, "matrix.yaml").every_cell
