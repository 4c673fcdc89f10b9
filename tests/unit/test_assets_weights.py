"""Weights are the locked ones or refused, and are made at most once."""

import hashlib
import sys
from pathlib import Path

import pytest

from mlperf_bake.assets import environment as environment_module
from mlperf_bake.assets import weights as weights_module
from mlperf_bake.assets.environment import make_environment
from mlperf_bake.assets.sources import DebianPackage, PypiFile, UrlFile
from mlperf_bake.assets.weights import (
    WeightsDemand,
    fetch_weights,
    recipe_file,
    requirements_file,
)
from mlperf_bake.cache.store import Cache, ChecksumMismatch
from mlperf_bake.errors import UsageError
from mlperf_bake.models.needs import find_model, weights_demand
from mlperf_bake.project import open_project
from tests.support.debian_package import package
from tests.support.resnet50_stand_in import resnet50_stand_in

ROOT = Path(__file__).parents[2]
RECIPES = ("blazeface", "efficientnet_lite", "fashion_net")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    file = tmp_path / "given.onnx"
    file.write_bytes(resnet50_stand_in())
    return file


def demand(sha: str | None, url: str = "http://127.0.0.1:9/resnet50_v1.onnx") -> WeightsDemand:
    return WeightsDemand("resnet50", "resnet50_v1.onnx", UrlFile(url, sha or "0" * 64), None, sha)


def test_the_stand_in_is_always_the_same_file() -> None:
    assert sha256(resnet50_stand_in()) == "587d03c1d38b1d62ec1ce8ec9a4cfc7e0c9406a9cb7d1328aa9aff1f73c47ffd"


def test_a_given_file_is_taken_under_the_models_name(stand_in: Path, cache: Cache, tmp_path: Path) -> None:
    wanted = demand(sha256(resnet50_stand_in()))
    fetched = fetch_weights(wanted, tmp_path / "out", override=stand_in, cache=cache)
    assert fetched.file == tmp_path / "out" / "resnet50_v1.onnx"
    assert fetched.file.read_bytes() == resnet50_stand_in()
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["resnet50_v1.onnx"]
    stand_in.unlink()
    assert fetch_weights(wanted, cache=cache).sha256 == fetched.sha256, "kept for the next time"


def test_a_stand_in_for_locked_weights_is_refused_with_both_sums(stand_in: Path, cache: Cache) -> None:
    project = open_project(ROOT)
    wanted = weights_demand(find_model(project.matrix, "resnet50"), project.lock)
    assert (wanted.sha256, wanted.checked) == (None, "md5"), "its makers publish an MD5 alone"
    with pytest.raises(ChecksumMismatch) as refusal:
        fetch_weights(wanted, override=stand_in, cache=cache)
    assert f"md5 {wanted.md5}" in str(refusal.value)
    assert hashlib.md5(resnet50_stand_in()).hexdigest() in str(refusal.value)
    assert not list((cache.root / "made" / "weights").glob("*/*.onnx"))


@pytest.mark.parametrize("damage", [b"", b"half", None])
def test_damaged_weights_are_made_again(stand_in: Path, cache: Cache, damage: bytes | None) -> None:
    wanted = demand(sha256(resnet50_stand_in()))
    first = fetch_weights(wanted, override=stand_in, cache=cache)
    if damage is None:
        first.file.unlink()
    else:
        first.file.write_bytes(damage)
    again = fetch_weights(wanted, override=stand_in, cache=cache)
    assert again.file.read_bytes() == resnet50_stand_in()


def test_what_was_checked_is_told_with_the_weights(stand_in: Path, cache: Cache) -> None:
    content = resnet50_stand_in()
    source = UrlFile("http://127.0.0.1:9/w.onnx", None, hashlib.md5(content).hexdigest())
    by_md5 = WeightsDemand("resnet50", "w.onnx", source, None, None, source.md5)
    for _ in ("first made", "then present"):
        fetched = fetch_weights(by_md5, override=stand_in, cache=cache)
        assert (fetched.checked, fetched.sha256) == ("md5", sha256(content))
    assert fetch_weights(demand(sha256(content)), override=stand_in, cache=cache).checked == "sha256"


def test_an_out_that_is_a_file_is_refused(stand_in: Path, cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a directory"):
        fetch_weights(demand(sha256(resnet50_stand_in())), stand_in, override=stand_in, cache=cache)
    missing = tmp_path / "missing.onnx"
    with pytest.raises(UsageError, match="cannot be read"):
        fetch_weights(demand("0" * 64), override=missing, cache=cache)


COPY_RECIPE = """\
import argparse, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--source", type=pathlib.Path)
parser.add_argument("--out", type=pathlib.Path)
options = parser.parse_args()
with open({runs!r}, "a") as runs:
    runs.write("run\\n")
data = next(options.source.rglob("input.txt")).read_bytes()
if data == b"bad":
    sys.exit("copy_recipe: the input is bad")
options.out.write_bytes(data.upper())
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces the recipes by one that copies, run by this Python; the file has a line a run."""
    script = tmp_path / "copy_recipe.py"
    runs = tmp_path / "runs"
    script.write_text(COPY_RECIPE.format(runs=str(runs)))
    script.with_suffix(".requirements.txt").write_text("")
    monkeypatch.setattr(weights_module, "recipe_file", lambda _: script)
    monkeypatch.setattr(weights_module, "make_environment", lambda *_: Path(sys.executable))
    return runs


def from_package(tmp_path: Path, content: bytes, sha: str | None = None) -> tuple[WeightsDemand, Path]:
    deb = tmp_path / "input_1_all.deb"
    deb.write_bytes(package({"./usr/share/input.txt": content}))
    source = DebianPackage("input", "1", "all", sha256(deb.read_bytes()))
    return WeightsDemand("model", "model.onnx", source, "copy_recipe", sha), deb


def test_a_recipe_gets_the_packages_files_and_runs_once(runs: Path, cache: Cache, tmp_path: Path) -> None:
    wanted, deb = from_package(tmp_path, b"content")
    first = fetch_weights(wanted, override=deb, cache=cache)
    assert first.file.read_bytes() == b"CONTENT"
    assert fetch_weights(wanted, override=deb, cache=cache) == first
    assert runs.read_text() == "run\n"
    first.file.write_bytes(b"damaged")
    assert fetch_weights(wanted, override=deb, cache=cache).file.read_bytes() == b"CONTENT"
    assert runs.read_text() == "run\nrun\n"


def test_the_users_file_may_be_the_weights_or_what_they_are_made_from(
    runs: Path, cache: Cache, tmp_path: Path
) -> None:
    wanted, deb = from_package(tmp_path, b"content", sha256(b"CONTENT"))
    assert fetch_weights(wanted, override=deb, cache=cache).file.read_bytes() == b"CONTENT"
    assert runs.read_text() == "run\n"
    made = tmp_path / "made.onnx"
    made.write_bytes(b"CONTENT")
    elsewhere = Cache(tmp_path / "elsewhere")
    assert fetch_weights(wanted, override=made, cache=elsewhere).file.read_bytes() == b"CONTENT"
    assert runs.read_text() == "run\n"


@pytest.mark.usefixtures("runs")
def test_a_recipe_that_refuses_is_told_in_its_words(cache: Cache, tmp_path: Path) -> None:
    wanted, deb = from_package(tmp_path, b"bad")
    with pytest.raises(UsageError, match="recipe copy_recipe refused") as refusal:
        fetch_weights(wanted, override=deb, cache=cache)
    assert refusal.value.found == "copy_recipe: the input is bad"
    assert not list((cache.root / "made" / "weights").glob("*/*"))


@pytest.mark.usefixtures("runs")
def test_a_recipes_result_with_a_locked_checksum_must_have_it(cache: Cache, tmp_path: Path) -> None:
    good, deb = from_package(tmp_path, b"content", sha256(b"CONTENT"))
    assert fetch_weights(good, cache=_with(cache, deb)).sha256 == good.sha256
    bad, deb = from_package(tmp_path, b"content", "0" * 64)
    with pytest.raises(ChecksumMismatch) as refusal:
        fetch_weights(bad, cache=_with(cache, deb))
    assert sha256(b"CONTENT") in str(refusal.value)


def _with(cache: Cache, file: Path) -> Cache:
    """The cache with a copy of the file already in it."""
    with cache.workspace() as scratch:
        copy = scratch / "copy"
        copy.write_bytes(file.read_bytes())
        cache.admit(copy, sha256(file.read_bytes()))
    return cache


def test_every_model_of_the_matrix_has_a_demand_that_can_be_met() -> None:
    project = open_project(ROOT)
    models = project.matrix.models
    demands = {
        name: weights_demand(model, project.lock)
        for name, model in models.items()
        if model.weights.supply is None
    }
    assert isinstance(demands["efficientnet-lite0"].source, PypiFile)
    assert isinstance(demands["fashion-net"].source, DebianPackage)
    assert demands["resnet50"].md5 is not None
    for wanted in demands.values():
        assert wanted.recipe is None or recipe_file(wanted.recipe).is_file()
    with pytest.raises(UsageError, match='did you mean "resnet50"'):
        find_model(project.matrix, "resnet5")
    with pytest.raises(UsageError, match="whoever builds supplies them") as refusal:
        weights_demand(models["llama3.1-8b"], project.lock)
    assert refusal.value.remedy is not None and refusal.value.remedy.startswith("git clone https://")


@pytest.mark.parametrize("recipe", RECIPES)
def test_requirements_are_locked_by_hash_and_name_no_host(recipe: str) -> None:
    lines = requirements_file(recipe).read_text(encoding="utf-8").splitlines()
    pinned = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    assert any(lines[number].startswith("onnx==") for number in pinned)
    for number in pinned:
        assert "==" in lines[number]
        assert lines[number].endswith("\\")
        assert lines[number + 1].strip().startswith("--hash=sha256:")
    assert not [line for line in lines if "//" in line or line.startswith("-")]


def test_an_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match='"other"') as refusal:
        recipe_file("other")
    assert refusal.value.expected == "one of " + ", ".join(RECIPES)


def test_an_environment_that_was_cut_off_is_made_again(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], problem: str, remedy: str) -> None:
        if command[1:3] == ["-m", "venv"]:
            (Path(command[3]) / "bin").mkdir(parents=True)

    monkeypatch.setattr(environment_module, "_run", run)
    requirements = tmp_path / "nothing.requirements.txt"
    requirements.write_text("# nothing\n")
    python = make_environment(requirements, cache)
    inode = python.parent.stat().st_ino
    assert make_environment(requirements, cache) == python
    assert python.parent.stat().st_ino == inode
    (python.parents[1] / "complete").unlink()
    (python.parents[1] / "leftover").touch()
    assert make_environment(requirements, cache) == python
    assert not (python.parents[1] / "leftover").exists()


@pytest.mark.slow
def test_a_library_that_cannot_be_installed_is_told_in_pips_words(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    requirements = tmp_path / "missing.requirements.txt"
    requirements.write_text(f"no-such-library==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(UsageError, match="could not be installed") as refusal:
        make_environment(requirements, cache)
    assert "no-such-library" in str(refusal.value)


def test_a_python_without_locked_libraries_is_told(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    with pytest.raises(UsageError, match="not locked for this Python") as refusal:
        make_environment(tmp_path / "any.requirements.txt", cache)
    assert refusal.value.expected == "3.11 to 3.13"
