"""A second matrix, richer than the real one, and whole projects in a temporary directory made from it.

``tflite`` is a name on two axes, ``mobilenet`` begins another name, ``ubuntu22.04`` holds a dot, and some combinations
are ruled out only indirectly: bert needs onnxruntime, coral needs tflite, so bert never runs on coral.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from mlperf_bake.lock.demand import Demand, checksum
from mlperf_bake.lock.git import is_commit
from mlperf_bake.lock.lockfile import BasePin, FilePin, Lock, SourcePin, read_lock, write_lock
from mlperf_bake.project import LOCK, MATRIX, Project, open_project

CHECKOUT = Path(__file__).resolve().parents[2]
COPIED = ("templates", "harness", "LICENSE", "mlperf_bake/assets/recipes")


def _model(name: str, weights: str, needs: str = "") -> str:
    return f"""
  {name}:
    title: {name} of the tests
    license: Apache-2.0
    source: nowhere
    benchmark: resnet
    loadgen_model: resnet50
    division: open
    task: image-classification
    precision: fp32
    weights: {weights}
    input: {{name: images, shape: 3x224x224, dtype: float32}}
    output: {{name: logits, kind: scores, classes: 1000, label_offset: 0}}
    preprocessing: imagenet-lite-224
    sample_data: imagenet-20
{needs}"""


def _framework(name: str, needs: str = "") -> str:
    return f"""
  {name}:
    title: {name} of the tests
    license: MIT
    backend: onnxruntime
    template: onnxruntime
    package: {{pypi: {name}, version: "1.0", python: "312", platform_tag: manylinux_2_28}}
    library: {name}/lib{name}.so.1.0
    soname: lib{name}.so.1
    headers: {{debian: lib{name}-dev, version: 1.0-1, suite: trixie}}
{needs}"""


TEXT = (
    "version: 1\nround: v6.1\nmodels:"
    + _model("mobilenet", "{file: mobilenet.onnx, url: https://example.org/mobilenet.onnx}")
    + _model("mobilenet-v2", "{file: mobilenet-v2.onnx, url: https://example.org/mobilenet-v2.onnx}")
    + _model(
        "bert",
        "{file: bert.onnx, recipe: fashion_net, fetch: {debian: dataset-bert, version: 1.0-1}}",
        "    needs:\n      - framework: [onnxruntime]\n        because: no other runtime reads its weights\n",
    )
    + """
implementations:
  cpp:
    title: compiled
    template: cpp
  tflite:
    title: TensorFlow Lite's own program
    template: cpp
    needs:
      - framework: [tflite]
        because: that program knows one runtime

frameworks:"""
    + _framework("onnxruntime")
    + _framework(
        "tflite",
        "    needs:\n      - hardware: [cpu, coral]\n        because: it has no CUDA delegate\n",
    )
    + _framework(
        "tvm",
        "    needs:\n      - implementation: [cpp]\n        because: only the harness loads its modules\n",
    )
    + """
hardware:
  cpu:
    title: x86-64
    platform: linux/amd64
    triplet: x86_64-linux-gnu
    template: gnu
  coral:
    title: Edge TPU
    platform: linux/arm64
    triplet: aarch64-linux-gnu
    template: gnu
    needs:
      - framework: [tflite]
        because: its compiler reads nothing else
  cuda:
    title: NVIDIA
    platform: linux/amd64
    triplet: x86_64-linux-gnu
    template: gnu
    needs:
      - os: [ubuntu22.04]
        because: the CUDA base image exists for it alone

os:
  debian12:
    title: Debian 12
    image: debian
    tag: bookworm
    family: debian
    suite: bookworm
    python: "3.11"
  ubuntu22.04:
    title: Ubuntu 22.04
    image: ubuntu
    tag: jammy
    family: debian
    suite: jammy
    python: "3.10"

published:
  - "mobilenet-*"
"""
)


def invented_lock(wanted: tuple[Demand, ...]) -> Lock:
    """A lock that belongs to these demands; each checksum is that of the entry's own key."""

    def digest(demand: Demand) -> str:
        return hashlib.sha256(demand.key.encode()).hexdigest()

    def files(section: str, ending: str) -> dict[str, FilePin]:
        return {
            demand.key: FilePin(demand.wanted, demand.key.replace(" ", "-") + ending, digest(demand))
            for demand in wanted
            if demand.section == section
        }

    return Lock(
        made_from=checksum(wanted),
        bases={
            demand.key: BasePin(demand.wanted, f"sha256:{digest(demand)}")
            for demand in wanted
            if demand.section == "bases"
        },
        loadgen=files("loadgen", ".tar.gz"),
        packages=files("packages", ".whl"),
        weights={
            demand.key: None if demand.wanted.startswith("recipe") else digest(demand)
            for demand in wanted
            if demand.section == "weights"
        },
        sources={
            demand.key: SourcePin(demand.wanted, _commit(demand.wanted.split(" ")[1], digest(demand)))
            for demand in wanted
            if demand.section == "sources"
        },
        wanted=frozenset(wanted),
    )


def _commit(revision: str, digest: str) -> str:
    return revision if is_commit(revision) else digest[:40]


def make_project(directory: Path, text: str = TEXT, lock: bool = True) -> Project:
    """A project of its own: this matrix, the checkout's templates and sources, an invented lock."""
    for name in COPIED:
        source, target = CHECKOUT / name, directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("build*", "__pycache__"))
        else:
            shutil.copyfile(source, target)
    (directory / MATRIX).write_text(text, encoding="utf-8")
    project = open_project(directory)
    if lock:
        (directory / LOCK).write_text(write_lock(invented_lock(project.demands)), encoding="utf-8")
    return project


def edit_lock(directory: Path, edit: Callable[[str], str]) -> None:
    """Changes the text of a project's lock and corrects the checks of its entries, as if it had been written so."""
    path = directory / LOCK
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    path.write_text(write_lock(read_lock(path, LOCK)[0]), encoding="utf-8")
