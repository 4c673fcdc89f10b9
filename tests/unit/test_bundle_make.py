"""Where a bundle may be made, and what becomes of one that is there: it is added to, or refused with its cells' names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.build.failures import CACHE_LOST, BuildFailure
from mlperf_bake.build.service import BuildOptions, BuildReport
from mlperf_bake.bundle import make
from mlperf_bake.bundle.make import UNFINISHED, WantedBase, _claim, make_bundle
from mlperf_bake.bundle.record import RECORD, Bundle, BundledBase, blob_path, open_bundle
from mlperf_bake.errors import BuildFailed, UsageError
from mlperf_bake.oci.layout import Descriptor, Layout
from mlperf_bake.plan.image import PlannedImage
from tests.support.layouts import layer, make_layout
from tests.unit.test_cli_build import ENGINE

A, B = "a-cpp-onnxruntime-cpu-debian12", "b-cpp-onnxruntime-cpu-debian12"
SHARED = "stages-onnxruntime-cpu-debian12"
BASE = WantedBase("debian12", "linux/amd64", "mlperf-bake/base:x", locked=False)


@pytest.mark.parametrize("held", [(), (RECORD, "blobs"), (UNFINISHED, "blobs")])
def test_a_new_place_an_empty_one_and_a_bundle_are_taken(tmp_path: Path, held: tuple[str, ...]) -> None:
    place = tmp_path / "bundle"
    if held:
        place.mkdir()
    for name in held:
        (place / name).touch()
    _claim(place)
    assert (place / UNFINISHED).exists()
    _claim(place)


def test_what_is_another_s_is_refused_and_stays(tmp_path: Path) -> None:
    blob = tmp_path / "layout" / "blobs" / "sha256" / "ab"
    blob.parent.mkdir(parents=True)
    blob.write_text("theirs")
    with pytest.raises(UsageError, match="something else"):
        _claim(tmp_path / "layout")
    with pytest.raises(UsageError, match="no directory"):
        _claim(blob)
    assert blob.read_text() == "theirs" and not (tmp_path / "layout" / UNFINISHED).exists()


def planned(cell: str, salt: str = "1") -> PlannedImage:
    fingerprint = f"sha256:{cell[0] * 63}{salt}"
    return PlannedImage(cell, ("FROM base\n",), "d", "linux/amd64", fingerprint, (), ("t:1",), (), (), ())


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said; a cell's cache is a layer with its fingerprint, the base a layer with the number in ``base.txt``."""

    def place(root: Path, content: str) -> Descriptor:
        top = make_layout(root, [layer({"file": content.encode()})]).top
        for name in ("index.json", "oci-layout"):
            (root / name).unlink()
        return top

    def save(base: WantedBase, root: Path, *_: object) -> BundledBase:
        number = tmp_path / "base.txt"
        top = place(root, f"base {number.read_text() if number.exists() else 1}")
        return BundledBase(base.key, base.platform, base.reference, base.locked, top)

    def build(images: Sequence[PlannedImage], root: Path, *_: object) -> Mapping[str, Descriptor]:
        own = {image.cell_id: place(root, image.fingerprint) for image in images}
        return {**own, SHARED: list(own.values())[-1]}

    monkeypatch.setattr(make, "_save", save)
    monkeypatch.setattr(make, "_build", build)
    return []


def bundle(place: Path, said: list[str], *images: PlannedImage, **changes: Any) -> Bundle:
    engine = replace(ENGINE, **changes)
    options = BuildOptions(checkout=place, state=place)
    return make_bundle(place / "bundle", images, [BASE], engine, options, "", said.append)


def test_a_second_call_adds_to_a_bundle(tmp_path: Path, said: list[str]) -> None:
    first = bundle(tmp_path, said, planned(A))
    both = bundle(tmp_path, said, planned(B))
    assert [one.cell for one in both.cells] == [A, B]
    assert set(both.caches) == {A, B, SHARED}
    assert (len(both.bases), both.caches[A]) == (1, first.caches[A])
    assert open_bundle(tmp_path / "bundle") == both, "every file of both is there"
    assert said == [f"{tmp_path / 'bundle'} goes on holding {A}"]


def test_a_cell_that_is_made_again_takes_its_own_place_and_leaves_no_file(
    tmp_path: Path, said: list[str]
) -> None:
    bundle(tmp_path, said, planned(A), planned(B))
    changed = bundle(tmp_path, said, planned(B, "2"))
    fingerprints = {one.cell: one.fingerprint for one in changed.cells}
    assert fingerprints == {A: planned(A).fingerprint, B: planned(B, "2").fingerprint}
    files = {f"sha256:{file.name}" for file in (tmp_path / "bundle/blobs/sha256").iterdir()}
    assert files == set(changed.blobs), "nothing of the older one is left"


def test_what_breaks_off_leaves_the_bundle_that_was_there(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bundle(tmp_path, said, planned(A))

    def failing(*_: object) -> Mapping[str, Descriptor]:
        raise BuildFailed("1 of 1 images were not built")

    with monkeypatch.context() as patch:
        patch.setattr(make, "_build", failing)
        with pytest.raises(BuildFailed):
            bundle(tmp_path, said, planned(B))
    assert open_bundle(tmp_path / "bundle") == first
    assert {one.cell for one in bundle(tmp_path, said, planned(B)).cells} == {A, B}, (
        "the same command goes on"
    )


def test_a_damaged_bundle_is_made_again_and_not_added_to(tmp_path: Path, said: list[str]) -> None:
    first = bundle(tmp_path, said, planned(A))
    cut = blob_path(first.root, first.caches[A].digest)
    cut.write_bytes(b"cut")
    with pytest.raises(UsageError, match="1 files of the bundle are missing or damaged") as refused:
        bundle(tmp_path, said, planned(B))
    assert refused.value.found == A
    assert f"bundle {A} {B} --out {first.root}" in str(refused.value.remedy)
    both = bundle(tmp_path, said, planned(A), planned(B))
    assert open_bundle(first.root) == both


def test_cells_on_another_base_image_are_not_mixed(tmp_path: Path, said: list[str]) -> None:
    first = bundle(tmp_path, said, planned(A))
    (tmp_path / "base.txt").write_text("2")
    with pytest.raises(UsageError, match="another base image under the same name") as refused:
        bundle(tmp_path, said, planned(B))
    assert A in str(refused.value.found)
    assert open_bundle(first.root) == first
    assert bundle(tmp_path, said, planned(A)).bases != first.bases, "made whole anew, it takes the new one"


def test_a_bundle_of_another_kind_of_machine_or_version_is_not_added_to(
    tmp_path: Path, said: list[str]
) -> None:
    first = bundle(tmp_path, said, planned(A))
    with pytest.raises(UsageError, match="another kind of machine"):
        bundle(tmp_path, said, planned(B), platform="linux/arm64")
    (first.root / RECORD).write_text('{"schema": "mlperf-bake/bundle/9"}')
    with pytest.raises(UsageError, match="cannot be added to") as refused:
        bundle(tmp_path, said, planned(B))
    assert (refused.value.found, (first.root / RECORD).exists()) == ("mlperf-bake/bundle/9", True)


def failure(cell: str, message: str) -> BuildFailure:
    return BuildFailure(cell, "", "", "D", 0, None, message, "", (), Path("log"), "again")


@pytest.mark.parametrize("no_cache", [False, True])
def test_cells_whose_cache_the_engine_lost_are_made_anew_once(
    no_cache: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], bool]] = []

    def build_images(
        images: Sequence[PlannedImage], engine: object, options: BuildOptions, **_: object
    ) -> BuildReport:
        asked.append(([image.cell_id for image in images], options.no_cache))
        lost = not options.no_cache or no_cache
        place = Path(options.output.cache_to[0].place)
        for image in images:
            for name in (image.cell_id, SHARED):
                Layout(place / name).set_top(Descriptor("m", "sha256:" + "a" * 64, 1))
        return BuildReport((), (failure(B, CACHE_LOST),) if lost else (), ())

    monkeypatch.setattr(make, "build_images", build_images)
    options = BuildOptions(checkout=tmp_path, state=tmp_path, no_cache=no_cache)
    (tmp_path / "blobs").mkdir()
    said: list[str] = []
    parts = ([planned(A), planned(B)], tmp_path, tmp_path / ".work", ENGINE, options, said.append)
    if no_cache:
        with pytest.raises(BuildFailed):
            make._build(*parts)
        assert asked == [([A, B], True)]
    else:
        assert set(make._build(*parts)) == {A, B, SHARED}
        assert asked == [([A, B], False), ([B], True)]
        assert said == [f"{CACHE_LOST}: every step of {B} is done anew"]


def test_a_cell_that_cannot_be_built_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = BuildReport((), (failure(A, "the command failed"), failure(B, CACHE_LOST)), ())
    monkeypatch.setattr(make, "build_images", lambda *_, **__: report)
    options = BuildOptions(checkout=tmp_path, state=tmp_path)
    (tmp_path / "blobs").mkdir()
    with pytest.raises(BuildFailed, match="2 of 2"):
        make._build([planned(A), planned(B)], tmp_path, tmp_path / ".work", ENGINE, options, print)
