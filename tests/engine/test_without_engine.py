"""An image unpacked and run by a plain user, without root, daemon or container engine (docs/machines.md)."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.engine.find import Engine
from tests.engine.journey import CELL, bake, docker

USER = "65532"
UNSHARED = ("unshare", "--map-root-user", "--mount", "--pid", "--fork")
HARNESS = "/opt/mlperf-bake/bin/mlperf-harness"


def as_plain_user(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command as a user that is not root, whoever runs the tests."""
    lower = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups") if os.geteuid() == 0 else ()
    return subprocess.run(
        [*lower, *command],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory of the plain user's, which those of pytest are not for root's tests."""
    if as_plain_user(*UNSHARED, "true").returncode:
        pytest.skip("this kernel gives plain users no namespaces")
    place = Path(tempfile.mkdtemp(prefix="mlperf-bake-test-"))
    place.chmod(0o777)
    yield place
    shutil.rmtree(place)


def test_what_a_plain_user_runs_without_an_engine_is_collected(engine: Engine, home: Path) -> None:
    bake("build", CELL)
    image = f"mlperf-bake/{CELL}:latest"
    variables = docker("image", "inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", image).stdout
    fingerprint = next(
        line.partition("=")[2]
        for line in variables.splitlines()
        if line.startswith("MLPERF_BAKE_FINGERPRINT=")
    )
    container = docker("create", image).stdout.strip()
    try:
        docker("export", "--output", str(home / "cell.tar"), container)
    finally:
        docker("rm", container)
    (home / "cell.tar").chmod(0o644)
    as_plain_user("mkdir", str(home / "cell"))
    unpacked = as_plain_user(
        "tar", "-xf", str(home / "cell.tar"), "-C", str(home / "cell"), "--exclude=dev/*"
    )
    assert unpacked.returncode == 0, unpacked.stderr
    prepare("imagenet-20", "imagenet-lite-224", home / "cell" / "data")

    for mode in ("accuracy", "performance"):
        words = ("--scenario", "Offline", "--mode", mode, "--duration", "1")
        ended = as_plain_user(
            *(*UNSHARED, f"--root={home / 'cell'}", "--mount-proc", HARNESS, *words),
            MLPERF_BAKE_FINGERPRINT=fingerprint,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    collected = bake(
        "collect", str(home / "cell" / "results"), "--out", str(home / "tree"), "--submitter", "Me"
    )
    assert "collected  1 result" in collected.stdout
