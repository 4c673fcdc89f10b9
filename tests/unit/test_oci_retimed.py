"""A layout without a time of the machine or the day: equal content gives an equal image, and base images stay theirs."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from mlperf_bake.errors import Interrupted, UsageError
from mlperf_bake.oci.layers import members
from mlperf_bake.oci.layout import Layout
from mlperf_bake.oci.retimed import PLAIN, retime
from tests.support.layouts import make_layout, statements

EPOCH = 315532800
SLSA = "https://slsa.dev/provenance/v0.2"


def dated(name: str, time: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.mtime, info.size = time, 4
        archive.addfile(info, io.BytesIO(b"text"))
    return gzip.compress(out.getvalue(), mtime=time)


def built(root: Path, time: int) -> Layout:
    """A base layer and two of the image's own, with provenance as BuildKit leaves it: about nothing."""
    layout = make_layout(root, [dated("base", 1_700_000_000), dated("lib", time), dated("bin", time)])
    (image,) = layout.images()
    layout.attest([(SLSA, {"started": time})], image.manifest)
    return layout


def test_builds_of_different_days_are_one_image(tmp_path: Path) -> None:
    first, second = built(tmp_path / "first", 1_790_000_000), built(tmp_path / "second", 1_790_086_400)
    base = first.images()[0].layers[0]
    assert first.images()[0].manifest.digest != second.images()[0].manifest.digest
    tops = [retime(layout, EPOCH, own=2) for layout in (first, second)]
    (one,), (other,) = first.images(), second.images()
    assert one == other and one.layers[0] == base, "the base image's layer stays as everybody has it"
    assert tops == [first.top.digest, second.top.digest]
    found = [member.mtime for layer in one.layers for member, _ in members(first, layer)]
    assert found == [1_700_000_000, EPOCH, EPOCH]
    assert dict(one.layers[1].annotations) == {"buildkit/rewritten-timestamp": str(EPOCH)}


def test_a_configuration_tells_the_layers_that_are_there(tmp_path: Path) -> None:
    layout = built(tmp_path / "layout", 1_790_000_000)
    retime(layout, EPOCH, own=2)
    (image,) = layout.images()
    contents = [gzip.decompress(layout.blob(layer.digest).read_bytes()) for layer in image.layers]
    diff_ids = ["sha256:" + hashlib.sha256(content).hexdigest() for content in contents]
    assert layout.read(image.config)["rootfs"]["diff_ids"] == diff_ids


def test_provenance_is_about_the_image_as_it_is_now(tmp_path: Path) -> None:
    layout = built(tmp_path / "layout", 1_790_000_000)
    retime(layout, EPOCH, own=2)
    image, attestation = layout.manifests()
    assert dict(attestation.annotations)["vnd.docker.reference.digest"] == image.digest
    (statement,) = layout.image(attestation).layers
    (subject,) = json.loads(layout.blob(statement.digest).read_bytes())["subject"]
    assert subject["digest"] == {"sha256": image.digest.removeprefix("sha256:")}
    assert statements(layout) == {SLSA: {"started": 1_790_000_000}}


def test_nothing_of_the_image_before_is_left(tmp_path: Path) -> None:
    layout = built(tmp_path / "layout", 1_790_000_000)
    retime(layout, EPOCH, own=2)
    named = {layout.top.digest} | {
        blob.digest for entry in layout.manifests() for blob in (entry, *layout.blobs_of(entry))
    }
    lying = {f"sha256:{file.name}" for file in (tmp_path / "layout" / "blobs" / "sha256").iterdir()}
    assert named <= lying and len(lying - named) <= 4, "only small documents of earlier indexes"
    assert not [file for file in (tmp_path / "layout").iterdir() if file.name.startswith("tmp")]


@pytest.mark.parametrize("own", [3, 99])
def test_an_image_without_a_base_is_retimed_whole(own: int, tmp_path: Path) -> None:
    layout = built(tmp_path / "layout", 1_790_000_000)
    retime(layout, EPOCH, own)
    (image,) = layout.images()
    assert {member.mtime for layer in image.layers for member, _ in members(layout, layer)} == {EPOCH}


def test_a_base_layer_that_nobody_compressed_is_compressed(tmp_path: Path) -> None:
    layout = built(tmp_path / "layout", 1_790_000_000)
    image, _ = layout.manifests()
    value = layout.read(image)
    content = gzip.decompress(layout.blob(value["layers"][0]["digest"]).read_bytes())
    plain = layout.add({}, PLAIN[0])
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    layout.blob(digest).write_bytes(content)
    value["layers"][0] = {"mediaType": plain.media_type, "digest": digest, "size": len(content)}
    changed = layout.add(value, image.media_type)
    layout.index([changed])
    retime(layout, EPOCH, own=2)
    (found,) = layout.images()
    assert found.layers[0].media_type.endswith("+gzip")


def test_a_damaged_layer_is_told(tmp_path: Path) -> None:
    layout = built(tmp_path / "layout", 1_790_000_000)
    own = layout.images()[0].layers[2]
    file = layout.blob(own.digest)
    file.write_bytes(dated("bin", 1_790_000_001))
    with pytest.raises(UsageError, match="damaged") as failure:
        retime(layout, EPOCH, own=2)
    assert own.digest in str(failure.value)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UsageError, match="damaged"):
        retime(layout, EPOCH, own=2)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        raise Interrupted("enough")

    layout = built(tmp_path / "layout", 1_790_000_000)
    before = layout.top
    with pytest.raises(Interrupted):
        retime(layout, EPOCH, 2, stop)
    assert layout.top == before
