"""Start dockerd where there is no init system, and wait for an engine to answer."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from mlperf_bake.engine.command import call
from mlperf_bake.errors import EngineMissing

LOG_FILE = Path("/var/log/mlperf-bake-dockerd.log")
PID_FILES = (
    (Path("/var/run/docker.pid"), "dockerd"),
    (Path("/var/run/docker/containerd/containerd.pid"), "containerd"),
)
START_LIMIT_S = 90.0
SAY_EVERY_S = 5.0

Say = Callable[[str], None]


def daemon_answers() -> bool:
    """Whether a daemon answers the docker CLI now."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    answer = call((docker, "version", "--format", "{{.Server.Version}}"), timeout=10)
    return answer.ok and bool(answer.stdout.strip())


def has_systemd(root: Path = Path("/")) -> bool:
    """Whether systemd runs this machine (sd_booted(3))."""
    return (root / "run/systemd/system").is_dir()


def remove_stale_pid_files(
    files: tuple[tuple[Path, str], ...] = PID_FILES, proc: Path = Path("/proc")
) -> list[Path]:
    """Remove pid files whose number no longer belongs to their program; only called when no daemon answers.

    After a crash or a reboot of a container another process may carry the number, and dockerd then refuses to start.
    """
    removed = []
    for path, program in files:
        if path.is_file() and _program(path, proc) != program:
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def start_daemon(say: Say, log_file: Path = LOG_FILE) -> None:
    """Start the engine and return when it answers.

    With systemd its unit is enabled and started; without, ``dockerd`` runs in a session of its own, so that it
    outlives this process, and writes to ``log_file``.

    Raises:
        EngineMissing: it ended, or did not answer within 90 s; with the last lines of its log.
    """
    if has_systemd():
        say("starting the docker service (systemctl enable --now docker)")
        answer = call(("systemctl", "enable", "--now", "docker"), timeout=START_LIMIT_S)
        if not answer.ok:
            raise EngineMissing(
                "the docker service did not start",
                found=answer.complaint,
                remedy="journalctl -u docker -n 50",
            )
        wait_for_daemon(say)
        return
    for path in remove_stale_pid_files():
        say(f"removed the stale {path}: its number belongs to no engine")
    if any(_program(path, Path("/proc")) == "dockerd" for path, _ in PID_FILES):
        say("a dockerd is starting already; waiting for it")
        wait_for_daemon(say, log_file=log_file)
        return
    program = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    if program is None:
        raise EngineMissing("there is no dockerd to start", expected="the package docker.io installs it")
    say(f"starting {program} in a session of its own; its log is {log_file}")
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [program], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    wait_for_daemon(say, process=process, log_file=log_file)


def wait_for_daemon(
    say: Say, *, process: "subprocess.Popen[bytes] | None" = None, log_file: Path | None = None
) -> None:
    """Return when a daemon answers.

    Raises:
        EngineMissing: ``process`` ended before that, or 90 s went by.
    """
    started = time.monotonic()
    said = started
    while not daemon_answers():
        now = time.monotonic()
        ended = process is not None and process.poll() is not None
        if ended or now - started > START_LIMIT_S:
            raise EngineMissing(
                "dockerd ended at once" if ended else f"dockerd does not answer after {START_LIMIT_S:.0f} s",
                where=str(log_file) if log_file else None,
                found=_last_lines(log_file),
                remedy="read its log; a container without privileges cannot run an engine of its own",
            )
        if now - said >= SAY_EVERY_S:
            said = now
            say(f"waiting for the engine to answer, {now - started:.0f} s")
        time.sleep(0.2)


def _program(pid_file: Path, proc: Path) -> str:
    try:
        number = int(pid_file.read_text(encoding="ascii").strip())
        return (proc / str(number) / "comm").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _last_lines(log_file: Path | None, count: int = 3) -> str | None:
    if log_file is None or not log_file.is_file():
        return None
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(lines[-count:])
