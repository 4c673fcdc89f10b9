"""Adding to the matrix: one model, framework, hardware, OS and implementation as data alone, in a project of its own."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.lock.demand import demands
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.matrix import MAX_CELLS
from mlperf_bake.matrix.targets import resolve
from mlperf_bake.matrix.values import Rule
from mlperf_bake.plan.planner import Planner
from mlperf_bake.project import Project
from mlperf_bake.render.copied import Sources
from mlperf_bake.render.dockerfile import Renderer
from tests.support.second_matrix import CHECKOUT, TEXT, invented_lock, make_project

ADDED = {
    "models": """
  squeezenet:
    title: SqueezeNet of the tests
    license: Apache-2.0
    source: nowhere
    benchmark: resnet
    loadgen_model: resnet50
    division: open
    task: image-classification
    precision: fp32
    weights: {file: squeezenet.onnx, supply: curl -L https://example.org/squeezenet.tgz | tar -xz}
    input: {name: images, shape: 3x224x224, dtype: float32}
    output: {name: logits, kind: scores, classes: 1000, label_offset: 0}
    preprocessing: imagenet-lite-224
    sample_data: imagenet-20
  detector:
    title: a detector of the tests
    license: Apache-2.0
    source: nowhere
    benchmark: retinanet
    round: v6.0
    loadgen_model: retinanet
    division: closed
    task: object-detection
    precision: fp32
    weights: {file: detector.onnx, url: https://example.org/detector.onnx}
    reference:
      program: vision/main.py
      arguments: --model {weights}/detector.onnx --output {out}
      accuracy: --accuracy
      links: build/data={data}
      requirements: vision
    needs:
      - implementation: [reference]
        because: the compiled harness has no task for it
""",
    "implementations": """
  reference:
    title: the reference of the tests
    template: reference
    source: {git: https://example.org/inference.git, commit: 0123456789abcdef0123456789abcdef01234567}
    needs:
      - model: [detector]
        because: it runs the official models alone
      - framework: [onnxruntime]
        because: the others have not been wrapped
""",
    "frameworks": """
  fastrun:
    title: a framework of the tests
    license: MIT
    backend: onnxruntime
    template: onnxruntime
    package: {pypi: fastrun, version: "1.0", python: "312", platform_tag: manylinux_2_28}
    library: fastrun/libfastrun.so.1.0
    soname: libfastrun.so.1
    headers: {debian: libfastrun-dev, version: 1.0-1, suite: trixie}
    hardware:
      npu:
        package: {pypi: fastrun-npu, version: "2.0", python: "312", platform_tag: manylinux_2_34}
        plugins: [fastrun/libfastrun_npu.so]
        backend_options: {provider: npu}
        bases: {rocky9: {image: vendor.example/npu-fastrun, tag: "2.0"}}
    needs:
      - model: [squeeze*, mobilenet]
        because: only these have been tried
""",
    "hardware": """
  npu:
    title: an accelerator of the tests
    platform: linux/amd64
    triplet: x86_64-linux-gnu
    template: gnu
    bases: {rocky9: {image: vendor.example/npu, tag: "7"}}
    needs:
      - os: [rocky9]
        because: its makers publish one image
""",
    "os": """
  rocky9:
    title: an operating system of the tests
    image: rocky.example/base
    tag: "9.6"
    family: redhat
    suite: "9"
    python: "3.9"
    tools: debian12
""",
}


def with_additions(text: str = TEXT) -> str:
    """The second matrix and one more value on every axis."""
    for section, entry in ADDED.items():
        start = text.index(f"\n{section}:") + 1
        following = re.search(r"^[a-z]+:", text[start + len(section) :], re.MULTILINE)
        assert following is not None
        end = start + len(section) + following.start()
        text = text[:end].rstrip("\n") + entry + "\n" + text[end:]
    return text


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("grown"), with_additions())


def test_the_new_values_resolve_and_take_no_cell_from_the_old_ones(grown: Project) -> None:
    cell = resolve(grown.matrix, "squeezenet-fastrun-npu").cell
    assert cell.id == "squeezenet-cpp-fastrun-npu-rocky9"
    assert resolve(grown.matrix, "detector").cell.implementation == "reference"
    before = {cell.id for cell in parse_matrix(TEXT, "matrix.yaml").every_cell}
    assert before < {cell.id for cell in grown.matrix.every_cell}


def test_a_cell_starts_from_its_makers_image_and_is_compiled_on_its_os(grown: Project) -> None:
    text = grown.renderer.render(resolve(grown.matrix, "squeezenet-fastrun-npu").cell).text
    froms = [
        line.split(" AS ")[0].split("@")[0]
        for line in text.splitlines()
        if " AS " in line and line.startswith("FROM")
    ]
    assert froms[:3] == [
        "FROM vendor.example/npu-fastrun:2.0",
        "FROM --platform=$BUILDPLATFORM rocky.example/base:9.6",
        "FROM --platform=$BUILDPLATFORM debian:bookworm",
    ]
    assert "dnf install" in text and "fastrun-npu==2.0" in text and "libfastrun_npu.so" in text
    assert "backend.provider = npu" in text
    assert "get it: curl -L https://example.org/squeezenet.tgz | tar -xz" in text
    other = resolve(grown.matrix, "squeezenet-onnxruntime-npu").cell
    assert "FROM vendor.example/npu:7" in grown.renderer.render(other).text
    elsewhere = resolve(grown.matrix, "squeezenet-fastrun-cpu").cell
    assert "fastrun==1.0" in grown.renderer.render(elsewhere).text


def test_a_reference_cell_holds_the_repository_and_follows_the_round_that_has_its_benchmark(
    grown: Project,
) -> None:
    cell = resolve(grown.matrix, "detector").cell
    assert grown.in_round(cell)
    text = grown.renderer.render(cell).text
    assert "ADD --link https://example.org/inference.git#0123456789abcdef0123456789abcdef01234567 /" in text
    assert "reference_arguments = --model {weights}/detector.onnx --output {out}" in text
    assert 'org.mlperf-bake.round="v6.0"' in text
    assert "input_name" not in text


def test_the_planner_knows_which_images_can_stand_in(grown: Project) -> None:
    cell = resolve(grown.matrix, "squeezenet-fastrun-npu").cell
    assert grown.matrix.images_of(cell, "linux/amd64", "linux/amd64") == (
        ("base", "fastrun/npu/rocky9", "linux/amd64"),
        ("build-base", "rocky9", "linux/amd64"),
        ("tools-base", "debian12", "linux/amd64"),
    )
    assert (
        Planner(grown.matrix, grown.renderer, Sources(grown.root)).plan_cell(cell).platform == "linux/amd64"
    )


def test_a_base_without_a_digest_is_rendered_by_its_tag(grown: Project, tmp_path: Path) -> None:
    lock = invented_lock(grown.demands)
    pin = lock.bases["rocky9"]
    bare = type(lock)(**{**vars(lock), "bases": {**lock.bases, "rocky9": type(pin)(pin.reference, None)}})
    renderer = Renderer(grown.root / "templates", grown.matrix, bare, grown.round)
    text = renderer.render(resolve(grown.matrix, "squeezenet-fastrun-npu").cell).text
    assert "FROM --platform=$BUILDPLATFORM rocky.example/base:9.6 AS build-base" in text


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("rocky9: {image: vendor.example/npu,", "roky9: {image: vendor.example/npu,", '"roky9" (did you mean "rocky9"?)'),
        ("      npu:\n        package", "      npv:\n        package", 'unknown hardware "npv" (did you mean "npu"?)'),
        ("tools: debian12", "tools: debain12", 'unknown os "debain12" (did you mean "debian12"?)'),
        ("    tools: debian12\n", "", 'needs "tools", an OS of the family debian'),
        ("tools: debian12", "tools: rocky9", "takes its own tools from elsewhere"),
        ("round: v6.0\n    loadgen_model: retinanet", "round: v6.9\n    loadgen_model: retinanet", 'unknown round "v6.9"'),
        ("model: [squeeze*,", "model: [sqeeze*,", 'unknown model "sqeeze*"'),
        ("    sample_data: imagenet-20\n  detector:", "  detector:", '"squeezenet" lacks sample_data'),
        ("supply: curl", "url: https://a.example/x, supply: curl", 'weights need "file" and either "url"'),
        ("supply: curl", "supply: '; curl", "this is not YAML"),
        ("supply: curl", 'supply: "$(curl)", md5: ', "does not fit"),
        ("commit: 0123", "commit: main0123", "does not fit (40 hex digits)"),
        ("git: https://example.org/inference.git", "git: ../inference.git", "does not fit (an https address that ends in .git)"),
        ("program: vision/main.py", "program: ../main.py", "does not fit (a relative path without ..)"),
        ("--output {out}", "--output {out} ; rm", "does not fit"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_addition_is_told_at_its_place(old: str, new: str, complaint: str) -> None:
    text = with_additions()
    assert old in text
    with pytest.raises(UsageError) as refusal:
        parse_matrix(text.replace(old, new, 1), "matrix.yaml")
    assert re.search(r"matrix\.yaml:\d+:\d+: .*" + re.escape(complaint), refusal.value.problem), (
        refusal.value.problem
    )


def test_rules_that_forbid_everything_leave_a_sentence() -> None:
    text = TEXT.replace(
        "  cpp:\n    title: compiled\n    template: cpp\n",
        "  cpp:\n    title: compiled\n    template: cpp\n"
        "    needs:\n      - framework: [tvm]\n        because: so\n      - hardware: [coral]\n        because: so\n",
    )
    matrix = parse_matrix(text, "matrix.yaml")
    with pytest.raises(UsageError, match="is a combination that the matrix rules out") as refusal:
        resolve(matrix, "mobilenet-cpp")
    assert refusal.value.expected is not None and "coral needs framework tflite" in refusal.value.expected


def test_a_matrix_of_a_million_cells_is_refused_before_they_are_all_made() -> None:
    matrix = parse_matrix(TEXT, "matrix.yaml")
    [cpu, *_] = matrix.hardware.values()
    [os, *_] = matrix.os.values()
    huge = type(matrix)(
        **{
            **{name: getattr(matrix, name) for name in matrix.__dataclass_fields__},
            "rules": (),
            "hardware": {f"hardware{number}": cpu for number in range(600)},
            "os": {f"os{number}": os for number in range(600)},
        }
    )
    with pytest.raises(UsageError, match=f"more than {MAX_CELLS:,} cells") as refusal:
        _ = huge.every_cell
    assert refusal.value.found == "3 models x 2 implementations x 3 frameworks x 600 hardware x 600 os"


def test_combinations_of_which_no_cell_can_come_are_not_gone_through() -> None:
    matrix = parse_matrix(TEXT, "matrix.yaml")
    [cpu, *_], [system, *_] = matrix.hardware.values(), matrix.os.values()
    frameworks = dict.fromkeys((f"framework{number}" for number in range(600)), matrix.frameworks["tvm"])
    wide = replace(
        matrix,
        frameworks=frameworks,
        hardware={f"hardware{number}": cpu for number in range(600)},
        os={"os": system},
        rules=(Rule("os", "os", "model", frozenset({"bert"}), "only it was ported"),),
    )
    began = time.process_time()  # gone through, the other two models' 1,440,000 take seconds
    assert next(wide.cells()).model == "bert"
    assert time.process_time() - began < 0.2


ODD = st.text(st.sampled_from("ab \"'`$\\{}%#;&|<>()\n\r\t\x00\x85\u2028=:,-/.*"), min_size=1, max_size=20)
FIELDS = (
    "image",
    "tag",
    "supply",
    "git",
    "commit",
    "revision",
    "recipe",
    "login",
    "program",
    "arguments",
    "accuracy",
    "links",
    "requirements",
)


OTHERWISE = {
    "commit: 0123456789abcdef0123456789abcdef01234567": "revision: v6.1",
    "supply: curl -L https://example.org/squeezenet.tgz | tar -xz": (
        "recipe: recipes/net.py, fetch: {debian: dataset-net, version: 1.0-1}"
    ),
    "image: vendor.example/npu-fastrun": "login: an account, image: vendor.example/npu-fastrun",
}
"""What an addition may say in place of what the others say, where one of these fields is fuzzed."""


@given(st.sampled_from(FIELDS), ODD, st.booleans())
@settings(deadline=None, max_examples=180)
def test_no_value_of_an_addition_adds_an_instruction(field: str, odd: str, after: bool) -> None:
    """Whatever a value holds, it is refused, or the Dockerfile has the instructions it had."""
    text = with_additions()
    for usual, other in OTHERWISE.items():
        text = text.replace(usual, other) if other.startswith(field) else text
    [*places] = re.finditer(rf"\b{field}: ([^,}}\n]+)", text[text.index("squeezenet") :])
    place = places[0]
    start = text.index("squeezenet") + place.start(1)
    value = place[1].strip('"') + odd if after else odd
    quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    try:
        matrix = parse_matrix(text[:start] + quoted + text[start + len(place[1]) :], "matrix.yaml")
    except UsageError:
        return
    original = parse_matrix(text, "matrix.yaml")
    for target in ("squeezenet-fastrun-npu", "detector"):
        assert _instructions(matrix, target) == _instructions(original, target)


def _instructions(matrix: object, target: str) -> list[str]:
    from mlperf_bake.matrix.matrix import Matrix
    from mlperf_bake.rounds import load_round, loadgen_releases

    assert isinstance(matrix, Matrix)
    wanted = demands(matrix, {name: release.version for name, release in loadgen_releases().items()})
    renderer = Renderer(CHECKOUT / "templates", matrix, invented_lock(wanted), load_round(matrix.round))
    text = renderer.render(resolve(matrix, target).cell).text
    assert not set(text) & set("\x00\x85\u2028\r")
    return [line.split(" ")[0] for line in text.split("\n") if line[:1].isupper()]
