"""The Triton server that harness/python/triton.py starts: found, ended and named, with a program in the server's place."""

import importlib.util
import os
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")
SOURCE = Path(__file__).parents[2] / "harness" / "python" / "triton.py"
CELL = types.SimpleNamespace(
    input_name="images",
    input_shape=(3, 4, 4),
    input_dtype="float32",
    output_name="logits",
    output_kind="scores",
    classes=10,
)


@pytest.fixture(scope="module")
def triton() -> Any:
    """The module."""
    spec = importlib.util.spec_from_file_location("triton_class", SOURCE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(triton: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package like nvidia-pytriton, whose server is the shell script that a test writes."""
    root = tmp_path / "packages" / "pytriton" / "tritonserver"
    stub = root / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}"
    for directory in (root / "bin", root / "backends" / "python", stub):
        directory.mkdir(parents=True)
    (root / "backends" / "python" / "libtriton_python.so").touch()
    (stub / "triton_python_backend_stub").touch()
    program = root / "bin" / "tritonserver"
    monkeypatch.setattr(triton, "server_program", lambda: program)
    monkeypatch.setattr(triton, "SCRATCH", str(tmp_path))
    return program


def server(triton: Any, program: Path, script: str, **options: Any) -> Any:
    """Started, as `load` does it."""
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    given = {"protocol": "http", "port": 0, "repository": None, "region": 1 << 20, **options}
    return triton.Server(given["protocol"], given["port"], given["repository"], given["region"])


def test_a_server_that_ends_is_named_with_its_status_and_what_it_said_last(
    triton: Any, package: Path
) -> None:
    started = server(
        triton, package, "echo '+---+'; echo '| a table |'; echo 'no such device' >&2; echo ' 0# f'; exit 3"
    )
    with pytest.raises(
        RuntimeError, match=r"\(exit status 3\); last it said: \| a table \| / no such device$"
    ):
        started.wait_for(lambda: False)
    started.tidy()
    assert not started.directory.exists()


def test_a_server_that_cannot_be_started_is_named(
    triton: Any, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton.shutil, "which", lambda _: None)
    started = server(triton, package, "")
    package.unlink()
    again = triton.Server("http", 0, None, 1 << 20)
    with pytest.raises(RuntimeError, match="No such file or directory"):
        again.require_alive()
    started.tidy()
    again.tidy()


def test_a_server_that_never_answers_is_given_up(
    triton: Any, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton, "STARTS_WITHIN_S", 0.1)
    started = server(triton, package, "exec sleep 20")
    with pytest.raises(TimeoutError, match="does not answer"):
        started.wait_for(lambda: False)


def test_the_server_finds_backend_interpreter_and_model_through_links(triton: Any, package: Path) -> None:
    started = server(triton, package, "exec sleep 20")
    for _ in range(2):
        started.add_instance("net", lambda count: f"count: {count}")
    assert (started.models / "net" / "config.pbtxt").read_text() == "count: 2"
    assert (started.models / "net" / "1" / "model.py").resolve() == SOURCE
    backend = started.directory / "backends" / "python"
    assert {file.name for file in backend.iterdir()} == {"libtriton_python.so", "triton_python_backend_stub"}
    environment = started.directory / "python"
    assert (environment / "pyvenv.cfg").read_text() == f"home = {sys.base_prefix}\n"
    [paths] = environment.glob("lib/python3.*/site-packages/harness.pth")
    assert set(paths.read_text().splitlines()) <= set(sys.path)
    assert os.access(environment / "bin" / "python3", os.X_OK)


def test_what_the_shared_memory_cannot_hold_is_refused_with_the_way_out(triton: Any, package: Path) -> None:
    started = server(triton, package, "exec sleep 20", region=1 << 50)
    with pytest.raises(RuntimeError, match="take fewer workers, a smaller batch, or docker run --shm-size"):
        started.add_instance("net", str)


def test_a_port_that_is_taken_and_a_repository_that_is_none_are_named(
    triton: Any, package: Path, tmp_path: Path
) -> None:
    with triton.socket.socket() as taken:
        taken.bind((triton.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"python.port={port} cannot be had"):
            server(triton, package, "", port=port)
    with pytest.raises(RuntimeError, match="absent is not a directory"):
        server(triton, package, "", repository=str(tmp_path / "absent"))


def test_the_server_ends_with_the_process_that_started_it(package: Path, tmp_path: Path) -> None:
    package.write_text("#!/bin/sh\necho $$ > $TRITON_TEST_PID\nexec sleep 60\n", encoding="utf-8")
    package.chmod(0o755)
    pid = tmp_path / "pid"
    script = (
        "import importlib.util, os, pathlib, sys, threading, signal, time\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"  # as all threads of the harness have it
        "spec = importlib.util.spec_from_file_location('t', sys.argv[1])\n"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)\n"
        "t.server_program = lambda: pathlib.Path(sys.argv[2])\n"
        "loader = threading.Thread(target=t.Server, args=('http', 0, None, 1 << 20)); loader.start(); loader.join()\n"
        "pid = pathlib.Path(os.environ['TRITON_TEST_PID'])\n"
        "while not (pid.exists() and pid.read_text()): time.sleep(0.01)\n"
        "time.sleep(0.2)\n"
        "os.kill(int(pid.read_text()), 0)\n"  # the thread that loaded is gone, the server is not
        "os._exit(0)\n"
    )
    environment = {**os.environ, "TRITON_TEST_PID": str(pid), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script, str(SOURCE), str(package)]
    subprocess.run(command, check=True, env=environment, timeout=60)
    status = Path("/proc") / pid.read_text().strip() / "status"
    for _ in range(200):
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.02)  # the kernel's signal is on its way
    pytest.fail("the server outlived its harness")


def test_without_a_scratch_directory_the_container_s_option_is_named(
    triton: Any, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triton, "SCRATCH", "/proc/sys/absent")
    with pytest.raises(RuntimeError, match="docker run --tmpfs /proc/sys/absent"):
        server(triton, package, "")


def test_batches_are_the_harness_s_and_instances_its_workers(triton: Any) -> None:
    assert triton.model_configuration("net", '/w/"näh".onnx', CELL, 2, 3).splitlines() == [
        'name: "net"',
        'backend: "python"',
        "max_batch_size: 0",
        'input [ { name: "images" data_type: TYPE_FP32 dims: [-1, 3, 4, 4] } ]',
        'output [ { name: "logits" data_type: TYPE_FP32 dims: [-1, 10] } ]',
        "instance_group [ { kind: KIND_CPU count: 3 } ]",
        'parameters [ { key: "weights" value: { string_value: "/w/\\"näh\\".onnx" } } ]',
        'parameters [ { key: "threads" value: { string_value: "2" } } ]',
    ]


def test_without_the_package_the_way_to_a_server_is_named(
    triton: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise triton.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(triton.importlib.metadata, "distribution", missing)
    with pytest.raises(RuntimeError, match=r"python\.address=HOST:PORT names one that runs"):
        triton.server_program()
