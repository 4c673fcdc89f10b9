"""Packages come through the user's own pip and apt, are the locked ones, and run no code of theirs."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from mlperf_bake.assets.fetch import fetch, verified
from mlperf_bake.assets.pip_download import _wheel_tags
from mlperf_bake.assets.sources import DebianPackage, PypiFile
from mlperf_bake.cache.store import Cache, ChecksumMismatch
from mlperf_bake.errors import DiskFull, UsageError

WHEEL = "bake_probe-1.0-py3-none-any.whl"
SDIST = "bake_probe-1.0.tar.gz"


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that pip takes for its only index."""
    directory = tmp_path / "index"
    directory.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return directory


def write_wheel(index: Path) -> Path:
    file = index / WHEEL
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("bake_probe.py", "")
        wheel.writestr(
            "bake_probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: bake-probe\nVersion: 1.0\n"
        )
        wheel.writestr("bake_probe-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("bake_probe-1.0.dist-info/RECORD", "")
    return file


def write_sdist(index: Path, canary: Path, backend: str | None) -> Path:
    """A source archive whose setup.py, if it ran, would leave `canary` behind."""
    contents = {
        "setup.py": f"open({str(canary)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='bake-probe')\n"
    }
    if backend is not None:
        contents["pyproject.toml"] = (
            f'[build-system]\nrequires = ["nothing-like-it"]\nbuild-backend = "{backend}"\n'
        )
    contents["PKG-INFO"] = "Metadata-Version: 2.1\nName: bake-probe\nVersion: 1.0\n"
    file = index / SDIST
    with tarfile.open(file, "w:gz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(f"bake_probe-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return file


def test_a_wheel_is_fetched_by_pip(index: Path, tmp_path: Path) -> None:
    wheel = write_wheel(index)
    source = PypiFile("bake-probe", "1.0", WHEEL, sha256(wheel))
    assert fetch(source, Cache(tmp_path / "cache")).read_bytes() == wheel.read_bytes()


def test_a_wheel_that_is_not_the_locked_one_is_refused_with_both_sums(index: Path, tmp_path: Path) -> None:
    wheel = write_wheel(index)
    with pytest.raises(ChecksumMismatch) as refusal:
        fetch(PypiFile("bake-probe", "1.0", WHEEL, "0" * 64), Cache(tmp_path / "cache"))
    assert sha256(wheel) in str(refusal.value)
    assert "0" * 64 in str(refusal.value)


@pytest.mark.usefixtures("index")
def test_a_missing_wheel_is_told_in_pips_words_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pip could not download") as refusal:
        fetch(PypiFile("bake-probe", "1.0", WHEEL, "0" * 64), Cache(tmp_path / "cache"))
    assert "No matching distribution" in str(refusal.value)
    assert f"--from {WHEEL}" in str(refusal.value)


@pytest.mark.parametrize("backend", ["setuptools.build_meta", "setuptools.build_meta:__legacy__", None])
def test_fetching_a_source_archive_runs_none_of_its_code(
    index: Path, tmp_path: Path, backend: str | None
) -> None:
    canary = tmp_path / "canary"
    archive = write_sdist(index, canary, backend)
    source = PypiFile("bake-probe", "1.0", SDIST, sha256(archive))
    assert fetch(source, Cache(tmp_path / "cache")).read_bytes() == archive.read_bytes()
    assert not canary.exists()


def test_a_source_archive_with_an_unknown_backend_is_refused(index: Path, tmp_path: Path) -> None:
    archive = write_sdist(index, tmp_path / "canary", "a_backend_nobody_has.build")
    with pytest.raises(UsageError, match="pip could not download"):
        fetch(PypiFile("bake-probe", "1.0", SDIST, sha256(archive)), Cache(tmp_path / "cache"))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("a-1-py3-none-any.whl", []),
        ("a-1-py2.py3-none-any.whl", []),
        (
            "a-1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            [
                "--platform=manylinux_2_27_x86_64",
                "--platform=manylinux_2_28_x86_64",
                "--implementation=cp",
                "--python-version=3.12",
                "--abi=cp312",
            ],
        ),
        (
            "a-1-cp310-abi3-manylinux2014_aarch64.whl",
            [
                "--platform=manylinux2014_aarch64",
                "--implementation=cp",
                "--python-version=3.10",
                "--abi=abi3",
            ],
        ),
        ("a-1-py3-none-manylinux_2_28_x86_64.whl", ["--platform=manylinux_2_28_x86_64"]),
    ],
)
def test_pip_is_asked_for_the_wheels_own_platform(file: str, options: list[str]) -> None:
    assert _wheel_tags(file) == options


def test_without_apt_the_user_is_told_to_bring_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = DebianPackage("some-data", "1:2.0-1", "all", "0" * 64)
    with pytest.raises(UsageError, match="no apt") as refusal:
        fetch(source, Cache(tmp_path / "cache"))
    assert "--from some-data_1%3a2.0-1_all.deb" in str(refusal.value)


def test_apts_refusal_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(
        "#!/bin/sh\necho 'W: noise' >&2\necho 'E: Unable to locate package some-data' >&2\nexit 100\n"
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(UsageError, match="apt could not download") as refusal:
        fetch(DebianPackage("some-data", "1", "all", "0" * 64), Cache(tmp_path / "cache"))
    assert "Unable to locate package some-data" in str(refusal.value)
    assert "apt-get update" in str(refusal.value)


def test_a_disk_that_fills_up_during_a_download_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: Failed to fetch it: No space left on device' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DiskFull, match="no room left"):
        fetch(DebianPackage("some-data", "1", "all", "0" * 64), Cache(tmp_path / "cache"))


def test_a_package_from_apt_is_checked_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\nprintf content > some-data_1_all.deb\n")
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    good = DebianPackage("some-data", "1", "all", hashlib.sha256(b"content").hexdigest())
    cache = Cache(tmp_path / "cache")
    assert fetch(good, cache).read_bytes() == b"content"
    apt.unlink()
    assert fetch(good, cache).read_bytes() == b"content"


def test_the_users_own_file_is_used_if_it_is_the_locked_one(tmp_path: Path) -> None:
    own = tmp_path / "own.whl"
    own.write_bytes(b"content")
    good = hashlib.sha256(b"content").hexdigest()
    assert fetch(PypiFile("a", "1", "a.whl", good), Cache(tmp_path / "cache"), override=own) == own
    with pytest.raises(ChecksumMismatch) as refusal:
        verified(own, "0" * 64)
    assert good in str(refusal.value)
    with pytest.raises(UsageError, match="cannot be read"):
        verified(tmp_path / "missing.whl", good)
