"""Times in a tar stream: none after the given one, and nothing else changed."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.oci.tar_times import BLOCK, clamped

EPOCH = 315532800
LATER = 1_790_000_000


def archive(
    form: int = tarfile.PAX_FORMAT,
    time: float = LATER,
    name: str = "opt/file",
    pax: dict[str, str] | None = None,
) -> bytes:
    """A directory, a file, a link and a device in one of tar's forms."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for kind in (tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"{name}-{kind.decode()}")
            info.type, info.mtime, info.mode, info.uid = kind, time, 0o751, 65532
            info.linkname = "elsewhere" if kind == tarfile.SYMTYPE else ""
            info.pax_headers = dict(pax or {})
            content = b"\0content" * 100 if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def retimed(content: bytes, epoch: int = EPOCH) -> bytes:
    return b"".join(clamped(io.BytesIO(content), epoch))


def listed(content: bytes) -> list[tuple[object, ...]]:
    """All that is told of each member but its times."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [
            (
                one.name,
                one.type,
                one.mode,
                one.uid,
                one.linkname,
                one.size,
                (tar.extractfile(one) or io.BytesIO()).read() if one.isreg() else b"",
            )
            for one in tar
        ]


def times(content: bytes) -> set[float]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {one.mtime for one in tar}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["opt/file", "opt/" + "long/" * 40 + "näme"])
def test_every_form_of_tar_keeps_all_but_its_times(form: int, name: str) -> None:
    if form == tarfile.USTAR_FORMAT:
        name = name.replace("long/" * 40, "long/" * 20)
    before = archive(form, name=name)
    after = retimed(before)
    assert times(after) == {EPOCH} and times(before) == {LATER}
    assert listed(after) == listed(before)


def test_times_with_fractions_lie_in_records_and_go_too() -> None:
    before = archive(time=LATER + 0.25, pax={"atime": f"{LATER}.5", "SCHILY.xattr.user.x": "kept"})
    after = retimed(before)
    assert times(after) == {EPOCH} and listed(after) == listed(before)
    with tarfile.open(fileobj=io.BytesIO(after)) as tar:
        assert {(one.pax_headers["atime"], one.pax_headers["SCHILY.xattr.user.x"]) for one in tar} == {
            (str(EPOCH), "kept")
        }


def test_what_is_older_stays_to_the_byte() -> None:
    before = archive(time=EPOCH - 10.5, pax={"atime": "1.5"})
    assert retimed(before) == before


def test_two_streams_that_differ_in_times_alone_become_one() -> None:
    assert retimed(archive(time=LATER)) == retimed(archive(time=LATER + 86_400))


def test_a_gnu_headers_own_times_go_and_a_ustar_prefix_stays() -> None:
    header = bytearray(archive(tarfile.GNU_FORMAT)[:BLOCK])
    header[345:357] = header[357:369] = b"%011o\0" % LATER
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    found = retimed(bytes(header))
    assert found[345:357] == found[357:369] == b"%011o\0" % EPOCH
    prefixed = archive(tarfile.USTAR_FORMAT, name="7" * 80 + "/" + "7" * 60)[:BLOCK]
    assert retimed(prefixed)[345:500] == prefixed[345:500] != bytes(155)


def test_a_file_of_more_than_a_header_can_tell_is_measured_by_its_record() -> None:
    """Of 8 GiB and more the header says 0, as Go writes it; here a small file is told that way."""
    small = archive(pax={"size": "800"})
    content = bytearray(small)
    at = small.index(b"opt/file-0")
    assert content[at + 124 : at + 136] == b"%011o\0" % 800
    content[at + 124 : at + 136] = b"%011o\0" % 0
    found = retimed(bytes(content))
    assert len(found) == len(content) and found[at + BLOCK :][:800] == b"\0content" * 100


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive()[:300], "in the middle of a header"),
        (archive(tarfile.USTAR_FORMAT)[: 2 * BLOCK + 100], "in the middle of a member"),
        (b"\xff" * 64 + b"no tar file" * 100, "a header that is none"),
        (archive(time=0.5).replace(b" mtime=0.5", b" mtime=abc"), "a time of an extended header"),
        (archive(time=0.5).replace(b"13 mtime=0.5", b"xx mtime=0.5"), "a record of an extended header"),
    ],
)
def test_what_is_no_whole_tar_stream_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        retimed(content)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_are_rewritten_or_refused(content: bytes) -> None:
    try:
        found = retimed(content)
    except UsageError:
        return
    assert len(found) == len(content) or b"=" in content
