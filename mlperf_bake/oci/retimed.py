"""An image in which nothing is younger than a given time: what it holds then depends on its content alone.

BuildKit's own way, ``rewrite-timestamp``, compresses every layer anew on one thread, those of a base image made here too.
Here the layers of the base image stay as they are, its blobs those that everybody has: the fingerprint fixes them.
"""

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from mlperf_bake.errors import UsageError
from mlperf_bake.oci.gzipped import write_gzip
from mlperf_bake.oci.layout import (
    CONFIG,
    INDEXES,
    MANIFEST,
    REFERENCE_DIGEST,
    STATEMENT,
    Descriptor,
    Layout,
    subject,
)
from mlperf_bake.oci.tar_times import clamped

GZIPPED = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN = ("application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar")
REWRITTEN = "buildkit/rewritten-timestamp"
"""BuildKit's own annotation of layers whose times were set to what it says."""

_PIECE = 1 << 20


def retime(layout: Layout, epoch: int, own: int, require_going: Callable[[], None] = lambda: None) -> str:
    """Sets every time after ``epoch`` in the layers of each image to it, and what the layers' digests are part of; returns
    the digest of the layout's new top.

    Args:
        layout: as a build left it; its blobs are replaced.
        epoch: seconds since 1970.
        own: how many layers of each image, counted from the highest, are not those of the base image.
        require_going: called between pieces of a layer; what it raises ends the work.

    Errors:
        UsageError: the layout is damaged.
    """
    entries = list(layout.manifests())
    before = {blob.digest for entry in entries for blob in (entry, *layout.blobs_of(entry))}
    before.add(layout.top.digest)
    moved: dict[str, Descriptor] = {}
    for entry in entries:
        if not entry.is_attestation:
            moved[entry.digest] = _image(layout, entry, epoch, own, require_going)
    entries = [
        moved[entry.digest]
        if entry.digest in moved
        else _attestation(layout, entry, moved[dict(entry.annotations)[REFERENCE_DIGEST]])
        for entry in entries
    ]
    if layout.top.media_type in INDEXES:
        layout.index(entries)
    else:
        layout.set_top(entries[0])
    after = {blob.digest for entry in entries for blob in (entry, *layout.blobs_of(entry))}
    for digest in before - after - {layout.top.digest}:
        layout.blob(digest).unlink(missing_ok=True)
    return layout.top.digest


def _image(
    layout: Layout, entry: Descriptor, epoch: int, own: int, require_going: Callable[[], None]
) -> Descriptor:
    image = layout.image(entry)
    config = layout.read(image.config)
    try:
        diff_ids = list(config["rootfs"]["diff_ids"])
        pairs = list(zip(image.layers, diff_ids, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            "a blob of the layout is damaged",
            where=str(layout.blob(image.config.digest)),
            found="an image's configuration",
            expected=f"rootfs.diff_ids of {len(image.layers)} layers",
        ) from error
    of_base = len(pairs) - own
    done = [
        pair
        if number < of_base and pair[0].media_type not in PLAIN
        else _layer(layout, pair[0], epoch, require_going)
        for number, pair in enumerate(pairs)
    ]
    config["rootfs"]["diff_ids"] = [diff_id for _, diff_id in done]
    value = layout.read(entry)
    value["config"] = layout.add(config, image.config.media_type or CONFIG).json()
    value["layers"] = [layer.json() for layer, _ in done]
    added = layout.add(value, entry.media_type or MANIFEST)
    return replace(entry, digest=added.digest, size=added.size)


def _attestation(layout: Layout, entry: Descriptor, image: Descriptor) -> Descriptor:
    """The statements about an image that was retimed, about what it is now."""
    statements = []
    for one in layout.image(entry).layers:
        value: dict[str, Any] = {**layout.read(one), "subject": subject(image)}
        added = layout.add(value, STATEMENT)
        statements.append(replace(one, digest=added.digest, size=added.size))
    return layout.attestation(statements, image)


def _layer(
    layout: Layout, layer: Descriptor, epoch: int, require_going: Callable[[], None]
) -> tuple[Descriptor, str]:
    """The layer retimed and compressed, and the digest of its content."""
    content = hashlib.sha256()

    def through() -> Iterator[bytes]:
        with layout.blob(layer.digest).open("rb") as file:
            checked = _Hashed(file)
            for piece in clamped(_unpacked(checked, layer), epoch):
                require_going()
                content.update(piece)
                yield piece
            while checked.read(_PIECE):
                pass
            if checked.digest != layer.digest:
                raise _damaged(layout, layer, checked.digest)

    with tempfile.NamedTemporaryFile(dir=layout.root) as partial:
        written = _Hashed(partial.file)
        try:
            write_gzip(through(), written)
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(layout, layer, str(error)) from error
        partial.flush()
        size = partial.tell()
        Path(partial.name).chmod(0o644)
        file = layout.blob(written.digest)
        file.unlink(missing_ok=True)  # another layer's, of the same content
        os.link(partial.name, file)
    annotations = tuple(sorted({**dict(layer.annotations), REWRITTEN: str(epoch)}.items()))
    return Descriptor(GZIPPED, written.digest, size, annotations=annotations), f"sha256:{content.hexdigest()}"


class _Hashed:
    """A file whose bytes are counted into a digest as they are read or written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return f"sha256:{self._sha256.hexdigest()}"

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._sha256.update(piece)
        return piece

    def write(self, piece: bytes) -> int:
        self._sha256.update(piece)
        return self._file.write(piece)


def _unpacked(file: _Hashed, layer: Descriptor) -> IO[bytes]:
    if layer.media_type in PLAIN:
        return cast(IO[bytes], file)
    if layer.media_type.endswith(("+gzip", ".gzip")):
        return cast(IO[bytes], gzip.GzipFile(fileobj=cast(IO[bytes], file), mode="rb"))
    raise UsageError(
        "a layer cannot be read",
        where=layer.digest,
        found=layer.media_type,
        expected="a tar file, plain or compressed with gzip",
    )


def _damaged(layout: Layout, layer: Descriptor, found: str) -> UsageError:
    return UsageError(
        "a blob of the layout is damaged",
        where=str(layout.blob(layer.digest)),
        found=found,
        expected=layer.digest,
    )
