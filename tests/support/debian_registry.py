"""A real registry on loopback: Debian's docker-registry, unpacked from its package, its files in a directory of the test."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlperf_bake.engine.command import call

CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
START_S = 20.0


@contextmanager
def debian_registry(directory: Path) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a running registry; it ends, and its files stay, when the block is left.

    Raises:
        RuntimeError: the package cannot be had, or the registry does not start.
    """
    program = directory / "unpacked" / "usr" / "bin" / "docker-registry"
    if not program.exists():
        _unpack(directory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = directory / "config.yml"
    settings.write_text(CONFIG.format(root=directory / "storage", port=port), encoding="utf-8")
    said = directory / "registry.log"  # a pipe that nobody reads would fill, and the registry stand still
    with said.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [str(program), "serve", str(settings)], stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        _wait(process, port, said)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _unpack(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    lists = directory / "apt"
    for name in ("lists/partial", "archives/partial"):
        (lists / name).mkdir(parents=True, exist_ok=True)
    fetched = _download(directory, ())
    if not list(directory.glob("docker-registry_*.deb")):  # this machine's package lists are empty or old
        own = (f"--option=Dir::State::lists={lists}/lists", f"--option=Dir::Cache={lists}")
        call(("apt-get", "--quiet", *own, "--option=Acquire::Languages=none", "update"), timeout=120)
        fetched = _download(directory, own)
    packages = sorted(directory.glob("docker-registry_*.deb"))
    if not packages:
        raise RuntimeError(f"apt does not give docker-registry: {fetched}")
    call(("dpkg-deb", "--extract", str(packages[-1]), str(directory / "unpacked")))


def _download(directory: Path, options: tuple[str, ...]) -> str:
    done = subprocess.run(
        ["apt-get", "--quiet", "--option=APT::Sandbox::User=root", *options, "download", "docker-registry"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stderr.strip()


def _wait(process: "subprocess.Popen[bytes]", port: int, said: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"docker-registry ended: {said.read_text(encoding='utf-8')}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"docker-registry does not answer within {START_S:.0f} s")
