"""Debian packages are read whole or refused, and nothing in one can reach outside the directory."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.assets.debian_archive import MAGIC, extract_debian_files, read_debian_files
from mlperf_bake.errors import UsageError
from tests.support.debian_package import member, package


@pytest.mark.parametrize("compression", ["xz", "gz", "bz2"])
def test_named_files_are_read(tmp_path: Path, compression: str) -> None:
    deb = tmp_path / "a.deb"
    deb.write_bytes(package({"./usr/share/a": b"A", "./usr/share/b": b"B" * 1000}, compression))
    assert read_debian_files(deb, ("usr/share/b",)) == {"usr/share/b": b"B" * 1000}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    deb = tmp_path / "a.deb"
    deb.write_bytes(package({"./usr/share/a": b"A"}))
    with pytest.raises(UsageError, match="lacks a file") as refusal:
        read_debian_files(deb, ("usr/share/other",))
    assert "usr/share/other" in str(refusal.value)


def test_nothing_is_written_outside_the_directory(tmp_path: Path) -> None:
    link, device = tarfile.TarInfo("./link"), tarfile.TarInfo("./device")
    link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
    deb = tmp_path / "a.deb"
    deb.write_bytes(
        package({"../escaped": b"x", "/absolute": b"x", "./in/side": b"in"}, extra=(link, device))
    )
    extract_debian_files(deb, tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] in (
        ["a.deb", "out/in/side"],
        ["out/in/side", "a.deb"],
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"in"}


def test_a_file_that_is_no_package_is_refused(tmp_path: Path) -> None:
    deb = tmp_path / "a.deb"
    for content in (b"", b"no package", MAGIC, MAGIC + member("debian-binary", b"2.0\n")):
        deb.write_bytes(content)
        with pytest.raises(UsageError, match="not a readable Debian package"):
            read_debian_files(deb, ("a",))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_a_package_cut_anywhere_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = package({"./usr/share/a": bytes(range(256)) * 40})
    length = data.draw(st.integers(0, len(whole) - 2))
    deb = tmp_path / "a.deb"
    deb.write_bytes(whole[:length])
    with pytest.raises(UsageError):
        read_debian_files(deb, ("usr/share/a",))
