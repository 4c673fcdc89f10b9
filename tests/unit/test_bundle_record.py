"""A bundle's record: whole or refused by the names of its files."""

import hashlib
import json
from pathlib import Path

import pytest

from mlperf_bake.bundle.make import remove_damaged
from mlperf_bake.bundle.record import (
    RECORD,
    Bundle,
    BundledBase,
    BundledCell,
    blob_path,
    open_bundle,
    reachable,
    write_bundle,
)
from mlperf_bake.bundle.use import bundled_cache, farm_of, offline_overrides, require_bundled
from mlperf_bake.errors import UsageError
from mlperf_bake.oci.layout import Descriptor, Layout
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.planner import Overrides
from tests.support.layouts import layer, make_layout

CELL = "net-cpp-onnxruntime-cpu-debian12"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A whole bundle with one base image of one layer, which is also its cache."""
    root = tmp_path / "bundle"
    layout = make_layout(root, [layer({"x": b"1"})])
    top = layout.top
    for name in ("index.json", "oci-layout"):
        (root / name).unlink()
    made = Bundle(
        root=root,
        revision="c0ffee",
        build_platform="linux/amd64",
        cells=(BundledCell(CELL, "linux/amd64", "sha256:" + "a" * 64),),
        bases=(BundledBase("debian12", "linux/amd64", "debian:1", True, top),),
        caches={CELL: top},
        blobs=reachable(Layout(root), [top]),
    )
    write_bundle(made)
    return made


def planned(cell: str = CELL, fingerprint: str = "sha256:" + "a" * 64) -> PlannedImage:
    return PlannedImage(cell, ("FROM base\n",), "d", "linux/amd64", fingerprint, (), ("t:1",), (), (), ())


def test_a_bundle_is_what_was_written(bundle: Bundle) -> None:
    assert open_bundle(bundle.root) == bundle
    assert len(bundle.blobs) == 4, "index, manifest, configuration, layer"


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda file: file.unlink(), "missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:-3]), " bytes"),
        (lambda file: file.write_bytes(bytes(file.stat().st_size)), "another checksum"),
    ],
)
def test_a_half_downloaded_bundle_is_refused_by_the_name_of_the_file(
    harm: object, fault: str, bundle: Bundle
) -> None:
    assert callable(harm)
    digest = sorted(bundle.blobs)[0]
    harm(blob_path(bundle.root, digest))
    with pytest.raises(UsageError, match="1 of its 4 files are missing or damaged") as refused:
        open_bundle(bundle.root)
    assert f"blobs/sha256/{digest.removeprefix('sha256:')}: " in str(refused.value)
    assert fault in str(refused.value) and f"bundle {CELL} --out" in str(refused.value)


def test_a_bundle_without_its_last_file_is_refused(bundle: Bundle) -> None:
    (bundle.root / RECORD).unlink()
    with pytest.raises(UsageError, match="no whole bundle") as refused:
        open_bundle(bundle.root)
    assert str(bundle.root / RECORD) in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "mlperf-bake/bundle/2"}',
        '{"schema": "mlperf-bake/bundle/1", "revision": 1}',
    ],
)
def test_what_is_no_bundle_is_refused(text: str, bundle: Bundle) -> None:
    (bundle.root / RECORD).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        open_bundle(bundle.root)


@pytest.mark.parametrize(
    ("key", "name"),
    [("blobs", "sha256:../../../etc/passwd"), ("caches", "../../../stolen"), ("caches", "/tmp/stolen")],
)
def test_a_bundle_names_no_file_outside_itself(key: str, name: str, bundle: Bundle) -> None:
    value = json.loads((bundle.root / RECORD).read_text(encoding="utf-8"))
    (known, *_) = value[key].values()
    value[key] = {name: known}
    (bundle.root / RECORD).write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(UsageError, match=r"(?s)not a bundle that this version reads.*mlperf-bake bundle"):
        open_bundle(bundle.root)


def test_damaged_blobs_are_removed_so_that_they_are_made_again(bundle: Bundle) -> None:
    first, *others = sorted(bundle.blobs)
    blob_path(bundle.root, first).write_bytes(b"cut")
    said: list[str] = []
    remove_damaged(bundle.root, said.append)
    assert not blob_path(bundle.root, first).exists() and len(said) == 1
    assert all(blob_path(bundle.root, digest).exists() for digest in others)


def test_a_locked_base_stands_in_without_changing_the_fingerprint(bundle: Bundle, tmp_path: Path) -> None:
    farm = tmp_path / "farm"
    overrides = offline_overrides(Overrides(), bundle, farm)
    context = overrides.bases["debian12", "linux/amd64"]
    assert context.identity is None, "the same digest is the same base"
    assert context.value == f"oci-layout://{farm.resolve()}/base-0@{bundle.bases[0].top.digest}"
    assert Layout(farm / "base-0").images(), "the layout leads into the bundle"


def test_caches_are_directories_that_lead_into_the_bundle(bundle: Bundle, tmp_path: Path) -> None:
    (place,) = bundled_cache(bundle, tmp_path / "farm")
    entry = Layout(Path(place.place) / CELL)
    assert entry.top.digest == bundle.caches[CELL].digest and entry.blob(entry.top.digest).is_file()


def test_a_directory_that_is_not_there_is_not_called_a_bundle_cut_short(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such directory"):
        open_bundle(tmp_path / "missing")
    with pytest.raises(UsageError, match="there is no whole bundle here"):
        open_bundle(tmp_path)


def test_builds_from_one_bundle_at_a_time_leave_each_other_their_layouts(
    bundle: Bundle, tmp_path: Path
) -> None:
    farm = farm_of(bundle, tmp_path / "farms")
    offline_overrides(Overrides(), bundle, farm)
    (place,) = bundled_cache(bundle, farm)
    in_use = sorted(farm.rglob("index.json"))
    numbers = [file.stat().st_ino for file in in_use]
    offline_overrides(Overrides(), bundle, farm_of(bundle, tmp_path / "farms"))
    assert bundled_cache(bundle, farm) == (place,)
    assert in_use and [file.stat().st_ino for file in in_use] == numbers, (
        "the same files, not others in their place"
    )
    assert not list(farm.rglob("*.partial"))
    record = bundle.root / RECORD
    record.write_text(record.read_text(encoding="utf-8").replace("c0ffee", "c0ffe1"), encoding="utf-8")
    assert farm_of(bundle, tmp_path / "farms") != farm, "a bundle that was added to is another one"


def test_a_cell_that_the_bundle_was_not_made_for_is_refused(bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="not made for this cell") as refused:
        require_bundled(bundle, [planned("other-cpp-openvino-cpu-debian13")], lambda line: None)
    assert CELL in str(refused.value)


def test_a_cell_that_changed_since_is_told_and_built(bundle: Bundle) -> None:
    said: list[str] = []
    require_bundled(bundle, [planned()], said.append)
    assert said == []
    require_bundled(bundle, [planned(fingerprint="sha256:" + "b" * 64)], said.append)
    assert len(said) == 1 and "made from other sources (c0ffee)" in said[0]


def test_reachable_leaves_out_platforms_that_were_never_fetched(bundle: Bundle) -> None:
    layout = Layout(bundle.root)
    digest = "sha256:" + hashlib.sha256(b"never").hexdigest()
    absent = Descriptor("application/vnd.oci.image.manifest.v1+json", digest, 5, "linux/s390x")
    top = layout.index([*map_entries(layout, bundle), absent])
    assert digest not in reachable(layout, [top])


def map_entries(layout: Layout, bundle: Bundle) -> list[Descriptor]:
    layout.set_top(bundle.bases[0].top)
    return list(layout.manifests())
