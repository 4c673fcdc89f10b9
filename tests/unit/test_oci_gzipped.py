"""Gzip on several threads: what any gzip reads, and the same bytes whatever the number of threads."""

import gzip
import io
import random
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlperf_bake.oci.gzipped import CHUNK, chunks, write_gzip


def gzipped(content: bytes, threads: int = 2, piece: int = 70_001) -> bytes:
    out = io.BytesIO()
    write_gzip((content[at : at + piece] for at in range(0, len(content), piece)), out, threads)
    return out.getvalue()


def text(size: int) -> bytes:
    """Content that compresses, of this many bytes."""
    draw = random.Random(size)
    words = [draw.randbytes(draw.randint(3, 40)) for _ in range(500)]
    return b"".join(draw.choices(words, k=size // 3 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
def test_any_gzip_reads_it(size: int) -> None:
    content = text(size)
    packed = gzipped(content)
    assert gzip.decompress(packed) == content
    member = zlib.decompressobj(31)
    assert member.decompress(packed) == content
    assert member.eof and not member.unused_data, "it is one member"


def test_threads_and_pieces_change_no_byte() -> None:
    content = text(5 * CHUNK + 3)
    assert gzipped(content, threads=1) == gzipped(content, threads=7, piece=CHUNK * 2)


def test_chunks_share_what_lies_before_them() -> None:
    noise = random.Random(1).randbytes(20_000)
    content = noise * (4 * CHUNK // len(noise))
    assert len(gzipped(content)) < len(noise) * 4, "the second chunk finds its words in the first"


def test_a_reader_that_stops_ends_the_work() -> None:
    def coming() -> Iterator[bytes]:
        yield bytes(CHUNK)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_gzip(coming(), io.BytesIO())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=9), max_size=30), st.integers(1, 10))
def test_chunks_are_the_same_content_in_pieces_of_one_size(pieces: list[bytes], size: int) -> None:
    found = list(chunks(pieces, size))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(one) == size for one in found[:-1]) and all(found)
