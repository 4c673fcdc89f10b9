"""Rows of the failure table, from what a build said."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.failures import CACHE_LOST, explain_failure
from mlperf_bake.build.progress import Event, Remark, Step, StepFinished, StepOutput
from mlperf_bake.build.report import failure_lines
from mlperf_bake.build.service import BuildReport
from mlperf_bake.errors import BuildFailed

STEP = Step("d1", "harness", "3/5", "RUN make")
OTHER = Step("d2", "weights", "1/2", "RUN fetch")
ERROR = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'
LOG = Path("/state/logs/net.log")


def failed(*said: str, error: str = ERROR) -> list[Event]:
    return [
        StepFinished(OTHER, 1.0, False, "context canceled"),
        *(StepOutput(STEP, line) for line in said),
        StepOutput(OTHER, "not mine"),
        StepFinished(STEP, 2.0, False, error),
        Remark("Dockerfile:41"),
        Remark("--------------------"),
        Remark(f"ERROR: failed to solve: {error}"),
    ]


def test_a_row_names_stage_template_line_exit_code_and_last_lines() -> None:
    row = explain_failure(
        "net",
        "images/cpu/net/Dockerfile",
        failed("a", "", "b"),
        LOG,
        lambda cell, line: (f"templates/{cell}.j2", line - 30),
    )
    assert (row.step, row.place, row.exit_code, row.last_lines) == (
        "harness 3/5",
        "templates/net.j2:11",
        2,
        ("a", "b"),
    )
    assert row.retry == "mlperf-bake build --target=net"
    assert ("stage", "harness 3/5") in failure_lines(row)


@pytest.mark.parametrize("origin", [None, lambda cell, line: None])
def test_without_a_template_the_rendered_file_is_named(origin: None) -> None:
    assert (
        explain_failure("net", "images/cpu/net/Dockerfile", failed(), LOG, origin).place
        == "images/cpu/net/Dockerfile:41"
    )


def test_only_the_last_lines_are_shown() -> None:
    row = explain_failure("net", "D", failed(*(str(number) for number in range(100))), LOG, None)
    assert row.last_lines == ("94", "95", "96", "97", "98", "99")


SUM_A, SUM_B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "cc1plus: fatal error: error writing: No space left on device",
            "no space left on the engine's disk",
        ),
        (
            f"checksum mismatch: f: expected sha256 {SUM_A}, found {SUM_B}",
            f"checksum mismatch: f: expected {SUM_A}, found {SUM_B}",
        ),
        (
            f"checksum mismatch: /weights/n.onnx: expected sha256 {SUM_A}, found {SUM_B}",
            f"checksum mismatch: weights n.onnx: expected {SUM_A}, found {SUM_B}",
        ),
        (
            f"checksum mismatch: /weights/n.onnx: expected md5 {SUM_A[:32]}, found {SUM_B[:32]}",
            f"checksum mismatch: weights n.onnx: expected md5 {SUM_A[:32]}, found {SUM_B[:32]}",
        ),
        ("missing file: /weights/n.onnx", "there is no n.onnx in the context weights"),
        (
            "no mirror has pool/main/n/net/net_1.0-1_all.deb: http://mirror.example/debian ",
            "no mirror of the distribution has net_1.0-1_all.deb any more",
        ),
        (
            "W: Temporary failure resolving 'mirror.example'\nno mirror has pool/main/n/net/net_1.0-1_all.deb: ",
            "a host name could not be resolved from inside the build",
        ),
        (
            f"        Expected sha256 {SUM_A}\n             Got        {SUM_B}",
            f"checksum mismatch: expected {SUM_A}, found {SUM_B}",
        ),
        (
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED]",
            "a TLS certificate was not accepted",
        ),
        ("x509: certificate signed by unknown authority", "a TLS certificate was not accepted"),
        (
            'failed to load cache key: Get "https://files.example/a/net.onnx": dial tcp: lookup files.example: no such host',
            "https://files.example/a/net.onnx does not answer",
        ),
        (
            "Temporary failure resolving 'mirror.example'",
            "a host name could not be resolved from inside the build",
        ),
        (
            "ERROR: additional privileges requested",
            "buildx bake asks for a privilege that mlperf-bake does not give",
        ),
        (
            'ERROR: failed to solve: image "docker.io/mlperf-bake/net:5e720a6d11b4": already exists',
            "another build of the same image ended at the same moment",
        ),
        (
            f"failed to resolve source metadata for debian:12@sha256:{'ab' * 32}: docker.io/library/debian: not found",
            f"the hub no longer has debian:12@sha256:{'ab' * 32}",
        ),
        (
            "ERROR: failed to resolve source metadata for docker.io/library/debian:12: failed to do request: no such host",
            "the hub does not give a base image",
        ),
        (
            "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF",
            "the engine ended, or was started anew, while it built",
        ),
        ("exec /bin/sh: exec format error", "a program of a foreign platform was run"),
        ("make: *** [all] Error 1", "the command failed"),
        (
            "on network bridge: adding interface veth8d to bridge docker0 failed: Device does not exist",
            "the engine's network bridge docker0 is gone",
        ),
    ],
)
def test_known_causes_are_named_with_a_remedy(line: str, message: str) -> None:
    row = explain_failure("net", "D", failed(*line.split("\n")), LOG, None)
    assert row.message == message
    assert row.remedy


def test_the_remedy_names_the_file_and_the_context_that_lacks_it() -> None:
    no_answer = 'Get "https://files.example/a/net.onnx": dial tcp 192.0.2.1:443: connect: connection refused'
    assert "get net.onnx from there" in explain_failure("net", "D", failed(no_answer), LOG, None).remedy
    missing = explain_failure("net", "D", failed("missing file: /weights/net.onnx"), LOG, None)
    assert missing.message == "there is no net.onnx in the context weights"
    assert missing.remedy.endswith("--context weights=DIR")
    assert missing.retry == "mlperf-bake build --target=net --context=weights=DIR"


def test_weights_that_a_directory_lacks_are_named_and_asked_for_in_its_place() -> None:
    step = replace(STEP, text='RUN echo "missing file: /weights/net.onnx" >&2; exit 1')
    given = ("--context=weights=/data/other", "--jobs=1")
    row = explain_failure("net", "D", [StepFinished(step, 1.0, False, "exit code: 1")], LOG, None, given)
    assert row.message == "there is no net.onnx in the context weights"
    assert row.retry == "mlperf-bake build --target=net --jobs=1 --context=weights=DIR"


def test_the_end_of_a_build_says_what_to_do_before_it_is_tried_again() -> None:
    row = explain_failure("net", "D", failed("missing file: /weights/net.onnx"), LOG, None)
    with pytest.raises(BuildFailed, match="1 of 1 images were not built") as refusal:
        BuildReport((), (row,), ()).raise_if_failed()
    mending, retry = str(refusal.value.remedy).splitlines()
    assert mending == f"{row.remedy}; then"
    assert retry.strip() == row.retry


def test_a_cache_that_cannot_be_written_is_told_apart_from_anything_else_not_found() -> None:
    writing = Step("d9", "", "", "exporting cache to client directory")
    row = explain_failure("net", "D", [StepFinished(writing, 1.0, False, "not found")], LOG, None)
    assert (row.message, row.remedy) == (CACHE_LOST, "the same command with --no-cache does every step anew")
    row = explain_failure("net", "D", [StepFinished(STEP, 1.0, False, "not found")], LOG, None)
    assert row.message == "not found"


@pytest.mark.parametrize("doing", ["compute cache key", "resolve source metadata for h/i@sha256:1"])
@pytest.mark.parametrize("kind", ["layer", "config", "manifest"])
def test_an_image_that_is_not_what_its_digest_names_is_told_apart_from_a_silent_hub(
    doing: str, kind: str
) -> None:
    right, wrong = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    error = (
        f'failed to {doing}: failed commit on ref "{kind}-{right}": commit failed: '
        f"unexpected commit digest {wrong}, expected {right}: failed precondition"
    )
    row = explain_failure("net", "D", [Remark(f"ERROR: failed to solve: {error}")], LOG, None)
    assert row.message == (
        f"a registry sent another {kind} of an image than its digest names: expected {right}, found {wrong}"
    )
    assert "--context base=" in row.remedy


def test_a_layer_that_a_registry_has_only_in_part_is_told() -> None:
    blob = f"https://registry.example/v2/debian/blobs/sha256:{'a' * 64}"
    error = f"failed to copy: httpReadSeeker: failed open: unexpected status code {blob}: 416 Requested Range Not Satisfiable"
    row = explain_failure("net", "D", failed(error), LOG, None)
    assert row.message == f"a registry does not give all of {blob}: 416 Requested Range Not Satisfiable"


def test_the_command_to_retry_repeats_the_options() -> None:
    row = explain_failure("net", "D", failed("make: *** Error 1"), LOG, None, ["--context=weights=/my files"])
    assert row.retry.endswith("build --target=net '--context=weights=/my files'")


def test_a_hub_that_does_not_answer_is_named_before_any_step_ran() -> None:
    error = "failed to resolve source metadata for docker.io/library/debian:12: dial tcp: lookup hub: no such host"
    row = explain_failure("net", "D", [Remark(f"ERROR: failed to solve: debian:12: {error}")], LOG, None)
    assert row.message == "the hub does not give a base image"
    assert (row.step, row.exit_code, row.line) == ("before the first step", None, 0)


def test_a_build_that_said_nothing_still_has_a_row() -> None:
    assert explain_failure("net", "D", [], LOG, None).message == "buildx said nothing"
