"""Forms of weights in the cache: made once, verified on every use, and nothing left of one that was refused."""

import hashlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlperf_bake.assets.weights import FetchedWeights
from mlperf_bake.cache.store import Cache
from mlperf_bake.errors import UsageError
from mlperf_bake.models import forms
from mlperf_bake.models.forms import FormDemand, conversion_requirements, fetch_form

DEMAND = FormDemand("m", "tvm", "fp32", "images", (1, 2, 2), "logits", "eight", "plain")
CONVERSION = """
import hashlib, os, pathlib, sys
import mlperf_bake.assets.conversions
assert not hasattr(mlperf_bake.assets, "cache")
options = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
pathlib.Path(os.environ["CALLS"]).open("a").write("called ")
if "refuse" in options["source"]:
    sys.exit("tvm: its outputs differ")
out = pathlib.Path(options["out"])
out.mkdir()
content = " ".join(f"{name}={options[name]}" for name in ("precision", "input", "shape", "output")).encode()
(out / "m.so").write_bytes(content)
(out / "conversion.conf").write_text(f"conversion = tvm\\nsha256.m.so = {hashlib.sha256(content).hexdigest()}\\n")
"""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FetchedWeights:
    """Weights on disk; a stand-in for the conversion, which counts its calls, runs in place of the real one."""
    script = tmp_path / "conversion.py"
    script.write_text(CONVERSION)
    real = forms._command

    def command(demand: FormDemand, python: Path, source: Path, samples: Path, out: Path) -> list[str]:
        given = real(demand, python, source, samples, out)
        assert given[1:4] == ["-s", "-m", "mlperf_bake.assets.conversions.tvm"]
        return [given[0], str(script), *given[4:]]

    monkeypatch.setattr(forms, "_command", command)
    monkeypatch.setattr(forms, "make_environment", lambda *_: Path(sys.executable))
    monkeypatch.setattr(forms, "prepare", lambda *_, **__: SimpleNamespace(path=tmp_path / "samples"))
    monkeypatch.setitem(os.environ, "CALLS", str(tmp_path / "calls"))
    file = tmp_path / "m.onnx"
    file.write_bytes(b"network")
    return FetchedWeights(tmp_path, file, hashlib.sha256(b"network").hexdigest(), "sha256")


def calls(weights: FetchedWeights) -> int:
    return (weights.path / "calls").read_text().count("called")


def test_a_form_is_made_once_and_again_when_it_is_damaged(weights: FetchedWeights, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    made = fetch_form(DEMAND, weights, cache=cache)
    assert (made.path / "m.so").read_bytes() == b"precision=fp32 input=images shape=1x2x2 output=logits"
    assert made.files == {"m.so": hashlib.sha256((made.path / "m.so").read_bytes()).hexdigest()}
    assert fetch_form(DEMAND, weights, cache=cache) == made
    assert calls(weights) == 1
    (made.path / "m.so").write_bytes(b"damaged")
    assert fetch_form(DEMAND, weights, cache=cache) == made
    assert calls(weights) == 2


def test_what_a_form_is_made_from_tells_it_from_another(weights: FetchedWeights, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    places = {fetch_form(DEMAND, weights, cache=cache).path}
    others = FetchedWeights(weights.path, weights.file, "0" * 64, None)
    places.add(fetch_form(DEMAND, others, cache=cache).path)
    places.add(fetch_form(FormDemand("m", "tvm", "int8", *tuple_of(DEMAND)), weights, cache=cache).path)
    assert len(places) == 3


def tuple_of(demand: FormDemand) -> tuple[str, tuple[int, ...], str, str, str]:
    return demand.input, demand.shape, demand.output, demand.sample_data, demand.preprocessing


def test_a_refusal_is_told_in_the_conversions_words_and_leaves_nothing(
    weights: FetchedWeights, tmp_path: Path
) -> None:
    refused = FetchedWeights(tmp_path, tmp_path / "refuse.onnx", weights.sha256, None)
    with pytest.raises(UsageError, match="conversion tvm refused") as failure:
        fetch_form(DEMAND, refused, cache=Cache(tmp_path / "cache"))
    assert failure.value.found == "tvm: its outputs differ"
    assert [path for path in (tmp_path / "cache" / "made" / "weights").iterdir() if path.is_dir()] == []


def test_an_unknown_form_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r'"openvino" \(did you mean "openvino_ir"\?\)') as failure:
        conversion_requirements("openvino")
    assert "sample_set" not in str(failure.value.expected)
    with pytest.raises(UsageError):
        conversion_requirements("sample_set")
