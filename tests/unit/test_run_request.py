"""What is asked for, and how a container is confined."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from mlperf_bake.cli.run import require_valid
from mlperf_bake.errors import Interrupted, RunFailed, UsageError
from mlperf_bake.project import open_project
from mlperf_bake.run.endings import ENDINGS, error_for
from mlperf_bake.run.hardened import client_is_gone, container_options, this_client
from mlperf_bake.run.progress import Phase, Said
from mlperf_bake.run.request import (
    Limits,
    RunRequest,
    Volume,
    new_run_id,
    own_class_from,
    require_class_readable,
    require_readable,
    results_from,
    writer_of,
)
from mlperf_bake.run.service import RunOutcome, _Following, image_digest
from tests.unit.test_engine_emulation import ENGINE

REQUEST = RunRequest(
    image="net:aa",
    cell_id="net",
    scenario="Offline",
    mode="performance",
    data="synthetic",
    results=Volume("results"),
    platform="linux/amd64",
    run_id="r1",
    harness_options=("--workers", "2"),
    limits=Limits(memory_bytes=1 << 30, cpuset="0-1"),
)


@pytest.mark.parametrize(
    ("image", "remedy"),
    [
        ("mlperf-bake/net:v5.1", "mlperf-bake build --target=net --round=v5.1"),
        ("mlperf-bake/net:aaaaaaaaaaaa", "mlperf-bake build --target=net"),
        ("debian:12", "docker pull debian:12"),
        ("registry.example/team/mlperf-bake/net@sha256:1", "docker pull registry.example/team/mlperf-bake/net@sha256:1"),
    ],
)  # fmt: skip
def test_an_image_that_is_not_there_is_had_from_where_its_name_says(image: str, remedy: str) -> None:
    class Images:
        def get(self, name: str) -> None:
            raise ImageNotFound(name)

    client = cast(DockerClient, SimpleNamespace(images=Images()))
    with pytest.raises(RunFailed, match="no such image") as failure:
        image_digest(client, replace(REQUEST, image=image))
    assert failure.value.remedy is not None and failure.value.remedy.endswith(remedy)


def test_the_container_gets_nothing_it_does_not_need() -> None:
    options = container_options(REQUEST, ENGINE, "65532:65532", "sha256:aa", "host:1:2")
    assert options["network_mode"] == "none"
    assert options["cap_drop"] == ["ALL"]
    assert options["read_only"] is True
    assert options["security_opt"] == ["no-new-privileges"]
    assert options["user"] == "65532:65532"
    assert options["volumes"] == {"results": {"bind": "/results", "mode": "rw"}}
    assert options["mem_limit"] == options["memswap_limit"] == 1 << 30
    assert options["cpuset_cpus"] == "0-1"
    assert options["pids_limit"] > 0
    assert "device_requests" not in options
    assert options["environment"] == {"MLPERF_BAKE_IMAGE_DIGEST": "sha256:aa"}


def test_a_container_gets_what_reaches_the_hardware_of_its_cell_and_no_more(tmp_path: Path) -> None:
    hardware = open_project(Path(__file__)).matrix.hardware
    for name, gpus, devices in (
        ("cpu", False, ()),
        ("cuda", True, ()),
        ("l4t", True, ()),
        ("rocm", False, ("/dev/kfd", "/dev/dri")),
        ("coral", False, ("/dev/bus/usb",)),
    ):
        limits = REQUEST.limits.reaching(hardware[name])
        assert (limits.gpus, limits.devices, limits.cpuset) == (gpus, devices, REQUEST.limits.cpuset)
    (tmp_path / "kfd").touch()
    os.chown(tmp_path / "kfd", -1, os.getgid())
    request = replace(REQUEST, limits=Limits(devices=(f"{tmp_path}/kfd", f"{tmp_path}/gone")))
    options = container_options(request, ENGINE, "65532:65532", "sha256:aa", "host:1:2")
    assert options["devices"][0] == f"{tmp_path}/kfd:{tmp_path}/kfd:rw"
    assert options["group_add"] == sorted({os.getgid()} - {0})
    assert "devices" not in container_options(REQUEST, ENGINE, "65532:65532", "sha256:aa", "host:1:2")


def test_only_an_emulated_run_has_an_init_process_and_an_emulated_processor() -> None:
    native = container_options(REQUEST, ENGINE, "65532:65532", "sha256:aa", "host:1:2")
    foreign = container_options(
        replace(REQUEST, platform="linux/arm64"), ENGINE, "65532:65532", "sha256:aa", "host:1:2"
    )
    assert (native["init"], foreign["init"]) == (False, True)
    assert set(foreign["environment"]) - set(native["environment"]) == {"QEMU_CPU"}


def test_the_harness_is_asked_for_json_and_gets_further_options_last() -> None:
    command = REQUEST.command
    assert command[-2:] == ["--workers", "2"]
    pairs = dict(zip(command[::2], command[1::2], strict=True))
    assert pairs["--progress"] == "json"
    assert (pairs["--data"], pairs["--run-id"], pairs["--results"]) == ("synthetic", "r1", "/results")


def test_a_slash_makes_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert results_from("results") == Volume("results")
    assert results_from("volume:results") == Volume("results")
    assert results_from("./results") == Path("results").absolute()
    assert results_from(".") == Path.cwd()
    with pytest.raises(UsageError):
        results_from("-x")
    (tmp_path / "results").mkdir()
    with pytest.raises(UsageError) as caught:
        results_from("results")
    assert caught.value.remedy == "--results ./results"


def test_run_ids_are_sortable_and_unlike_each_other() -> None:
    first, second = (new_run_id("SingleStream", "compliance/TEST01") for _ in range(2))
    assert first != second
    assert "-singlestream-compliance-test01-" in first


def test_data_that_the_containers_user_cannot_read_is_refused_before_the_run(tmp_path: Path) -> None:
    file = tmp_path / "samples.bin"
    file.touch()
    tmp_path.chmod(0o755)
    file.chmod(0o644)
    stranger = f"{os.getuid() + 4711}:{os.getgid() + 4711}"
    require_readable(tmp_path, stranger)
    file.chmod(0o600)
    require_readable(tmp_path, f"{os.getuid()}:{os.getgid()}")
    with pytest.raises(UsageError) as caught:
        require_readable(tmp_path, stranger)
    assert caught.value.remedy == f"chmod -R a+rX {tmp_path}"


def test_a_result_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="result directory cannot be used"):
        writer_of(tmp_path / "file")


@pytest.mark.parametrize("valid", [True, False])
def test_a_run_that_loadgen_calls_invalid_is_a_failure_that_says_it_is_recorded(valid: bool) -> None:
    outcome = RunOutcome("r1", "net", "results", valid, {}, "sha256:aa")
    if valid:
        require_valid(outcome)
        return
    with pytest.raises(RunFailed, match="INVALID; it is recorded") as caught:
        require_valid(outcome)
    assert caught.value.exit_code == 6


def test_root_hands_over_only_directories_of_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Path] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: handed.append(path))
    results = tmp_path / "results"
    of_root, real = os.stat_result((0o40755, 0, 0, 2, 0, 0, 0, 0, 0, 0)), Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **_: of_root if path == results else real(path))
    assert writer_of(results)[0] == "65532:65532"
    (results / ".partial-r1").mkdir()
    (results / "r2").mkdir()
    (results / "r2" / "manifest.json").touch()
    assert writer_of(results)[0] == "65532:65532"
    assert handed == [results, results]
    (results / "thesis.tex").touch()
    with pytest.raises(UsageError) as caught:
        writer_of(results)
    assert caught.value.found == "thesis.tex"
    assert handed == [results, results]


def test_a_client_is_known_by_its_process_and_its_start() -> None:
    me = this_client()
    assert not client_is_gone(me)
    host, process, start = me.rsplit(":", 2)
    assert client_is_gone(f"{host}:{process}:{int(start) + 1}"), "another process has the number now"
    assert not client_is_gone(f"elsewhere:{process}:1")
    assert not client_is_gone("")


@pytest.mark.parametrize("code", sorted(ENDINGS))
def test_each_ending_has_a_sentence_and_a_remedy(code: int) -> None:
    error = error_for(code, cell_id="net", image="net:aa", said=("why",), out_of_memory=False, memory=0)
    assert isinstance(error, RunFailed)
    assert "why" in str(error.found) and error.remedy


def test_endings_of_their_own_kind() -> None:
    def ending(code: int, out_of_memory: bool = False) -> Exception:
        return error_for(
            code, cell_id="net", image="net:aa", said=(), out_of_memory=out_of_memory, memory=1 << 30
        )

    assert isinstance(ending(2), UsageError)
    assert "docker run --rm net:aa --help" in str(ending(2))
    assert "harness does not take" in str(ending(2))
    assert "build --force net" in str(ending(5))
    assert isinstance(ending(12), Interrupted)
    assert "killed" in str(ending(137))
    assert "limit 1 GiB" in str(ending(137, out_of_memory=True))
    assert "crashed (SIGSEGV)" in str(ending(139)) and "gave up (SIGABRT)" in str(ending(134))
    assert "list --framework" in str(ending(132))
    assert "exit code 99" in str(ending(99))


@pytest.mark.parametrize("code", [6, 14])
def test_a_class_of_the_users_that_fails_is_to_be_corrected(code: int) -> None:
    error = error_for(
        code,
        cell_id="net",
        image="net:aa",
        said=("why",),
        out_of_memory=False,
        memory=0,
        own_class="classes/mine.py",
    )
    assert str(error.remedy).startswith("correct classes/mine.py, then the same command again")


def test_a_class_of_the_users_is_mounted_read_only_and_named_to_the_harness(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.touch()
    chosen = own_class_from(f"{file}:Mine", "net", "python")
    request = replace(REQUEST, own_class=chosen)
    assert chosen.given == f"{file}:Mine"
    assert request.command[-4:] == ["--backend-option", "class=/class/mine.py:Mine", "--workers", "2"]
    options = container_options(request, ENGINE, "65532:65532", "sha256:aa", "host:1:2")
    assert options["volumes"][str(file)] == {"bind": "/class/mine.py", "mode": "ro"}
    assert own_class_from(str(file), "net", "python").options == ("--backend-option", "class=/class/mine.py")


@pytest.mark.parametrize("text", ["missing.py", "mine.txt", "mine.txt:Mine", ".", "", ":Mine"])
def test_what_is_no_file_with_a_class_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UsageError, match="not a file with a class"):
        own_class_from(str(tmp_path / text) if text else text, "net", "python")


def test_a_class_needs_an_image_with_python(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Python to run a class") as refused:
        own_class_from(str(tmp_path / "mine.py"), "net", "onnxruntime")
    assert refused.value.found == "backend onnxruntime"


def test_a_class_that_the_harness_may_not_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.touch(mode=0o600)
    chosen = own_class_from(str(file), "net", "python")
    with pytest.raises(UsageError, match="may not read the class's file"):
        require_class_readable(chosen, "65532:65532")
    file.chmod(0o644)
    require_class_readable(chosen, "65532:65532")


@pytest.mark.parametrize(
    ("sentence", "problem", "remedy"),
    [
        (
            "--target-qps has no meaning in SingleStream; use --target-latency-ms.",
            "--target-qps has no meaning in SingleStream",
            "use --target-latency-ms",
        ),
        (
            'Unknown option "--foo"; --help lists them all.',
            'Unknown option "--foo"',
            "docker run --rm net:aa --help lists the harness's options",
        ),
        (
            '--batch is "x"; expected a whole number from 1 to 65536.',
            '--batch is "x"',
            "docker run --rm net:aa --help lists the harness's options",
        ),
    ],
)
def test_the_harness_says_itself_what_is_wrong_with_an_option(
    sentence: str, problem: str, remedy: str
) -> None:
    said = ("library chatter", f"mlperf-harness: {sentence}")
    error = error_for(2, cell_id="net", image="net:aa", said=said, out_of_memory=False, memory=0)
    assert (error.problem, error.remedy, error.found) == (problem, remedy, None)
    assert error.expected == ("a whole number from 1 to 65536" if "--batch" in sentence else None)


def test_a_failure_quotes_the_harness_and_not_what_libraries_print() -> None:
    said = ("mlperf-harness: weights.onnx is cut off.", "bye")
    error = error_for(5, cell_id="net", image="net:aa", said=said, out_of_memory=False, memory=0)
    assert error.found == "weights.onnx is cut off. (exit code 5)"


def test_a_small_memory_limit_is_told_in_a_unit_that_fits() -> None:
    error = error_for(137, cell_id="net", image="net:aa", said=(), out_of_memory=True, memory=10 << 20)
    assert error.found == "limit 10 MiB"


def test_no_run_lies_in_another_run(tmp_path: Path) -> None:
    run = tmp_path / "results" / "r1"
    run.mkdir(parents=True)
    (run / "manifest.json").touch()
    for inside in (run, run / "deeper"):
        with pytest.raises(UsageError, match="another run's") as caught:
            writer_of(inside)
        assert caught.value.remedy == f"--results {tmp_path / 'results'}"
    assert not (run / "deeper").exists()


def test_the_last_sentence_of_the_harness_is_left_to_who_tells_the_end() -> None:
    class Container:
        def attach(self, **_: object) -> list[tuple[bytes | None, bytes | None]]:
            return [
                (b'{"event":"phase","phase":"loading"}\n', b"mlperf-harness: a remark.\n"),
                (b"hello\n", b"mlperf-harness: the end; do this.\n"),
            ]

    class View:
        def __init__(self) -> None:
            self.events: list[object] = []

        def event(self, event: object) -> None:
            self.events.append(event)

        def tick(self) -> None: ...

        def close(self) -> None: ...

    view = View()
    said = _Following(Container()).follow(view)  # type: ignore[arg-type]
    assert view.events == [Phase("loading"), Said("mlperf-harness: a remark."), Said("hello")]
    assert said[-1] == "mlperf-harness: the end; do this."
