"""What is accepted as an engine, and what is said about what is not."""

from dataclasses import replace

import pytest

from mlperf_bake.engine.distribution import Distribution
from mlperf_bake.engine.find import NEEDED_BUILDX, NEEDED_SERVER, EngineSurvey, how_to_get_it, judge
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import EngineMissing

DEBIAN = Distribution("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")
FEDORA = Distribution("fedora", "42", "", "Fedora Linux 42")

WHOLE = EngineSurvey(
    docker="/usr/bin/docker",
    client=Version(28, 2, 2),
    server=Version(26, 1, 5),
    buildx=Version(0, 13, 1),
    buildx_argv=("/usr/bin/docker", "buildx"),
    host="unix:///var/run/docker.sock",
    complaint="",
    info={
        "Architecture": "x86_64",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "MemTotal": 8 << 30,
        "NCPU": 4,
        "DockerRootDir": "/var/lib/docker",
    },
)


def test_a_whole_engine_is_described_by_what_it_says_of_itself() -> None:
    engine = judge(WHOLE, DEBIAN)
    assert (engine.platform, engine.containerd_store, engine.memory_bytes, engine.cpus) == (
        "linux/amd64",
        True,
        8 << 30,
        4,
    )
    assert engine.local
    assert not judge(replace(WHOLE, host="ssh://build@far"), DEBIAN).local


def test_the_classic_image_store_is_told_apart() -> None:
    info = {**WHOLE.info, "DriverStatus": [["Backing Filesystem", "extfs"]]}
    assert not judge(replace(WHOLE, info=info), DEBIAN).containerd_store


@pytest.mark.parametrize(
    ("survey", "problem", "found"),
    [
        (replace(WHOLE, docker=None), "there is no container engine", "no docker command"),
        (replace(WHOLE, server=None, complaint="dial unix: no"), "does not answer", "dial unix: no"),
        (replace(WHOLE, server=Version(20, 10, 24)), "engine is too old", "20.10.24"),
        (replace(WHOLE, buildx=None, buildx_argv=()), "docker has no buildx", "without the buildx plug-in"),
        (replace(WHOLE, buildx=Version(0, 10, 5)), "buildx is too old", "0.10.5"),
    ],
)
def test_each_lack_is_named_with_what_was_found_needed_and_how_to_get_it(
    survey: EngineSurvey, problem: str, found: str
) -> None:
    with pytest.raises(EngineMissing) as caught:
        judge(survey, FEDORA)
    error = caught.value
    assert error.exit_code == 7
    assert problem in error.problem
    assert found in str(error.found)
    assert error.expected and (str(NEEDED_SERVER) in error.expected or str(NEEDED_BUILDX) in error.expected)
    assert error.remedy


def test_a_socket_that_is_not_for_this_user_leads_to_the_docker_group() -> None:
    survey = replace(WHOLE, server=None, complaint="permission denied while trying to connect")
    with pytest.raises(EngineMissing) as caught:
        judge(survey, DEBIAN)
    assert "usermod -aG docker" in str(caught.value.remedy)


def test_the_way_to_an_engine_is_that_of_the_distribution() -> None:
    assert "doctor --mend" in how_to_get_it(DEBIAN)
    assert "dnf install" in how_to_get_it(FEDORA)
    assert "Plan 9" in how_to_get_it(Distribution("plan9", "4", "", "Plan 9"))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("26.1.5+dfsg1", Version(26, 1, 5)),
        ("v0.20.0-desktop.2", Version(0, 20, 0)),
        ("27", Version(27, 0, 0)),
        ("unknown", None),
        ("", None),
    ],
)
def test_versions_are_their_first_three_numbers(text: str, version: Version | None) -> None:
    assert Version.parse(text) == version


def test_versions_compare_as_numbers() -> None:
    assert Version(9, 9, 9) < Version(10, 0, 0) < Version(10, 0, 1)


def test_a_chosen_daemon_that_does_not_answer_is_not_answered_with_an_installation() -> None:
    survey = replace(WHOLE, server=None, complaint="connection refused", host="tcp://far:2376")
    with pytest.raises(EngineMissing) as caught:
        judge(survey, DEBIAN)
    assert "DOCKER_HOST" in str(caught.value.remedy)
