"""Takes the files of results out of a tar stream that nobody vouches for.

Only regular files that belong to a result or a submission tree are written, each below the given directory. Everything else about
the archive is checked too, because what lies about its names or sizes is not to be trusted with the rest:
absolute names, ``..``, links, devices, a name twice, more members or bytes than a result can have. Each is a
``UsageError`` naming the member. Plain, gzip, bzip2 and xz archives are read, from a stream that cannot seek.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final, NoReturn, cast

from mlperf_bake.errors import DiskFull, UsageError
from mlperf_bake.unreadable import unreadable

MEMBER_LIMIT: Final = 100_000
BYTES_LIMIT: Final = 16 * 2**30
RATIO_LIMIT: Final = 200
"""Real logs shrink 5 to 40 times; beyond this, and beyond ``RATIO_FREE`` bytes, it is a bomb."""
RATIO_FREE: Final = 256 * 2**20
HEADER_LIMIT: Final = 2**20
"""The tar reader asks for more at once only for an extended header, which is never that long."""
DEPTH_LIMIT: Final = 16
PARTIAL: Final = ".partial-"
"""A directory whose name starts so is a run that was not finished (docs/contracts.md, "Result")."""

RESULT_FILES: Final = frozenset(
    {
        "manifest.json",
        "user.conf",
        "mlperf_log_summary.txt",
        "mlperf_log_detail.txt",
        "mlperf_log_accuracy.json",
    }
)
BESIDE_FILES: Final = frozenset({"accuracy.txt", "measurements.json", "README.md", "spl.txt"})
"""What other programs lay beside LoadGen's logs."""
_HOMES: Final = re.compile(r"closed|open|network|power|ranging|images|videos|TEST\d\d")
"""Directories of which every file may belong to a result: divisions of a tree, and parts of a result."""
_PIECE: Final = 2**16
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

DRAINED_AT_ONCE: Final = 1 << 20


class PieceStream(io.RawIOBase):
    """A file that reads from an iterator of bytes, as an engine sends them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; all of them if negative; none at the end."""
        parts = [self._rest]
        held = len(self._rest)
        while size < 0 or held < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            held += len(piece)
        data = b"".join(parts)
        if size < 0:
            size = len(data)
        self._rest = data[size:]
        return data[:size]


class _Packed(io.RawIOBase):
    """The archive as it came, from its first byte on; counts what was read of it."""

    def __init__(self, head: bytes, file: IO[bytes] | PieceStream) -> None:
        self._head = head
        self._file = file
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            data = self._head if size < 0 else self._head[:size]
            self._head = self._head[len(data) :]
        else:
            data = self._file.read(size)
        self.count += len(data)
        return data


class _Forward:
    """What tarfile reads from: forward only, with bounds on one read, the whole and its packed size."""

    def __init__(
        self,
        file: io.RawIOBase | io.BufferedIOBase,
        packed: _Packed,
        refuse: Callable[[str, str, str], NoReturn],
    ) -> None:
        self._file = file
        self._packed = packed
        self._refuse = refuse
        self._position = 0

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        if size > HEADER_LIMIT:
            self._refuse("a header is too long", f"{size} bytes", f"at most {HEADER_LIMIT} bytes")
        data = self._file.read(size) or b""
        while len(data) < size and (piece := self._file.read(size - len(data))):
            data += piece
        self._position += len(data)
        if self._position > BYTES_LIMIT:
            self._refuse("the archive is too large", "more", f"at most {BYTES_LIMIT} bytes")
        if self._position > RATIO_FREE and self._position > RATIO_LIMIT * max(1, self._packed.count):
            found = f"{self._position} bytes from {self._packed.count}"
            self._refuse("the archive is a bomb", found, f"at most {RATIO_LIMIT} times its packed size")
        return data

    def seek(self, position: int, whence: int = 0) -> int:
        if whence != 0 or position < self._position:
            raise tarfile.ReadError("the archive is not in order")
        while self._position < position:
            if not self.read(min(_PIECE, position - self._position)):
                raise tarfile.ReadError("unexpected end of data")
        return position


_MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


def _unpacked(head: bytes, packed: _Packed, label: str) -> io.RawIOBase | io.BufferedIOBase:
    """The tar stream inside the archive, chosen by its first bytes."""
    kind = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    if kind == "zstd":
        expected = "tar, tar.gz, tar.bz2 or tar.xz"
        raise UsageError(
            "zstd archives are not read", where=label, expected=expected, remedy=f"zstd -d {label}"
        )
    if kind == "gzip":
        return gzip.GzipFile(fileobj=packed)
    if kind == "bzip2":
        return bz2.BZ2File(packed)
    if kind == "xz":
        return lzma.LZMAFile(cast(IO[bytes], packed))
    return packed


def extract(file: IO[bytes] | PieceStream, into: Path, label: str) -> None:
    """Writes the result files of an archive below ``into``, which exists and is empty.

    Args:
        file: the archive; read once, forward.
        into: where the files go, under the names they have in the archive.
        label: what errors call the archive.

    Raises:
        UsageError: not a tar archive, cut off, or one that is not to be trusted; names the member.
        DiskFull: no room for the files.
    """

    def refuse(problem: str, found: str, expected: str) -> NoReturn:
        raise UsageError(
            problem, where=label, found=found, expected=expected, remedy="unpack it yourself and look inside"
        )

    try:
        head = file.read(6)
        packed = _Packed(head, file)
        forward = _Forward(_unpacked(head, packed, label), packed, refuse)
        with tarfile.open(fileobj=forward, mode="r:") as archive:  # type: ignore[call-overload]
            _members(archive, into, label, refuse)
        while forward.read(DRAINED_AT_ONCE):
            pass  # a packed archive's checksum stands behind tar's own end
    except (
        tarfile.TarError,
        EOFError,
        lzma.LZMAError,
        zlib.error,
        gzip.BadGzipFile,
        ValueError,
        OverflowError,
    ) as error:
        raise UsageError(
            "not a whole tar archive",
            where=label,
            found=str(error)[:200] or "nothing",
            expected="a tar file of results, plain or packed with gzip, bzip2 or xz",
            remedy="give the results directory itself, or pack it: tar -C RESULTS -cf results.tar .",
        ) from error
    except OSError as error:
        if error.errno == 28:
            raise DiskFull(
                "no room to unpack the archive", where=str(into), remedy="free space and try again"
            ) from error
        raise unreadable(
            "the archive cannot be read", Path(label), error, expected="a tar file of runs"
        ) from error


def _members(
    archive: tarfile.TarFile, into: Path, label: str, refuse: Callable[[str, str, str], NoReturn]
) -> None:
    seen: set[PurePosixPath] = set()
    total = 0
    for number, member in enumerate(archive, start=1):
        if number > MEMBER_LIMIT:
            refuse("the archive has too many members", "more", f"at most {MEMBER_LIMIT}")
        name = _safe_name(member, label)
        if member.isdir():
            continue
        if name in seen or any(parent in seen for parent in name.parents):
            raise _untrusted("a name stands in the archive twice", member, label)
        seen.add(name)
        total += member.size
        if member.size < 0 or total > BYTES_LIMIT:
            refuse(
                "the archive is too large",
                f"{total} bytes up to {member.name!r}",
                f"at most {BYTES_LIMIT} bytes",
            )
        if _belongs(name):
            _write(archive, member, into / name)


def _belongs(name: PurePosixPath) -> bool:
    """Whether a member can be part of a result or a tree."""
    if any(part.startswith(PARTIAL) for part in name.parts):
        return False
    known = name.name in RESULT_FILES or name.name in BESIDE_FILES
    return known or any(_HOMES.fullmatch(part) for part in name.parts[:-1])


def _untrusted(problem: str, member: tarfile.TarInfo, label: str) -> UsageError:
    return UsageError(
        problem,
        where=f"{label}: {member.name[:200]!r}",
        expected="directories and regular files, each once, under relative names",
        remedy="pack the results directory itself: tar -C RESULTS -cf results.tar .",
    )


def _safe_name(member: tarfile.TarInfo, label: str) -> PurePosixPath:
    """Where the member belongs below the target directory."""
    if not (member.isfile() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else "a device, a pipe or another special file"
        raise _untrusted(f"the archive holds {kind}", member, label)
    raw = member.name
    name = PurePosixPath(raw)
    if name.is_absolute() or raw.startswith("/"):
        raise _untrusted("the archive holds an absolute name", member, label)
    if ".." in name.parts or "\\" in raw or _CONTROL.search(raw):
        raise _untrusted("the archive holds a name that leads elsewhere", member, label)
    if len(name.parts) > DEPTH_LIMIT or any(
        len(part.encode("utf-8", "surrogateescape")) > 255 for part in name.parts
    ):
        raise _untrusted("the archive holds a name that is too long or too deep", member, label)
    return name


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    source = archive.extractfile(member)
    if source is None:
        raise tarfile.ReadError(f"{member.name!r} has no content")
    path.parent.mkdir(parents=True, exist_ok=True)
    left = member.size
    with path.open("xb") as target:
        while left and (piece := source.read(min(_PIECE, left))):
            target.write(piece)
            left -= len(piece)
    if left:
        raise tarfile.ReadError(f"{member.name!r} is cut off")
