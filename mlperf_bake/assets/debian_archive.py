"""Reads the files out of a Debian binary package (deb(5)), without dpkg.

A .deb is a Unix ar archive of ``debian-binary``, ``control.tar.*`` and ``data.tar.*``; the last holds the files.
"""

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mlperf_bake.errors import UsageError

MAGIC = b"!<arch>\n"
HEADER = 60  # bytes before each member of an ar archive: name 16, ..., size in decimal at 48, 10 wide


def read_debian_files(package: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    """The content of the named files, paths as installed but without the leading ``/``.

    Args:
        package: the package, or a directory that it was unpacked into.

    Raises:
        UsageError: not a Debian package, cut short, or without one of the files.
    """
    if package.is_dir():
        found = {name: (package / name).read_bytes() for name in names if (package / name).is_file()}
    else:
        found = {name: content for name, content in debian_files(package) if name in names}
    if missing := [name for name in names if name not in found]:
        raise UsageError("the Debian package lacks a file", where=str(package), expected=missing[0])
    return found


def extract_debian_files(package: Path, directory: Path) -> None:
    """Writes every regular file of the package under `directory`; links, devices and paths that leave it are not.

    Raises:
        UsageError: not a Debian package, or cut short.
    """
    for name, content in debian_files(package):
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def debian_files(package: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of each regular file. Raises as extract_debian_files."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_data_member(package))) as data:
            for member in data:
                path = PurePosixPath(member.name.removeprefix("./"))
                if member.isreg() and not path.is_absolute() and ".." not in path.parts:
                    stream = data.extractfile(member)
                    assert stream is not None  # only of members that are no regular files
                    yield str(path), stream.read()
    except (OSError, ValueError, EOFError, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise UsageError("not a readable Debian package", where=str(package), found=str(error)) from error


def _data_member(package: Path) -> bytes:
    with package.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise ValueError("no ar archive")
        while header := stream.read(HEADER):
            size = int(header[48:58])
            if header.startswith(b"data.tar"):
                data = stream.read(size)
                if len(data) < size:
                    raise ValueError(f"cut short: {len(data)} of {size} bytes of data.tar")
                return data
            stream.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("no data.tar in it")
