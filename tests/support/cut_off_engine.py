"""A second container engine of its own, in a network namespace without any network: a machine in a locked room."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlperf_bake.engine.command import call

START_S = 60.0


def why_not() -> str:
    """Why this machine cannot have one; empty where it can."""
    if os.geteuid() != 0:
        return "only root starts an engine"
    missing = [name for name in ("dockerd", "unshare", "containerd") if not _program(name)]
    return f"no {', '.join(missing)} on this machine" if missing else ""


@contextmanager
def cut_off_engine() -> Iterator[str]:
    """Its address for DOCKER_HOST; when the block is left it ends and takes everything with it."""
    root = Path(tempfile.mkdtemp(prefix="cut-off-"))
    settings = root / "daemon.json"
    settings.write_text('{"features": {"containerd-snapshotter": true}}', encoding="utf-8")
    host = f"unix://{root}/sock"
    command = [
        *(_program("unshare"), "--net", _program("dockerd"), f"--config-file={settings}"),
        *(f"--data-root={root}/data", f"--exec-root={root}/exec", f"--pidfile={root}/pid", f"--host={host}"),
        *("--iptables=false", "--ip6tables=false"),
    ]
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        until = time.monotonic() + START_S
        while not call(("docker", "--host", host, "version"), timeout=10).ok:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((root / "log").read_text(encoding="utf-8", errors="replace")[-2000:])
            time.sleep(0.2)
        yield host
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for mount in _mounts_below(root):
            call(("umount", "--lazy", mount), timeout=10)
        shutil.rmtree(root, ignore_errors=True)


def _program(name: str) -> str:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin") or ""


def _mounts_below(root: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return sorted((line.split()[1] for line in lines if line.split()[1].startswith(f"{root}/")), reverse=True)
