"""The planner: fingerprints that change for exactly the cells concerned, whatever else is planned, and reasons in words."""

import gc
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlperf_bake.plan.image import PlannedImage, fingerprint
from mlperf_bake.plan.planner import Context, Overrides
from mlperf_bake.plan.state import (
    INGREDIENTS_LABEL,
    given_contexts_of,
    ingredients_label,
    read_ingredients,
    state,
)
from mlperf_bake.project import Project, open_project
from tests.support.second_matrix import CHECKOUT, TEXT, edit_lock, make_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def fingerprints(project: Project) -> dict[str, str]:
    fresh = open_project(project.root)
    return {image.cell_id: image.fingerprint for image in fresh.plan(fresh.matrix.every_cell)}


def changed_by(project: Project, edit: Callable[[Path], None]) -> set[str]:
    before = fingerprints(project)
    edit(project.root)
    after = fingerprints(project)
    assert before.keys() == after.keys()
    return {cell for cell in before if before[cell] != after[cell]}


def cells(project: Project, **names: str) -> set[str]:
    """The ids of the cells that have these names."""
    return {
        cell.id
        for cell in project.matrix.every_cell
        if all(getattr(cell, axis) == name for axis, name in names.items())
    }


def replacing(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def test_the_same_project_plans_the_same(project: Project) -> None:
    assert changed_by(project, lambda root: None) == set()
    assert len(set(fingerprints(project).values())) == len(project.matrix.every_cell)


def test_a_cell_is_the_same_whatever_is_planned_beside_it(project: Project) -> None:
    together = {image.cell_id: image for image in project.plan(reversed(project.matrix.every_cell))}
    for cell in project.matrix.every_cell:
        (alone,) = open_project(project.root).plan([cell])
        assert alone == together[cell.id]


def test_planning_leaves_no_cycles_in_memory(project: Project) -> None:
    planner = project.planner()
    assert len(list(planner.plan(project.matrix.every_cell))) > 1
    gc.collect()
    gc.disable()
    try:
        for _ in planner.plan(project.matrix.every_cell):
            pass
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        (replacing("templates/final.j2", "WORKDIR /results", "WORKDIR /tmp"), [{}]),
        (replacing("templates/cell.j2", "ARG FINGERPRINT=", "ARG  FINGERPRINT="), [{}]),
        (replacing("templates/Dockerfile.j2", "# Works by itself", "# Works  by itself"), [{}]),
        (replacing("templates/weights/url.j2", "ADD", "ADD --link"), [{"model": "mobilenet"}, {"model": "mobilenet-v2"}]),
        (replacing("templates/weights/recipe.j2", "mkdir /weights", "mkdir -p /weights"), [{"model": "bert"}]),
        (replacing("mlperf_bake/assets/recipes/fashion_net.py", "SEED = ", "SEED = 1 + "), [{"model": "bert"}]),
        (replacing("mlperf_bake/assets/recipes/efficientnet_lite.py", "OPSET = ", "OPSET = 1 * "), []),
        (replacing("harness/CMakeLists.txt", "project(", "# changed\nproject("), [{}]),
        (replacing("LICENSE", "Apache", "apache"), [{}]),
        (replacing("matrix.yaml", "title: Ubuntu 22.04", "title: Jammy"), []),
        (replacing("matrix.yaml", "because: no other runtime reads its weights", "because: so"), []),
    ],
    ids=[
        "final", "cell", "skeleton", "url", "recipe template", "recipe", "recipe of no cell", "harness", "licence", "title",
        "reason",
    ],
)  # fmt: skip
def test_exactly_the_cells_that_use_it_change(
    project: Project, edit: Callable[[Path], None], names: list[dict[str, str]]
) -> None:
    expected = set().union(*(cells(project, **chosen) for chosen in names))
    assert changed_by(project, edit) == expected


@pytest.mark.parametrize(
    ("entry", "names"),
    [
        ("debian12", {"os": "debian12"}),
        ("ubuntu22.04", {"os": "ubuntu22.04"}),
        ("v6.1", {}),
        ("pypi tvm 1.0 x86_64", {"framework": "tvm"}),
        ("pypi tflite 1.0 aarch64", {"hardware": "coral"}),
        ("debian libtflite-dev 1.0-1 arm64", {"framework": "tflite"}),
        ("debian dataset-bert 1.0-1", {"model": "bert"}),
        ("mobilenet", {"model": "mobilenet"}),
    ],
)
def test_a_pin_changes_exactly_the_cells_that_hold_it(
    project: Project, entry: str, names: dict[str, str]
) -> None:
    def edit(root: Path) -> None:
        edit_lock(root, lambda lock: re.sub(rf'(?m)^  "{re.escape(entry)}".*', other, lock))

    def other(line: re.Match[str]) -> str:
        return re.sub(r"[0-9a-f]{64}", "e" * 64, line[0])

    expected = cells(project, **names)
    assert len(expected) > 0
    assert changed_by(project, edit) == expected


def test_a_partial_used_twice_counts_with_both_texts(project: Project) -> None:
    def ingredient(*words: str) -> str:
        root = project.root / "templates"
        (root / "twice.j2").write_text("# {{ word }}\n", encoding="utf-8")
        calls = "".join(f"{{{{ part('twice.j2', word='{word}') }}}}\n" for word in words)
        (root / "cell.j2").write_text(calls, encoding="utf-8")
        (image,) = open_project(project.root).plan(project.cells(["bert"]))
        return dict(image.ingredients)["template twice.j2"]

    seen = [
        ingredient("a"),
        ingredient("b"),
        ingredient("a", "b"),
        ingredient("a", "c"),
        ingredient("b", "a"),
    ]
    assert len(set(seen)) == len(seen)
    assert ingredient("a", "a") == ingredient("a")


def test_a_fingerprint_covers_each_section_and_the_ingredients() -> None:
    texts = [("a", "b"), ("a", "c"), ("b", "a"), ("a", "b", "")]
    seen = {fingerprint(sections, label) for sections in texts for label in ("{}", '{"x":"1"}')}
    assert len(seen) == 8
    assert fingerprint(("a", "b"), "{}") in seen  # known sections give the same again


def test_the_order_of_keys_has_no_meaning_but_that_of_values_has(project: Project) -> None:
    before = fingerprints(project)
    document = yaml.safe_load(TEXT)

    def turned(value: Any, depth: int) -> Any:
        if not isinstance(value, dict):
            return value
        keys = list(value) if depth == 1 else list(reversed(value))  # depth 1: the values of an axis
        return {key: turned(value[key], depth + 1) for key in keys}

    text = yaml.safe_dump(turned(document, 0), sort_keys=False)
    assert text.index("frameworks") < text.index("models")
    (project.root / "matrix.yaml").write_text(text, encoding="utf-8")
    assert list(fingerprints(project).items()) == list(before.items())


@pytest.mark.parametrize(
    "command", [["plan", "--json", "--no-engine"], ["list", "--json"], ["explain", "bert", "--json"]]
)
def test_output_is_the_same_bytes_under_any_hash_seed(project: Project, command: list[str]) -> None:
    outputs = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()", *command],
            cwd=project.root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert json.loads(outputs.pop())


def test_a_planned_image_is_complete(project: Project) -> None:
    for image in project.plan(project.matrix.every_cell):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", image.fingerprint)
        assert image.tags == (
            f"mlperf-bake/{image.cell_id}:{image.fingerprint[7:19]}",
            f"mlperf-bake/{image.cell_id}:latest",
        )
        assert image.ingredients == tuple(sorted(image.ingredients))
        assert image.build_args == (("FINGERPRINT", image.fingerprint),)
        assert dict(image.labels)[INGREDIENTS_LABEL] == ingredients_label(image.ingredients)
        assert read_ingredients(ingredients_label(image.ingredients)) == dict(image.ingredients)
        names = [name for name, _ in image.ingredients]
        assert "file LICENSE" in names and "template weights/checked.j2" in names
        assert image.contexts == ()


def test_contexts_go_to_their_platform_and_only_their_identity_counts(project: Project) -> None:
    base = Context("docker-image://base@sha256:1", "sha256:1")
    other = Context("docker-image://base@sha256:2", "sha256:2")
    weights = Context("/somewhere/weights")
    plain = {image.cell_id: image for image in project.plan(project.matrix.every_cell)}

    def planned(overrides: Overrides) -> dict[str, PlannedImage]:
        return {image.cell_id: image for image in project.plan(project.matrix.every_cell, overrides)}

    given = planned(Overrides({"weights": weights}))
    for cell_id, image in given.items():
        assert image.contexts == (("weights", "/somewhere/weights"),)
        assert image.fingerprint == plain[cell_id].fingerprint
    first = planned(Overrides(bases={("debian12", "linux/amd64"): base}))
    second = planned(Overrides(bases={("debian12", "linux/amd64"): other}))
    for cell in project.matrix.every_cell:
        contexts = dict(first[cell.id].contexts)
        if cell.os != "debian12":
            assert contexts == {} and first[cell.id].fingerprint == plain[cell.id].fingerprint
            continue
        wanted = {"base", "build-base"} if cell.hardware != "coral" else {"build-base"}
        assert contexts.keys() == wanted
        assert len({plan[cell.id].fingerprint for plan in (plain, first, second)}) == 3


def test_given_weights_count_for_the_models_that_no_checksum_fixes(project: Project) -> None:
    plain = {image.cell_id: image for image in project.plan(project.matrix.every_cell)}
    given = Overrides({"weights": Context("/w")}, weights={"bert": "1" * 64})
    for cell, image in zip(
        project.matrix.every_cell, project.plan(project.matrix.every_cell, given), strict=True
    ):
        own = plain[cell.id]
        assert (image.fingerprint == own.fingerprint) == (cell.model != "bert")
        assert given_contexts_of(own, image.fingerprint, dict(image.ingredients)) == (
            ("weights",) if cell.model == "bert" else ()
        )
        assert not given_contexts_of(own, own.fingerprint, dict(own.ingredients))


def test_an_image_with_given_weights_of_other_sources_is_another_image(project: Project) -> None:
    given = Overrides({"weights": Context("/w")}, weights={"bert": "1" * 64})
    (built,) = project.plan(project.cells(["bert"]), given)
    replacing("templates/final.j2", "WORKDIR /results", "WORKDIR /")(project.root)
    (now,) = open_project(project.root).plan(project.cells(["bert"]))
    assert not given_contexts_of(now, built.fingerprint, dict(built.ingredients))


# Why --------------------------------------------------------------------------------------------------------------------


def test_the_reason_names_what_changed(project: Project) -> None:
    (image,) = project.plan(project.cells(["bert"]))
    now = dict(image.ingredients)
    recipe = "file mlperf_bake/assets/recipes/fashion_net.py"
    assert state(image, None).why == "never built here"
    assert state(image, {**now, recipe: "0"}).why == f"{recipe} changed"
    assert (
        state(image, {name: value for name, value in now.items() if name != recipe}).why == f"{recipe} is new"
    )
    assert state(image, {**now, "context base": "0"}).why == "context base is gone"
    assert state(image, dict.fromkeys(now, "0")).why.endswith(f", and {len(now) - 3} more")
    assert state(image, {}).action == "build"


@pytest.mark.parametrize("label", ["", "no json", "[1]", "null", "[" * 100_000])
def test_a_label_that_is_not_ours_tells_nothing(label: str) -> None:
    assert read_ingredients(label) == {}


def test_the_origin_of_a_line_is_a_file_of_the_checkout(project: Project) -> None:
    (image,) = project.plan(project.cells(["coral"]))
    line = next(n for n, text in enumerate(image.dockerfile.split("\n"), 1) if text.startswith("ENTRYPOINT"))
    origin = project.origin(image.cell_id, line)
    assert origin is not None
    assert (
        (project.root / origin[0])
        .read_text(encoding="utf-8")
        .split("\n")[origin[1] - 1]
        .startswith("ENTRYPOINT")
    )
    assert project.origin(image.cell_id, 10_000) is None
    assert project.origin("no-such-cell", 1) is None


def test_files_that_a_cells_own_partial_copies_belong_to_its_fingerprint(project: Project) -> None:
    """Whether cell.j2 copies anything is read off the template, once for all cells."""

    def copy_readme(root: Path) -> None:
        (root / "README.md").write_text("one", encoding="utf-8")
        cell = root / "templates" / "cell.j2"
        cell.write_text("COPY README.md /opt/\n" + cell.read_text(encoding="utf-8"), encoding="utf-8")

    copy_readme(project.root)
    everything = set(fingerprints(project))

    def edit(root: Path) -> None:
        (root / "README.md").write_text("two", encoding="utf-8")

    assert changed_by(project, edit) == everything
