"""Whether a foreign platform runs, from what the kernel says."""

from pathlib import Path

import pytest

from mlperf_bake.engine.emulation import emulation_for
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.version import Version

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
