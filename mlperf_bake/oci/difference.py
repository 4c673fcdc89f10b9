"""What differs between two images that should be the same: their configuration, and which file of which layer in what."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from mlperf_bake.oci.layers import content_sha256, members
from mlperf_bake.oci.layout import Descriptor, Image, Layout

GONE = "missing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Attributes:
        where: ``configuration``, or ``layer 3 (COPY ...)`` counted from 1.
        what: a key of the configuration, or a path in the layer.
        first, second: the two values, ``missing`` where there is none.
    """

    where: str
    what: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.first} != {self.second}"


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    mode: str
    owner: str
    time: int
    size: int
    link: str
    sha256: str


def differences(first: Layout, second: Layout) -> Iterator[Difference]:
    """What differs between the images of two layouts; attestations are records of a build and left out.

    Errors:
        UsageError: a layout is damaged.
    """
    for one, other in zip_longest(first.images(), second.images()):
        if one is None or other is None:
            platforms = [image.manifest.platform if image else GONE for image in (one, other)]
            yield Difference("index", "image", *platforms)
        elif one.manifest.digest != other.manifest.digest:
            yield from _of_images(first, one, second, other)


def _of_images(first: Layout, one: Image, second: Layout, other: Image) -> Iterator[Difference]:
    config, other_config = first.read(one.config), second.read(other.config)
    yield from _of_configurations(config, other_config)
    steps = _steps(config)
    for number, (layer, twin) in enumerate(zip_longest(one.layers, other.layers), 1):
        step = steps[number - 1] if number <= len(steps) else ""
        where = f"layer {number} ({step})" if step else f"layer {number}"
        if layer is None or twin is None:
            yield Difference(where, "layer", *(entry.digest if entry else GONE for entry in (layer, twin)))
        elif layer.digest != twin.digest:
            in_files = list(_of_layers(where, first, layer, second, twin))
            yield from in_files or [Difference(where, "order or compression", layer.digest, twin.digest)]
    if config == other_config and one.layers == other.layers:
        yield Difference("manifest", "digest", one.manifest.digest, other.manifest.digest)


def _of_configurations(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    """Differing keys; the digests of the layers are told by layer."""
    for key in sorted((one.keys() | other.keys()) - {"rootfs"}):
        if one.get(key) != other.get(key):
            yield Difference("configuration", key, _shown(one.get(key, GONE)), _shown(other.get(key, GONE)))


def _of_layers(
    where: str, first: Layout, layer: Descriptor, second: Layout, twin: Descriptor
) -> Iterator[Difference]:
    entries, others = _entries(first, layer), _entries(second, twin)
    for path in sorted(entries.keys() | others.keys()):
        one, other = entries.get(path), others.get(path)
        if one is None or other is None:
            yield Difference(where, path, *(GONE if entry is None else entry.kind for entry in (one, other)))
            continue
        for field in _Entry.__slots__:
            left, right = getattr(one, field), getattr(other, field)
            if left != right:
                yield Difference(where, f"{path}: {field}", str(left), str(right))


def _entries(layout: Layout, layer: Descriptor) -> dict[str, _Entry]:
    found = {}
    for member, content in members(layout, layer):
        found[member.name] = _Entry(
            kind=_KINDS.get(member.type, repr(member.type)),
            mode=f"{member.mode:04o}",
            owner=f"{member.uid}:{member.gid}",
            time=int(member.mtime),
            size=member.size,
            link=member.linkname,
            sha256=content_sha256(content) if content is not None else "",
        )
    return found


_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
}


def _steps(config: Mapping[str, Any]) -> list[str]:
    """What made each layer, as the history says."""
    history = config.get("history") or []
    return [str(entry.get("created_by", ""))[:60] for entry in history if not entry.get("empty_layer")]


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
