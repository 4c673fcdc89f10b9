"""Conversions: a form is accepted only where its outputs are the source's, and an image's build has what they import.

The frameworks that conversions call are not among this project's own; bare modules stand in for them, and the real ones
run in every image of a framework with a form of its own.
"""

import ast
import importlib
import io
import math
import re
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mlperf_bake.assets.conversions import MOST_SAMPLES, accept, sample_set
from mlperf_bake.assets.conversions.accept import SAME_ARITHMETIC, Bounds, Form, Refused, Request, Samples
from mlperf_bake.assets.preprocessing import lite
from mlperf_bake.render.copied import copied_paths
from mlperf_bake.render.samples import sample_source
from mlperf_bake.render.templates import Templates

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = CHECKOUT / "mlperf_bake" / "assets" / "conversions"
CONVERSIONS = sorted(file.name.split(".")[0] for file in SCRIPTS.glob("*.requirements.txt"))
CONVERSIONS.remove("sample_set")

Convert = Callable[[Request, Samples], Form]


def network(batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The network that ONNX Runtime's stand-in computes: three classes from the first values of a sample."""
    return batch.reshape(len(batch), -1)[:, :3] * np.float32(2)


@pytest.fixture
def request_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments for a source, eight samples of shape 1x2x2, and an output directory that is not there yet."""

    class Session:
        def __init__(self, model: bytes, options: object, providers: list[str]) -> None:
            if model != b"network":
                raise RuntimeError("no protobuf")

        def run(self, outputs: list[str], inputs: dict[str, Any]) -> list[Any]:
            return [network(inputs["images"])]

    onnxruntime = types.ModuleType("onnxruntime")
    monkeypatch.setattr(onnxruntime, "SessionOptions", SimpleNamespace, raising=False)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session, raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", onnxruntime)
    packages = {"onnxruntime": ["onnxruntime"], "tool": ["the-tool"]}
    monkeypatch.setattr(accept, "packages_distributions", lambda: packages)
    monkeypatch.setattr(accept, "version", lambda name: "1.2")
    (tmp_path / "net.onnx").write_bytes(b"network")
    samples = tmp_path / "samples"
    samples.mkdir()
    np.random.default_rng(1).random((8, 1, 2, 2), np.float32).tofile(samples / "samples.bin")
    (samples / "dataset.conf").write_text("name = eight\nshape = 1x2x2\ncount = 8\n")
    arguments = ["form", f"--source={tmp_path}/net.onnx", f"--out={tmp_path}/out", f"--samples={samples}"]
    return [*arguments, "--input=images", "--output=logits", "--shape=1x2x2"]


def converting(change: Callable[[Any], Any]) -> Convert:
    """A conversion whose form gives the source's outputs, changed."""

    def convert(request: Request, samples: Samples) -> Form:
        (request.out / f"{request.stem}.form").write_text(request.precision)
        batches = samples.batches(3)
        return Form(
            (f"{request.stem}.form",), ("tool",), change(np.concatenate([network(b) for b in batches]))
        )

    return convert


def run(arguments: list[str], convert: Convert, monkeypatch: pytest.MonkeyPatch, **bounds: Bounds) -> None:
    monkeypatch.setattr(sys, "argv", arguments)
    accept.main("form", convert, bounds or {"fp32": SAME_ARITHMETIC})


def test_a_form_that_gives_the_sources_outputs_is_recorded(
    request_arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(request_arguments, converting(lambda outputs: outputs * np.float32(1 + 1e-6)), monkeypatch)
    record = dict(
        line.split(" = ") for line in (tmp_path / "out" / "conversion.conf").read_text().splitlines()
    )
    assert record["tools"] == "the-tool 1.2, onnxruntime 1.2"
    assert record["sha256.net.form"] == accept.sha256(tmp_path / "out" / "net.form")
    assert record["source_sha256"] == accept.sha256(tmp_path / "net.onnx")
    assert 0 < float(record["largest_difference"]) < 2e-6
    assert (record["samples"], record["sample_data"], record["agreement"]) == ("8", "eight", "1")


def test_the_record_has_exactly_the_keys_that_the_harness_knows(
    request_arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(request_arguments, converting(lambda outputs: outputs), monkeypatch)
    written = {
        line.split(" = ")[0] for line in (tmp_path / "out" / "conversion.conf").read_text().splitlines()
    }
    reader = (CHECKOUT / "harness" / "src" / "core" / "weights.cc").read_text(encoding="utf-8")
    keys = re.search(r"kKeys = \{(.*?)\}", reader, re.DOTALL)
    assert keys is not None
    known = set(re.findall(r'"(.*?)"', keys[1]))
    assert {"sha256.*" if key.startswith("sha256.") else key for key in written} == known


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda outputs: outputs + np.float32(0.01), "differ from the source's by up to 0.00"),
        (lambda outputs: outputs * np.float32("nan"), "no numbers"),
        (lambda outputs: outputs[:, :2], "have shape (8, 2), the source's (8, 3)"),
        (lambda outputs: outputs[:3], "have shape (3, 3), the source's (8, 3)"),
    ],
)
def test_another_networks_outputs_end_the_conversion_and_leave_nothing(
    change: Callable[[Any], Any],
    says: str,
    request_arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SystemExit, match=re.escape(says)):
        run(request_arguments, converting(change), monkeypatch)
    assert not (tmp_path / "out").exists()


def test_int8_may_differ_more_but_must_keep_enough_predicted_classes(
    request_arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_swapped(outputs: Any) -> Any:
        outputs[:2] = outputs[:2, ::-1]
        return outputs

    arguments = [*request_arguments, "--precision=int8"]
    with pytest.raises(SystemExit, match=r"class for 75\.00% of 8 samples; at least 90"):
        run(arguments, converting(two_swapped), monkeypatch, int8=Bounds(1.0, 0.9), fp32=SAME_ARITHMETIC)
    run(arguments, converting(two_swapped), monkeypatch, int8=Bounds(1.0, 0.7), fp32=SAME_ARITHMETIC)
    assert (tmp_path / "out" / "net.form").read_text() == "int8"
    with pytest.raises(SystemExit, match="2"):
        run([*request_arguments, "--precision=fp16"], converting(two_swapped), monkeypatch)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name = eight\nshape = 1x2x3\ncount = 8\n", "shape (1, 2, 3), the network takes (1, 2, 2)"),
        ("name = eight\nshape = 1x2x2\ncount = 9\n", "fewer than the 9 samples"),
        ("name = eight\nshape = 1x2x2\ncount = 0\n", "fewer than the 0 samples"),
        ("shape = 1x2x2\ncount = 8\n", "not a prepared data set"),
        ("name = eight\nshape = 1xa\ncount = 8\n", "not a prepared data set"),
    ],
)
def test_samples_that_do_not_fit_are_refused(
    content: str, says: str, request_arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "samples" / "dataset.conf").write_text(content)
    with pytest.raises(SystemExit, match=re.escape(says)):
        run(request_arguments, converting(lambda outputs: outputs), monkeypatch)


def test_a_source_that_is_no_network_and_an_output_directory_in_use_are_refused(
    request_arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.onnx").write_bytes(b"text")
    with pytest.raises(SystemExit, match=r"ONNX Runtime cannot run net\.onnx: no protobuf"):
        run(request_arguments, converting(lambda outputs: outputs), monkeypatch)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(SystemExit, match="is not empty"):
        run(request_arguments, converting(lambda outputs: outputs), monkeypatch)
    assert (tmp_path / "out" / "mine").exists()


def test_predictions_are_compared_as_classes() -> None:
    found = accept.compare(np.array([1, 2, 3]), np.array([1, 2, 4]))
    assert found.agreement == pytest.approx(2 / 3)
    assert found.largest == pytest.approx(1 / 3)


# The samples ------------------------------------------------------------------------------------------------


def test_the_sample_set_is_the_first_samples_as_data_prepare_makes_them(tmp_path: Path) -> None:
    photos = []
    with zipfile.ZipFile(tmp_path / "photos.whl", "w") as wheel:
        for number in range(3):
            stream = io.BytesIO()
            Image.new("RGB", (256, 300), (80 * number, 10, 200)).save(stream, "PNG")
            wheel.writestr(f"data/photo_{number}_{number}.png", stream.getvalue())
            photos.append(stream.getvalue())
    arguments = ["--name=photos", "--count=3", "--classes=5", "--wheel-images=data/photo_"]
    arguments += [
        "--preprocessing=imagenet-lite-224",
        f"--source={tmp_path}/photos.whl",
        f"--out={tmp_path}/out",
    ]
    sample_set.main(arguments)
    expected = b"".join(lite(224, photo).tobytes() for photo in photos)
    assert (tmp_path / "out" / "samples.bin").read_bytes() == expected
    assert (tmp_path / "out" / "dataset.conf").read_text() == "name = photos\nshape = 3x224x224\ncount = 3\n"


def test_a_sample_set_of_another_count_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.whl", "w") as wheel:
        wheel.writestr("data/photo_0_0.png", b"")
    arguments = ["--name=photos", "--count=3", "--classes=5", "--wheel-images=data/photo_"]
    arguments += [
        "--preprocessing=imagenet-lite-224",
        f"--source={tmp_path}/photos.whl",
        f"--out={tmp_path}/out",
    ]
    with pytest.raises(SystemExit, match="wrong number of samples"):
        sample_set.main(arguments)
    with pytest.raises(SystemExit, match="cannot be read"):
        sample_set.main(["--count=1" if argument == "--count=3" else argument for argument in arguments])


def test_samples_are_read_out_of_an_unpacked_debian_package_too(tmp_path: Path) -> None:
    import gzip
    import struct

    count = MOST_SAMPLES + 10
    pixels = np.arange(count * 784, dtype=np.uint32).astype(np.uint8).tobytes()
    (tmp_path / "a").write_bytes(gzip.compress(struct.pack(">4I", 0x803, count, 28, 28) + pixels))
    (tmp_path / "b").write_bytes(gzip.compress(struct.pack(">2I", 0x801, count) + bytes(count)))
    arguments = [f"--count={count}", "--classes=10", "--debian-idx", "a", "b", "--preprocessing=fashion-28"]
    sample_set.main([*arguments, "--name=grey", f"--source={tmp_path}", f"--out={tmp_path}/out"])
    values = np.fromfile(tmp_path / "out" / "samples.bin", "<f4")
    assert values.size == MOST_SAMPLES * 784
    assert values[255] == 1.0


# What an image's build copies -------------------------------------------------------------------------------


def modules(module: str) -> set[str]:
    """The project's modules that this one needs: itself, its packages, and what it imports outside of conditions for
    type checkers."""
    path = CHECKOUT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    found = {file.relative_to(CHECKOUT).as_posix()}
    if "." in module:
        found |= modules(module.rpartition(".")[0])
    if not path.is_dir():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mlperf_bake"):
                found |= modules(str(node.module))
    return found


def converted(conversion: str) -> str:
    """The partial with its stages, as a cell of such a framework has them."""
    templates = Templates(CHECKOUT / "templates")

    def part(name: str, **values: Any) -> str:
        return templates.render(name, {**values, "part": part})

    model: Any = SimpleNamespace(name="m", sample_data="imagenet-20", preprocessing="imagenet-lite-224")
    return part(
        "weights/converted.j2",
        framework=SimpleNamespace(conversion=conversion, title="A runtime"),
        weights=SimpleNamespace(file="net.onnx"),
        input=SimpleNamespace(name="images", shape=(3, 224, 224)),
        output=SimpleNamespace(name="logits"),
        precision="fp32",
        samples=sample_source(model),
    )


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_a_build_copies_what_the_conversion_and_its_samples_import_and_nothing_else(conversion: str) -> None:
    text = converted(conversion)
    package = "mlperf_bake.assets.conversions"
    needed = modules(f"{package}.{conversion}") | modules(f"{package}.sample_set")
    needed |= {
        f"mlperf_bake/assets/conversions/{name}.requirements.txt" for name in (conversion, "sample_set")
    }
    copied = set(copied_paths(text))
    # One small module more than some conversions need keeps the partial the same for all.
    assert copied - needed <= {"mlperf_bake/assets/conversions/onnx_network.py"}
    assert needed <= copied
    assert "--shape 3x224x224 --output logits" in text


# What conversions compute themselves ------------------------------------------------------------------------


@pytest.fixture
def conversion(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports a conversion's module, with bare modules for the frameworks."""

    def load(name: str) -> Any:
        for framework in ("onnx", "tensorflow", "ncnn"):
            module = types.ModuleType(framework)
            monkeypatch.setattr(module, "numpy_helper", SimpleNamespace(), raising=False)
            monkeypatch.setitem(sys.modules, framework, module)
        full = f"mlperf_bake.assets.conversions.{name}"
        monkeypatch.delitem(sys.modules, full, raising=False)
        return importlib.import_module(full)

    return load


def test_nodes_are_carried_out_in_order_and_unknown_ones_named(conversion: Callable[[str], Any]) -> None:
    onnx_network = conversion("onnx_network")
    node = onnx_network.Node
    nodes = (node("Double", ("x",), "y", {}), node("Plus", ("y", "", "c"), "z", {"by": 1}))
    operations = {
        "Double": lambda node, x: 2 * x,
        "Plus": lambda node, y, none, c: y + c + node.attributes["by"],
    }
    carried = onnx_network.carry_out(
        onnx_network.Network(nodes, {"c": 10}), operations, {"x": 3, "c": 10}, "z"
    )
    assert carried == 17
    with pytest.raises(Refused, match="needs Plus, which this conversion does not know"):
        onnx_network.carry_out(
            onnx_network.Network(nodes, {}), {"Double": operations["Double"]}, {"x": 3}, "z"
        )


def test_ncnns_blobs_get_the_models_names_and_its_layers_keep_theirs(
    conversion: Callable[[str], Any],
) -> None:
    param = "7767517\n2 2\nInput    in0   0 1 in0\nReLU   relu  1 1 in0 out0 0=0.1\n"
    renamed = conversion("ncnn").renamed(param, {"in0": "images", "out0": "logits"})
    assert renamed == "7767517\n2 2\nInput in0 0 1 images\nReLU relu 1 1 images logits 0=0.1\n"


@given(st.integers(1, 300), st.integers(1, 11), st.integers(1, 4))
def test_same_padding_gives_one_output_a_stride(size: int, kernel: int, stride: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow", types.ModuleType("tensorflow"))
        onnx = types.ModuleType("onnx")
        patch.setattr(onnx, "numpy_helper", SimpleNamespace(), raising=False)
        patch.setitem(sys.modules, "onnx", onnx)
        from mlperf_bake.assets.conversions.tensorflow_network import same_pads

    before, after = same_pads(size, kernel, stride)
    assert 0 <= after - before <= 1
    assert (size + before + after - kernel) // stride + 1 == math.ceil(size / stride) or kernel < stride
