"""Base images made from packages, and hubs that do not answer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlperf_bake.engine.bases import (
    HUB_ANSWER_S,
    bootstrap_base,
    bootstrapped_base,
    ensure_base,
    present_bases,
    pull,
)
from mlperf_bake.engine.emulation import emulation_for
from mlperf_bake.engine.find import Engine
from tests.engine.conftest import say

FOREIGN = {"linux/amd64": "linux/arm64", "linux/arm64": "linux/amd64"}
LOADERS = {"linux/amd64": "/lib64/ld-linux-x86-64.so.2", "linux/arm64": "/lib/ld-linux-aarch64.so.1"}


@contextmanager
def silent_hub() -> Iterator[str]:
    """A registry that takes connections and never says a word."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def test_a_hub_that_says_nothing_is_given_up_within_seconds(engine: Engine) -> None:
    with silent_hub() as hub:
        started = time.monotonic()
        refusal = pull(engine, f"{hub}/debian@sha256:{'1' * 64}", engine.platform, say)
        assert refusal == f"no answer within {HUB_ANSWER_S:.0f} s"
        assert time.monotonic() - started < HUB_ANSWER_S + 4


def test_a_hub_without_a_name_is_given_up_at_once(engine: Engine) -> None:
    started = time.monotonic()
    assert pull(engine, f"registry.invalid/debian@sha256:{'1' * 64}", engine.platform, say)
    assert time.monotonic() - started < HUB_ANSWER_S


def test_a_base_made_from_packages_can_install_packages(engine: Engine, base: str) -> None:
    tag = base.removeprefix("docker-image://")
    said = engine.call("run", "--rm", "--network=none", tag, "apt-get", "--version")
    assert said.ok and said.stdout.startswith("apt ")
    size = int(engine.call("image", "inspect", "--format", "{{.Size}}", tag).stdout)
    assert size < 70 << 20, "compressed; documentation, manuals and locales are left out"


def test_a_base_that_is_there_is_not_made_again(engine: Engine, base: str) -> None:
    said: list[str] = []
    again = ensure_base(
        engine, "debian12", "bookworm", engine.platform, "registry.invalid/debian@sha256:1", said.append
    )
    assert (again.context, again.origin, said) == (base, "bootstrapped", [])
    assert again.identity.startswith("sha256:") and len(again.identity) == 71
    assert present_bases(engine, {"debian12": None})["debian12", engine.platform] == again


def test_a_foreign_base_is_made_without_emulation_and_twice_the_same(engine: Engine) -> None:
    platform = FOREIGN[engine.platform]
    tags = [f"mlperf-bake/engine-test-base:{number}" for number in (1, 2)]
    made = [bootstrap_base(engine, tag, "bookworm", platform, say) for tag in tags]
    assert made[0].identity == made[1].identity
    assert bootstrapped_base(engine, tags[0]) == made[0]
    described = engine.call("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", tags[0])
    assert described.stdout.strip() == platform
    if emulation_for(platform, engine).state == "missing":
        pytest.skip("no emulator is registered, so the image is not run")
    said = engine.call(
        "run",
        "--rm",
        "--network=none",
        "--platform",
        platform,
        tags[0],
        "sh",
        "-c",
        f"ls {LOADERS[platform]}",
    )
    assert said.stdout.strip() == LOADERS[platform]
