"""Models of several inputs, or whose answer is no class: as declared, as cell.conf has them, and what is refused of them."""

from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.values import Model
from mlperf_bake.models.names import require_known_assets
from mlperf_bake.models.needs import form_demand
from mlperf_bake.project import open_project
from mlperf_bake.render.cellconf import shared_lines
from mlperf_bake.rounds import load_round

CHECKOUT = Path(__file__).parents[2]
TEXT = (CHECKOUT / "matrix.yaml").read_text(encoding="utf-8")
MATRIX = open_project(CHECKOUT).matrix
BERT, FACE = MATRIX.models["bert-99"], MATRIX.models["blazeface"]


def conf(model: Model) -> list[str]:
    text = shared_lines(model, MATRIX.frameworks["onnxruntime"], None, None, "")
    return [
        line for line in text.splitlines() if line.startswith(("input", "output", "classes", "label", "task"))
    ]


def edited(*changes: tuple[str, str]) -> Matrix:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_matrix(text, "matrix.yaml")


def test_several_inputs_are_lists_in_cell_conf() -> None:
    assert conf(BERT) == [
        "task = question-answering",
        "input_name = input_ids, input_mask, segment_ids",
        "input_shape = 384, 384, 384",
        "input_dtype = int64, int64, int64",
        "input_values = 0..30521, 1, 0..1",
        "output_name = output_start_logits, output_end_logits",
        "output_kind = tensors",
        "output_shape = 384, 384",
        "output_dtype = float32, float32",
    ]


def test_what_a_network_finds_has_its_shape_and_the_tasks_options_in_cell_conf() -> None:
    assert conf(FACE) == [
        "task = object-detection",
        "input_name = images",
        "input_shape = 3x128x128",
        "input_dtype = float32",
        "output_name = boxes, labels, scores",
        "output_kind = tensors",
        "output_shape = nx4, n, n",
        "output_dtype = float32, int64, float32",
        "classes = 2",
        "task.presence_score = 0.5",
        "task.score_threshold = 0.05",
    ]


def test_a_class_is_written_as_ever() -> None:
    assert conf(MATRIX.models["resnet50"])[4:] == [
        "output_name = ArgMax:0",
        "output_kind = argmax",
        "classes = 1001",
        "label_offset = 1",
    ]


def test_a_sample_of_alike_inputs_is_their_stack() -> None:
    network = BERT.known_network
    assert network.sample_shape == (3, 384)
    assert FACE.known_network.sample_shape == (3, 128, 128)
    other = network.inputs[0]._replace(dtype="int32")
    assert network._replace(inputs=(network.inputs[0], other)).sample_shape is None


@pytest.mark.parametrize(
    ("model", "found"), [(BERT, "inputs input_ids"), (FACE, "outputs boxes, labels, scores")]
)
def test_no_other_form_is_made_of_such_weights(model: Model, found: str) -> None:
    with pytest.raises(UsageError, match=found) as refusal:
        form_demand(model, "openvino_ir")
    assert "reads its weights as they are" in (refusal.value.remedy or "")


@pytest.mark.parametrize("model", ["bert-99", "bert-99.9", "retinanet", "blazeface"])
def test_they_run_in_the_compiled_harness_and_need_onnx_runtime(model: str) -> None:
    cells = [cell for cell in MATRIX.cells() if cell.model == model and cell.implementation == "cpp"]
    assert {cell.framework for cell in cells} == {"onnxruntime"}
    assert {"cpu", "arm", "cuda"} <= {cell.hardware for cell in cells}


def test_every_published_tensor_model_follows_a_round_that_has_its_benchmark() -> None:
    for model in (BERT, FACE, MATRIX.models["retinanet"]):
        assert model.benchmark in load_round(model.round or MATRIX.round).models


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("    inputs: [{name: images, shape: 3x128x128, dtype: float32}]\n", ""), '"blazeface" lacks input'),
        (
            (
                "    classes: 2  #",
                "    output: {name: x, kind: scores, classes: 2, label_offset: 0}\n    classes: 2  #",
            ),
            '"blazeface" has "output" already',
        ),
        (("shape: nx4", "shape: mx4"), "n: as many as the network finds"),
        (("shape: 3x128x128, dtype: float32", "shape: 3x128x128, dtype: float31"), 'unknown value "float31"'),
        (("values: 0..30521", "values: many"), "what generated samples hold"),
        (("task_options: {score_threshold", "task_options: {Score"), "lower-case letters, digits and _"),
    ],
)
def test_a_wrong_network_is_refused_with_its_place(change: tuple[str, str], problem: str) -> None:
    old, new = change
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    with pytest.raises(UsageError) as refusal:
        parse_matrix(text, "matrix.yaml")
    assert problem in str(refusal.value)
    assert "matrix.yaml:" in str(refusal.value)


def test_classes_of_classes_stand_under_the_output() -> None:
    with pytest.raises(UsageError, match='"classes" of "resnet50" stands under "output"'):
        edited(
            (
                '    output: {name: "ArgMax:0", kind: argmax, classes: 1001, label_offset: 1}\n',
                '    output: {name: "ArgMax:0", kind: argmax, classes: 1001, label_offset: 1}\n    classes: 2\n',
            )
        )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            '{name: input_mask, shape: "384", dtype: int64',
            '{name: input_mask, shape: "384", dtype: int32',
            "the model takes 384 int64 and 384 int32",
        ),
        (
            "shape: 3x128x128, dtype: float32",
            "shape: 3x128x128, dtype: uint8",
            "gives 3x128x128, the model takes 3x128x128 uint8",
        ),
    ],
)
def test_a_preprocessing_of_another_type_is_told(old: str, new: str, problem: str) -> None:
    matrix = edited((old, new))
    with pytest.raises(UsageError) as refusal:
        require_known_assets(matrix, ("bert-99", "blazeface"))
    assert problem in str(refusal.value)


def test_what_a_network_finds_is_found_one_sample_at_a_time() -> None:
    assert not FACE.known_network.batchable
    assert BERT.known_network.batchable
    assert MATRIX.models["resnet50"].known_network.batchable
