"""Top-1 by hand, in each form of ground truth and response."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.accuracy.classification import measure
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_answers, write_log


def val_map(directory: Path, classes: list[int]) -> Path:
    path = directory / "val_map.txt"
    path.write_text(
        "".join(f"ILSVRC2012_val_{i:08}.JPEG {c}\n" for i, c in enumerate(classes)), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("form", ["<q", "<i", "<f"])
def test_three_of_four_are_right_in_each_form_of_a_class(tmp_path: Path, form: str) -> None:
    truth = val_map(tmp_path, [65, 970, 230, 809])
    log = write_log(tmp_path, [struct.pack(form, value) for value in (65, 970, 231, 809)])
    measured = measure(log, Given(truth))
    assert measured.line == "accuracy=75.000%, good=3, total=4"
    assert measured.figures == {"acc": 75.0}
    low, high = measured.intervals["acc"]
    assert (round(low, 1), round(high, 1)) == (30.1, 95.4)  # Wilson, 3 of 4


def test_an_array_of_classes_and_a_named_type(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.array([3, 200, 7]))
    log = write_log(tmp_path, [bytes([3]), bytes([200]), bytes([8])])
    assert (
        measure(log, Given(tmp_path / "labels.npy", dtype="uint8")).line
        == "accuracy=66.667%, good=2, total=3"
    )


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)), min_size=1, max_size=30))
def test_the_figure_is_the_share_of_equal_classes(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[int, int]]
) -> None:
    directory = tmp_path_factory.mktemp("top1")
    truth = val_map(directory, [right for right, _ in pairs])
    log = write_answers(directory, [(i, struct.pack("<q", said)) for i, (_, said) in enumerate(pairs)])
    measured = measure(log, Given(truth))
    assert measured.figures["acc"] == pytest.approx(100 * float(np.mean([a == b for a, b in pairs])))


def test_a_response_of_another_size_is_refused_with_its_line(tmp_path: Path) -> None:
    log = write_log(tmp_path, [b"\0" * 8, b"\0" * 3])
    with pytest.raises(UsageError) as raised:
        measure(log, Given(val_map(tmp_path, [0, 0])))
    assert (raised.value.where, raised.value.found) == (f"{log}:2", "3 bytes for sample 1")


@pytest.mark.parametrize("text", ["", "a.jpg\n", "a.jpg x\n", "a.jpg 1 2\n", "a.jpg -1\n"])
def test_what_is_no_list_of_classes_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "val_map.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        measure(write_log(tmp_path, [b"\0" * 8]), Given(path))
    assert str(raised.value.where).startswith(str(path))


def test_an_array_that_holds_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="cannot be read"):
        measure(write_log(tmp_path, [b"\0" * 8]), Given(tmp_path / "labels.npy"))
