"""Tar files: whole results come out, and nothing else; whatever an archive does to escape or to flood is refused."""

import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlperf_bake.results.archive as archive_module
from mlperf_bake.errors import BakeError, UsageError
from mlperf_bake.results.archive import PieceStream, extract
from tests.support.synthetic_runs import RunSpec, write_run


def member(
    name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, data


def tar_of(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def unpack(tmp_path: Path, data: bytes) -> list[str]:
    into = tmp_path / "into"
    into.mkdir()
    extract(io.BytesIO(data), into, "results.tar")
    return sorted(str(path.relative_to(into)) for path in into.rglob("*") if path.is_file())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_the_files_of_a_result_come_out_whole(tmp_path: Path, mode: str) -> None:
    run = write_run(tmp_path / "made", RunSpec())
    path = tmp_path / "results.tar"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(run, arcname=f"./results/{run.name}")
    into = tmp_path / "into"
    into.mkdir()
    with path.open("rb") as file:
        extract(file, into, str(path))
    copy = into / "results" / run.name
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == {
        file.name: file.read_bytes() for file in run.iterdir()
    }


def test_only_files_of_results_are_written_and_never_partial_ones(tmp_path: Path) -> None:
    names = ["a/manifest.json", "a/mlperf_log_trace.json", "a/.bashrc", ".partial-b/manifest.json"]
    assert unpack(tmp_path, tar_of(*(member(name) for name in names))) == ["a/manifest.json"]


UNTRUSTED = {
    "parent": member("../manifest.json"),
    "parent inside": member("a/../../manifest.json"),
    "absolute": member("/etc/manifest.json"),
    "symbolic link": member("a/manifest.json", kind=tarfile.SYMTYPE, link="/etc/passwd"),
    "hard link": member("a/manifest.json", kind=tarfile.LNKTYPE, link="a/b"),
    "character device": member("a/null", kind=tarfile.CHRTYPE),
    "block device": member("a/disk", kind=tarfile.BLKTYPE),
    "pipe": member("a/pipe", kind=tarfile.FIFOTYPE),
    "backslash": member("..\\manifest.json"),
    "control character": member("a/\x1b[31m/manifest.json"),
    "too deep": member("/".join("a" * 20) + "/manifest.json"),
}


@pytest.mark.parametrize("kind", UNTRUSTED)
def test_a_member_that_is_not_to_be_trusted_is_named(tmp_path: Path, kind: str) -> None:
    info, data = UNTRUSTED[kind]
    with pytest.raises(UsageError) as raised:
        unpack(tmp_path, tar_of(member("good/manifest.json"), (info, data)))
    assert raised.value.where == f"results.tar: {info.name!r}"
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("second", ["a/manifest.json", "./a/manifest.json", "a/manifest.json/user.conf"])
def test_a_name_twice_is_refused(tmp_path: Path, second: str) -> None:
    with pytest.raises(UsageError, match="twice"):
        unpack(tmp_path, tar_of(member("a/manifest.json"), member(second)))


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MEMBER_LIMIT", 10)
    with pytest.raises(UsageError, match="too many members"):
        unpack(tmp_path, tar_of(*(member(f"a/{number}") for number in range(11))))


def test_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a/manifest.json")
    info.size = 2**50
    with pytest.raises(UsageError, match="too large"):
        unpack(tmp_path, info.tobuf(tarfile.PAX_FORMAT) + b"x" * 512)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "RATIO_FREE", 2**20)
    with pytest.raises(UsageError, match="bomb"):
        unpack(tmp_path, tar_of(member("a/zeros", bytes(2**24)), mode="w:xz"))


def test_an_endless_header_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 2**30
    with pytest.raises(UsageError, match="header is too long"):
        unpack(tmp_path, info.tobuf(tarfile.GNU_FORMAT) + b"a" * 1024)


@pytest.mark.parametrize(("data", "problem"), [(b"", "not a whole"), (b"hello" * 300, "not a whole")])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        unpack(tmp_path, data)


def test_zstd_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        unpack(tmp_path, b"\x28\xb5\x2f\xfd" + bytes(600))
    assert raised.value.remedy == "zstd -d results.tar"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_cut_in_half_is_refused(tmp_path: Path, mode: str) -> None:
    content = random.Random(1).randbytes(50_000)
    data = tar_of(member("a/manifest.json", content), member("b/manifest.json", content), mode=mode)
    with pytest.raises(UsageError):
        unpack(tmp_path, data[: len(data) // 2])


def test_pieces_of_any_size_are_read_as_one_stream() -> None:
    stream = PieceStream(iter([b"ab", b"cdefg", b"h"]))
    assert [stream.read(3), stream.read(3), stream.read(9), stream.read(1)] == [b"abc", b"def", b"gh", b""]
    assert PieceStream(iter([b"ab", b"c"])).read() == b"abc"


@settings(deadline=None)
@given(st.data())
def test_a_changed_archive_never_crashes_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    mode = data.draw(st.sampled_from(["w", "w:gz", "w:bz2", "w:xz"]))
    raw = bytearray(tar_of(member("a/manifest.json", b"{}"), member("a/user.conf", b"x" * 700), mode=mode))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    root = tmp_path_factory.mktemp("fuzz")
    into = root / "into"
    into.mkdir()
    try:
        extract(io.BytesIO(bytes(raw)), into, "t.tar")
    except BakeError as error:
        assert str(error.where).startswith("t.tar")
    assert list(root.iterdir()) == [into]
    assert {path.name for path in into.rglob("*") if path.is_file()} <= archive_module.RESULT_FILES
