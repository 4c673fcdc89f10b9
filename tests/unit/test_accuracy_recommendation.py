"""Areas, entropies and shares by hand and by counting every pair."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.judging import read_back
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.recommendation import area, dlrm_v2, dlrm_v3
from mlperf_bake.errors import UsageError
from mlperf_bake.rounds import load_round
from tests.support.accuracy_logs import write_log


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def labelled(directory: Path, labels: list[int], bounds: list[int]) -> Path:
    np.save(directory / "labels.npy", np.array(labels, np.uint8))
    np.save(directory / "boundaries.npy", np.array(bounds))
    return directory


items = st.lists(
    st.tuples(st.integers(0, 5), st.booleans(), st.integers(1, 3)), min_size=2, max_size=40
).filter(lambda rows: len({clicked for _, clicked, _ in rows}) == 2)


@given(items)
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool, int]]) -> None:
    predicted, labels, weights = (np.array(column) for column in zip(*rows, strict=True))
    right = total = 0.0
    for one, clicked, weight in rows:
        for other, also_clicked, other_weight in rows:
            if clicked and not also_clicked:
                pair = weight * other_weight
                total += pair
                right += pair * (1 if one > other else 0.5 if one == other else 0)
    assert area(predicted / 5, labels, weights.astype(float)) == pytest.approx(right / total)


@pytest.mark.parametrize("with_labels", [False, True])
def test_dlrm_v2_by_hand(tmp_path: Path, with_labels: bool) -> None:
    labels, predicted = [0, 1, 0, 1, 1], [0.1, 0.4, 0.35, 0.8, 0.2]
    truth = labelled(tmp_path, labels, [0, 2, 5])
    rows = [
        (value, label) if with_labels else (value,) for value, label in zip(predicted, labels, strict=True)
    ]
    values = [number for row in rows for number in row]
    cut = 4 if with_labels else 2
    measured = dlrm_v2(write_log(tmp_path, [floats(*values[:cut]), floats(*values[cut:])]), Given(truth))
    # Pairs of a clicked and another: (.4, .8 over both), (.2 over .1 only): 5 of 6. Above one half: .8 only; 3 right.
    assert measured.figures["AUC"] == pytest.approx(100 * 5 / 6)
    assert measured.line == "AUC=83.333%, accuracy=60.000%, good=3, total=5, queries=2"
    assert read_back(measured.line, load_round("v5.1"))["AUC"] == 83.333


def test_labels_in_the_log_must_be_the_ground_truth(tmp_path: Path) -> None:
    truth = labelled(tmp_path, [0, 1], [0, 2])
    log = write_log(tmp_path, [floats(0.1, 1, 0.2, 0)])
    with pytest.raises(UsageError, match="not those of the ground truth") as raised:
        dlrm_v2(log, Given(truth))
    assert raised.value.where == f"{log}:2"


def sample(predicted: list[float], labels: list[int], weights: list[float] | None = None) -> bytes:
    return floats(7, 3, *predicted, *labels, *(weights or [1] * len(labels)), len(labels))


def test_dlrm_v3_by_hand(tmp_path: Path) -> None:
    log = write_log(tmp_path, [sample([0.75, 0.25], [1, 0]), sample([0.5, 0.25, 0.75], [0, 0, 1])])
    measured = dlrm_v3(log, Given(samples=2))
    loss = -(3 * math.log(0.75) + math.log(0.75) + math.log(0.5))
    base = -(2 * math.log(2 / 5) + 3 * math.log(3 / 5))
    assert measured.figures["DLRM_NE"] == pytest.approx(loss / base)
    assert measured.figures["DLRM_ACC"] == pytest.approx(4 / 5)  # one half counts as a click
    assert measured.figures["DLRM_AUC"] == 1
    read = read_back(measured.line, load_round("v6.1"))
    assert {name: read[name] for name in measured.figures} == {
        name: round(value, 6) for name, value in measured.figures.items()
    }


def test_samples_of_one_label_or_one_prediction_have_no_area(tmp_path: Path) -> None:
    responses = [
        sample([0.5, 0.5], [1, 0]),
        sample([0.1, 0.9], [1, 1]),
        sample([0.25, 0.5, 0.75], [1, 0, 1], [1, 2, 3]),
    ]
    measured = dlrm_v3(write_log(tmp_path, responses), Given(samples=3))
    assert measured.figures["DLRM_AUC"] == pytest.approx(3 / 4)  # weights 3 of 1 + 3
    assert measured.also == {"samples with both labels": 1}


@given(st.lists(st.booleans(), min_size=2, max_size=20))
def test_predicting_the_mean_has_an_entropy_of_1(
    tmp_path_factory: pytest.TempPathFactory, clicks: list[bool]
) -> None:
    labels = [1, 0, *map(int, clicks)]
    mean = sum(labels) / len(labels)
    predicted = [mean] * len(labels)
    predicted[0] = np.nextafter(
        np.float32(mean), np.float32(1)
    ).item()  # one prediction differs, by a last bit
    log = write_log(tmp_path_factory.mktemp("mean"), [sample(predicted, labels)])
    assert dlrm_v3(log, Given(samples=1)).figures["DLRM_NE"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        floats(7, 3, 0.5, 1, 1, 2),
        floats(7, 3, 0.5, 1, 1, float("nan")),
        floats(7, 3, 0.5, 2, 1, 1),
        floats(7, 3, 0.5, 1, -1, 1),
        floats(7, 3, 0),
    ],
)
def test_what_is_not_of_the_form_is_refused_with_its_line(tmp_path: Path, response: bytes) -> None:
    log = write_log(tmp_path, [response])
    with pytest.raises(UsageError) as raised:
        dlrm_v3(log, Given(samples=1))
    assert raised.value.where == f"{log}:2"


def test_labels_of_one_kind_have_no_figures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="all of one kind"):
        dlrm_v3(write_log(tmp_path, [sample([0.5, 0.6], [1, 1])]), Given(samples=1))
    truth = labelled(tmp_path, [1, 1], [0, 2])
    with pytest.raises(UsageError, match="all of one kind"):
        dlrm_v2(write_log(tmp_path, [floats(0.1, 0.2)]), Given(truth))


@pytest.mark.parametrize("bounds", [[0], [1, 2], [0, 3], [0, 1, 1, 2]])
def test_boundaries_must_part_the_labels(tmp_path: Path, bounds: list[int]) -> None:
    with pytest.raises(UsageError, match="no boundaries of samples"):
        dlrm_v2(write_log(tmp_path, [floats(0.1, 0.2)]), Given(labelled(tmp_path, [0, 1], bounds)))
