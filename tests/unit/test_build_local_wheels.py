"""Wheels in a directory of this machine's pip go into the build by themselves, and change no image."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.assets.sources import PypiFile
from mlperf_bake.build import local_wheels
from mlperf_bake.build.local_wheels import wheels_of, with_local_wheels
from mlperf_bake.cache.store import Cache
from mlperf_bake.engine.secrets import local_find_links, pip_settings
from mlperf_bake.lock.lockfile import write_lock
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.project import Project, open_project
from tests.support.second_matrix import invented_lock, make_project

CONTENT = b"a wheel that no index has"
FILE = "tvm-1.0+local-cp312-cp312-manylinux_2_28_x86_64.whl"
KEY = "pypi tvm 1.0 x86_64"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose lock has the local wheel."""
    made = make_project(tmp_path / "checkout")
    lock = invented_lock(made.demands)
    pin = replace(lock.packages[KEY], file=FILE, sha256=hashlib.sha256(CONTENT).hexdigest())
    text = write_lock(replace(lock, packages={**lock.packages, KEY: pin}))
    (made.root / "matrix.lock").write_text(text, encoding="utf-8")
    return open_project(made.root)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What find-links names."""
    found = tmp_path / "find links"
    found.mkdir()
    (found / FILE).write_bytes(CONTENT)
    (found / "another-1.0-py3-none-any.whl").write_bytes(b"not asked for")
    return found


Complete = Callable[..., tuple[PlannedImage, ...]]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def complete(project: Project, tmp_path: Path, said: list[str]) -> Complete:
    """Completes the planned images of some targets with what lies in the given directories."""

    def call(targets: list[str], *directories: Path) -> tuple[PlannedImage, ...]:
        images = project.plan(project.cells(targets))
        return with_local_wheels(project, images, lambda: directories, said.append, Cache(tmp_path / "cache"))

    return call


def test_a_local_wheel_is_given_and_the_image_stays_the_same(
    complete: Complete, project: Project, directory: Path, said: list[str]
) -> None:
    [plain] = project.plan(project.cells(["mobilenet-cpp-tvm-cpu-debian12"]))
    [image] = complete(["mobilenet-cpp-tvm-cpu-debian12"], directory)
    context = Path(dict(image.contexts)["wheels"])
    assert [file.name for file in context.iterdir()] == [FILE]
    assert (context / FILE).read_bytes() == CONTENT
    assert replace(image, contexts=()) == plain
    assert said == [
        f"wheels that a build step cannot see: {FILE} from {directory}; given to the build as the context wheels"
    ]


def test_cells_of_one_framework_and_machine_share_it_and_others_go_without(
    complete: Complete, directory: Path, said: list[str]
) -> None:
    images = {image.cell_id: image for image in complete(["mobilenet-*"], directory)}
    given = {name for name, image in images.items() if "wheels" in dict(image.contexts)}
    assert given == {name for name in images if "-tvm-" in name}
    assert len({image.contexts for name, image in images.items() if name in given}) == 1
    assert len(said) == 1


def test_a_file_of_that_name_with_another_checksum_is_not_it(complete: Complete, directory: Path) -> None:
    (directory / FILE).write_bytes(b"another build")
    [image] = complete(["mobilenet-cpp-tvm-cpu-debian12"], directory)
    assert image.contexts == ()


def test_without_a_directory_nothing_is_asked(complete: Complete, said: list[str]) -> None:
    [image] = complete(["mobilenet-cpp-tvm-cpu-debian12"])
    assert (image.contexts, said) == ((), [])


def test_wheels_that_the_user_gave_are_kept(project: Project, directory: Path, tmp_path: Path) -> None:
    [image] = project.plan(project.cells(["mobilenet-cpp-tvm-cpu-debian12"]))
    given = replace(image, contexts=(("wheels", "/mine"),))
    cache = Cache(tmp_path / "cache")
    assert with_local_wheels(project, [given], lambda: (directory,), print, cache) == (given,)


def test_a_damaged_copy_is_made_again(complete: Complete, directory: Path) -> None:
    for content in (CONTENT, b"damaged"):
        [image] = complete(["mobilenet-cpp-tvm-cpu-debian12"], directory)
        copy = Path(dict(image.contexts)["wheels"]) / FILE
        assert copy.read_bytes() == CONTENT
        copy.write_bytes(content)


def test_the_other_wheels_of_a_set_are_fetched(
    complete: Complete, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PypiFile("other", "1.0", "other-1.0-py3-none-any.whl", hashlib.sha256(b"other").hexdigest())
    file = tmp_path / other.file
    file.write_bytes(b"other")
    monkeypatch.setattr(local_wheels, "wheels_of", lambda project, cell: (*wheels_of(project, cell), other))
    monkeypatch.setattr(local_wheels, "fetch", lambda wheel, cache: {other: file}[wheel])
    [image] = complete(["mobilenet-cpp-tvm-cpu-debian12"], directory)
    context = Path(dict(image.contexts)["wheels"])
    assert sorted(path.name for path in context.iterdir()) == sorted([FILE, other.file])


def test_find_links_are_split_into_directories_and_addresses(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    config = (
        f"global.find-links='/nowhere https://example.org/wheels {tmp_path}'\n"
        f"install.find-links='https://example.org/wheels file://{tmp_path}/a%20b'\n"
    )
    assert local_find_links(config) == (tmp_path / "a b",)
    assert pip_settings(config) == "[global]\nfind-links = https://example.org/wheels\n"
    assert local_find_links(config + f":env:.find-links='{tmp_path}'\n") == (tmp_path,)
    assert local_find_links("") == ()
