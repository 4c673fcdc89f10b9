"""The tool as a package: from the built wheel, in an empty directory, the same images; a matrix of one's own beside it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.document import parse
from mlperf_bake.matrix.extending import extended, extends_shipped
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


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def python(
    package: Path, cache: Path, directory: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
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
    for words in (("lock",), ("render",)):
        done = command(installed, cache, tmp_path, *words)
        assert done.returncode == 2 and "mlperf-bake init copies" in done.stderr, done.stderr


def test_init_copies_what_may_be_changed_and_overwrites_nothing(
    installed: Path, cache: Path, tmp_path: Path
) -> None:
    done = command(installed, cache, tmp_path, "init", "mine")
    assert done.returncode == 0, done.stderr
    mine = tmp_path / "mine"
    assert {path.name for path in mine.iterdir()} == {"matrix.yaml", "matrix.lock", "templates"}
    skeleton = mine / "templates" / "Dockerfile.j2"
    skeleton.write_text(skeleton.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    changed = python(installed, cache, mine, "-c", FINGERPRINTS)
    shipped = python(installed, cache, tmp_path, "-c", FINGERPRINTS)
    cells = [[line.split()[0] for line in text.splitlines()] for text in (changed.stdout, shipped.stdout)]
    assert cells[0] == cells[1] and changed.stdout != shipped.stdout
    again = command(installed, cache, tmp_path, "init", "mine")
    assert again.returncode == 2 and "overwrites nothing" in again.stderr


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


def test_an_installation_without_its_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not complete"):
        unpacked(tmp_path)
