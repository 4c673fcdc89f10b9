"""Whether a foreign platform runs, from what the kernel says."""

from pathlib import Path

import pytest

from mlperf_bake.engine.emulation import emulation_for, register
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import EngineMissing

ENGINE = Engine(
    docker="docker",
    buildx=("docker", "buildx"),
    host="unix:///var/run/docker.sock",
    client=Version(28),
    server=Version(26),
    buildx_version=Version(0, 13),
    platform="linux/amd64",
    containerd_store=True,
    memory_bytes=1 << 33,
    cpus=2,
    root_dir="/var/lib/docker",
)


def test_the_engines_own_platform_needs_nothing(tmp_path: Path) -> None:
    assert emulation_for("linux/amd64", ENGINE, tmp_path).state == "native"


@pytest.mark.parametrize(
    ("text", "state", "detail"),
    [
        ("enabled\ninterpreter /usr/bin/qemu\nflags: PF\n", "emulated", "qemu-aarch64"),
        ("disabled\ninterpreter /usr/bin/qemu\nflags: PF\n", "missing", "disabled"),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: \n", "missing", "flag F"),
        (None, "missing", "no "),
    ],
)
def test_a_handler_counts_when_it_is_enabled_and_holds_its_program_open(
    text: str | None, state: str, detail: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "qemu-aarch64").write_text(text, encoding="ascii")
    found = emulation_for("linux/arm64", ENGINE, tmp_path)
    assert found.state == state
    assert detail in found.detail


@pytest.mark.parametrize(("version", "state"), [("7.2.22", "missing"), ("10.0.13", "emulated")])
def test_an_emulator_that_shows_the_hosts_cpuinfo_is_too_old(
    version: str, state: str, tmp_path: Path
) -> None:
    program = tmp_path / "qemu-aarch64-static"
    program.write_text(f"#!/bin/sh\necho qemu-aarch64 version {version}\n", encoding="ascii")
    program.chmod(0o755)
    text = f"enabled\ninterpreter {program}\nflags: POF\noffset 0\n"
    (tmp_path / "qemu-aarch64").write_text(text, encoding="ascii")
    found = emulation_for("linux/arm64", ENGINE, tmp_path)
    assert found.state == state
    assert version in found.detail


def test_registering_replaces_the_emulator_that_the_kernel_holds_open(tmp_path: Path) -> None:
    binfmt, files = tmp_path / "binfmt", tmp_path / "files"
    binfmt.mkdir()
    files.mkdir()
    (binfmt / "register").touch()
    (binfmt / "qemu-aarch64").write_text("enabled\n", encoding="ascii")
    (files / "qemu-aarch64.conf").write_text(":qemu-aarch64:M::x:y:/q:OPF\n", encoding="ascii")
    register("linux/arm64", lambda text: None, binfmt, files)
    assert (binfmt / "qemu-aarch64").read_text(encoding="ascii") == "-1"
    assert (binfmt / "register").read_text(encoding="ascii") == ":qemu-aarch64:M::x:y:/q:OPF"


def test_a_package_without_a_description_is_said(tmp_path: Path) -> None:
    (tmp_path / "register").touch()
    with pytest.raises(EngineMissing, match="cannot be registered"):
        register("linux/arm64", lambda text: None, tmp_path, tmp_path)
