"""What lies in the layers of an image, read as a stream; nothing is unpacked, so no path can lead anywhere."""

import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mlperf_bake.errors import UsageError
from mlperf_bake.oci.layout import Descriptor, Layout

WHITEOUT = ".wh."


def members(layout: Layout, layer: Descriptor) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each member of a layer, its path without a leading ``./`` or ``/``; with its content where it is a file.

    A content must be read before the next member is asked for.

    Errors:
        UsageError: the layer is compressed with something else than gzip, or damaged.
    """
    return archive_members(layout.blob(layer.digest))


def archive_members(file: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """The same of a tar file, plain or compressed."""
    try:
        with tarfile.open(file, mode="r|*") as archive:
            for member in archive:
                member.name = member.name.removeprefix("./").lstrip("/").rstrip("/")
                yield member, archive.extractfile(member) if member.isreg() else None
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise UsageError(
            "a layer cannot be read",
            where=str(file),
            found=str(error),
            expected="a tar file, plain or compressed with gzip, bzip2 or xz",
        ) from error


def content_sha256(stream: IO[bytes]) -> str:
    """The SHA-256 of what a stream still holds, 64 hex digits."""
    digest = hashlib.sha256()
    while block := stream.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
