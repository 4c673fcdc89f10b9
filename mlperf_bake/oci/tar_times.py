"""A tar stream in which no member is younger than a given time, and all else is as it was.

Source: POSIX.1-2017, "pax Interchange Format" and "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Iterator
from typing import IO

from mlperf_bake.errors import UsageError

BLOCK = 512
PIECE = 1 << 20
RECORDS_LIMIT = 16 << 20
"""Bytes of a member's extended header that are still believable."""

_SIZE, _MTIME, _CHECKSUM = slice(124, 136), slice(136, 148), slice(148, 156)
_KIND, _MAGIC = 156, slice(257, 265)
_EXTENDED = (b"x", b"g")
_LONG_NAMES = (b"L", b"K")
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")
_GNU_MAGIC = b"ustar  \0"
_GNU_TIMES = (slice(345, 357), slice(357, 369))
_TIMES = (b"mtime", b"atime", b"ctime", b"LIBARCHIVE.creationtime")


def clamped(source: IO[bytes], epoch: int) -> Iterator[bytes]:
    """The stream's bytes, in which each time after ``epoch`` (seconds since 1970) is ``epoch``.

    Errors:
        UsageError: it is no tar stream, or ends in the middle of a member.
    """
    told_size: int | None = None  # in the extended header of the member that comes next: fields end at 8 GiB
    while header := source.read(BLOCK):
        if len(header) < BLOCK:
            raise _damaged("it ends in the middle of a header")
        if not any(header):  # the end of the archive; what follows it is padding
            yield header
            while padding := source.read(PIECE):
                yield padding
            return
        kind, size = header[_KIND : _KIND + 1], _number(header[_SIZE])
        if kind in _EXTENDED:
            if size > RECORDS_LIMIT:
                raise _damaged(f"an extended header of {size} bytes")
            records, told = _clamped_records(_exactly(source, _padded(size))[:size], epoch)
            told_size = told if kind == b"x" else told_size
            yield _header(header, epoch, len(records))
            yield records.ljust(_padded(len(records)), b"\0")
            continue
        if told_size is not None and kind not in _LONG_NAMES:
            size, told_size = told_size, None
        yield _header(header, epoch)
        left = 0 if kind in _WITHOUT_CONTENT else _padded(size)
        while left:
            piece = _exactly(source, min(left, PIECE))
            left -= len(piece)
            yield piece


def _header(header: bytes, epoch: int, size: int | None = None) -> bytes:
    found = bytearray(header)
    gnu = header[_MAGIC] == _GNU_MAGIC
    for place in (_MTIME, *(_GNU_TIMES if gnu else ())):
        if _number(header[place]) > epoch:
            found[place] = b"%011o\0" % epoch
    if size is not None:
        found[_SIZE] = b"%011o\0" % size
    if found != header:
        found[_CHECKSUM] = b" " * 8
        found[_CHECKSUM] = b"%06o\0 " % sum(found)
    return bytes(found)


def _clamped_records(records: bytes, epoch: int) -> tuple[bytes, int | None]:
    """Extended header records, each ``LENGTH KEY=VALUE`` and a line feed (the length counts itself), and the size they tell."""
    found: list[bytes] = []
    size = None
    while records:
        digits, _, _ = records.partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record, records = records[:length], records[length:]
        key, joint, value = record[len(digits) + 1 : -1].partition(b"=")
        if not joint or record[-1:] != b"\n":
            raise _damaged("a record of an extended header")
        if key == b"size" and value.isdigit():
            size = int(value)
        if key in _TIMES and _seconds(value) > epoch:
            record = _record(key, b"%d" % epoch)
        found.append(record)
    return b"".join(found), size


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" %s=%s\n" % (key, value)
    length = len(rest)
    while length != len(str(length)) + len(rest):
        length = len(str(length)) + len(rest)
    return b"%d%s" % (length, rest)


def _seconds(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        raise _damaged("a time of an extended header") from None


def _number(field: bytes) -> int:
    """A number as tar has it: octal digits, or with the highest bit set the bytes of a binary one."""
    if field[0] & 0x80:
        negative = field[0] & 0x40
        return -1 if negative else int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise _damaged("a header that is none") from None


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _exactly(source: IO[bytes], size: int) -> bytes:
    found = source.read(size)
    if len(found) < size:
        raise _damaged("it ends in the middle of a member")
    return found


def _damaged(found: str) -> UsageError:
    return UsageError("a layer is no whole tar file", found=found)
