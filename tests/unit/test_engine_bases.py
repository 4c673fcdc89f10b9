"""How bases are made: the arguments, and where packages come from."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from mlperf_bake.engine.apt_sources import AptSource
from mlperf_bake.engine.bases import (
    FOREIGN_PACKAGES,
    debian_lines,
    ensure_base,
    mmdebstrap_arguments,
    present_bases,
    remove_abandoned,
)
from mlperf_bake.engine.distribution import Distribution
from mlperf_bake.engine.images import Told
from tests.unit.test_engine_emulation import ENGINE

TAG = "mlperf-bake/base:debian12-amd64"
KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEBIAN = Distribution("debian", "12", "bookworm", "Debian 12")
SOURCES = (
    AptSource(
        ("http://m.example/debian",), ("bookworm", "bookworm-updates"), ("main",), KEY, Path("debian.sources")
    ),
    AptSource(("http://m.example/security",), ("bookworm-security",), ("main",), KEY, Path("debian.sources")),
)


def arguments(platform: str) -> list[str]:
    return mmdebstrap_arguments(
        "trixie", platform, "linux/amd64", Path("/t/base.tar"), SOURCES, DEBIAN, Path("/hooks/merged")
    )


def test_another_suite_comes_from_the_machines_own_mirrors_with_updates_and_security() -> None:
    assert debian_lines("trixie", SOURCES, DEBIAN) == [
        f"deb [signed-by={KEY}] http://m.example/debian trixie main",
        f"deb [signed-by={KEY}] http://m.example/debian trixie-updates main",
        f"deb [signed-by={KEY}] http://m.example/security trixie-security main",
    ]


def test_a_machine_that_is_not_debian_leaves_the_mirror_to_mmdebstrap() -> None:
    assert debian_lines("trixie", SOURCES, Distribution("ubuntu", "24.04", "noble", "Ubuntu")) == []


def test_a_base_of_the_engines_own_platform_has_a_package_manager() -> None:
    argv = arguments("linux/amd64")
    assert "--variant=minbase" in argv
    assert "--dpkgopt=path-exclude=/usr/share/man/*" in argv
    assert "--dpkgopt=path-include=/usr/share/doc/*/copyright" in argv
    assert argv.index("trixie") + 1 == argv.index("/t/base.tar")


def test_a_foreign_base_is_only_unpacked_and_holds_what_a_program_needs() -> None:
    argv = arguments("linux/arm64")
    assert {"--variant=extract", "--architectures=arm64", "--hook-dir=/hooks/merged"} <= set(argv)
    (include,) = [text for text in argv if text.startswith("--include=")]
    assert include.removeprefix("--include=").split(",") == list(FOREIGN_PACKAGES)
    assert {"libc6", "libstdc++6", "libgomp1", "dash"} <= set(FOREIGN_PACKAGES)


def test_what_a_killed_call_left_behind_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "proc" / "77").mkdir(parents=True)
    names = ("mlperf-bake-base-66-abc", "mlperf-bake-base-77-abc", "mlperf-bake-base-x-abc", "other-66-abc")
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / names[0] / "base.tar").touch()
    assert remove_abandoned(tmp_path, tmp_path / "proc") == [tmp_path / names[0]]
    assert all((tmp_path / name).is_dir() for name in names[1:])
    assert not (tmp_path / names[0]).exists()


LOCKED = "docker.io/library/debian:12@sha256:" + "a" * 64


@pytest.mark.parametrize(("known", "origin"), [((LOCKED, TAG), "hub"), ((TAG,), "bootstrapped")])
def test_the_locked_image_that_is_there_goes_before_one_made_here(
    monkeypatch: pytest.MonkeyPatch, known: tuple[str, ...], origin: str
) -> None:
    def fake(host: str, references: Iterable[str]) -> dict[str, Told]:
        return {name: {"RootFS": {"Layers": ["sha256:1"]}} for name in references if name in known}

    monkeypatch.setattr("mlperf_bake.engine.bases.inspected", fake)
    base = ensure_base(ENGINE, "debian12", "bookworm", ENGINE.platform, LOCKED, print)
    assert base.origin == origin
    here = present_bases(ENGINE, {"debian12": LOCKED})
    assert list(here) == ([("debian12", "linux/amd64")] if origin == "bootstrapped" else [])
    assert all(one == base for one in here.values())


def test_a_locked_image_takes_no_foreign_bases_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another platform the engine may have no more of it than the name."""
    foreign = "mlperf-bake/base:debian12-arm64"

    def fake(host: str, references: Iterable[str]) -> dict[str, Told]:
        return {name: {"RootFS": {"Layers": []}} for name in references if name in (LOCKED, foreign)}

    monkeypatch.setattr("mlperf_bake.engine.bases.inspected", fake)
    assert list(present_bases(ENGINE, {"debian12": LOCKED, "debian13": None})) == [
        ("debian12", "linux/arm64")
    ]
