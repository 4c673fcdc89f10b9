"""OCI layouts with images made by hand."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlperf_bake.oci.layout import CONFIG, MANIFEST, Descriptor, Layout

GZIPPED = "application/vnd.oci.image.layer.v1.tar+gzip"


def member(name: str, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, **more: object) -> tarfile.TarInfo:
    """A member of a layer."""
    info = tarfile.TarInfo(name)
    info.mode, info.type = mode, kind
    for key, value in more.items():
        setattr(info, key, value)
    return info


def layer(files: Mapping[str, bytes], extra: Iterable[tarfile.TarInfo] = ()) -> bytes:
    """A compressed layer with these files, and members that hold nothing."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            info = member(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in extra:
            archive.addfile(info)
    return gzip.compress(stream.getvalue(), mtime=0)


def make_layout(
    root: Path,
    layers: Iterable[bytes],
    platform: str = "linux/amd64",
    config: Mapping[str, object] | None = None,
) -> Layout:
    """A layout with one image of these layers."""
    layout = Layout(root)
    contents = list(layers)
    entries = [_store(layout, content) for content in contents]
    os, _, architecture = platform.partition("/")
    rootfs = {"type": "layers", "diff_ids": list(map(_diff_id, contents))}
    configuration = layout.add(
        {"os": os, "architecture": architecture, "rootfs": rootfs, **(config or {})}, CONFIG
    )
    manifest = layout.add(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": configuration.json(),
            "layers": [entry.json() for entry in entries],
        },
        MANIFEST,
    )
    layout.index([Descriptor(MANIFEST, manifest.digest, manifest.size, platform)])
    return layout


def _store(layout: Layout, content: bytes) -> Descriptor:
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    file = layout.blob(digest)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return Descriptor(GZIPPED, digest, len(content))


def _diff_id(layer: bytes) -> str:
    """The digest of a layer's content; of one that is no gzip file, on purpose, that of the file."""
    content = gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer
    return "sha256:" + hashlib.sha256(content).hexdigest()


def statements(layout: Layout) -> dict[str, object]:
    """Predicate type to predicate, of all attestations."""
    found = {}
    for entry in layout.manifests():
        if entry.is_attestation:
            for blob in layout.image(entry).layers:
                value = json.loads(layout.blob(blob.digest).read_bytes())
                found[value["predicateType"]] = value["predicate"]
    return found
