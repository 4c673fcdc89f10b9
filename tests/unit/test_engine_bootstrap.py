"""How an engine gets onto a bare machine, as far as that can be seen without one."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.engine import bootstrap as module
from mlperf_bake.engine.apt_sources import AptSource
from mlperf_bake.engine.apt_steps import INSTALL, apt, apt_complaint
from mlperf_bake.engine.bootstrap import (
    RECIPES,
    apt_summary,
    bootstrap,
    newer_suite_files,
)
from mlperf_bake.engine.command import Finished
from mlperf_bake.engine.daemon import remove_stale_pid_files
from mlperf_bake.engine.distribution import Distribution, parse_os_release
from mlperf_bake.engine.find import EngineSurvey
from mlperf_bake.engine.host import SYSTEM_HOSTS
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import EngineMissing

ARCHIVE = AptSource(
    ("http://mirror.example/debian",), ("bookworm",), ("main",), "/usr/share/keyrings/d.gpg", Path("x")
)


def test_debian_12_takes_only_the_engine_from_the_newer_suite_of_its_own_mirror() -> None:
    recipe = RECIPES["debian", "12"]
    (source, source_text), (pin, pin_text) = newer_suite_files(recipe, ARCHIVE)
    assert "URIs: http://mirror.example/debian\nSuites: trixie\n" in source_text
    low, high = pin_text.split("\n\n")
    assert low == "Package: *\nPin: release n=trixie\nPin-Priority: 100"
    assert high == (
        "Package: docker.io docker-cli docker-buildx containerd\nPin: release n=trixie\nPin-Priority: 600\n"
    )
    assert {Path("/") / source, Path("/") / pin} < set(recipe.writes)
    undone = recipe.rollback(("docker.io", "runc"))
    assert undone.startswith("apt-get purge --auto-remove docker.io runc && rm -f ")
    assert all(str(path) in undone for path in recipe.writes)


@pytest.mark.parametrize("release", [("debian", "13"), ("ubuntu", "22.04"), ("ubuntu", "24.04")])
def test_other_releases_need_no_second_suite(release: tuple[str, str]) -> None:
    recipe = RECIPES[release]
    assert recipe.newer_suite == ""
    assert {"docker.io", "docker-buildx"} <= set(recipe.packages)


def test_a_pid_file_is_stale_when_its_number_is_another_program(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    for number, name in ((7, "dockerd"), (8, "bash")):
        (proc / str(number)).mkdir(parents=True)
        (proc / str(number) / "comm").write_text(f"{name}\n", encoding="utf-8")
    alive, taken, gone, torn = (tmp_path / name for name in ("alive", "taken", "gone", "torn"))
    for path, text in ((alive, "7"), (taken, "8"), (gone, "9"), (torn, "")):
        path.write_text(text, encoding="ascii")
    files = tuple((path, "dockerd") for path in (alive, taken, gone, torn, tmp_path / "never"))
    assert remove_stale_pid_files(files, proc) == [taken, gone, torn]
    assert alive.exists()


def test_what_apt_is_going_to_do_is_said_in_one_line() -> None:
    text = (
        "0 upgraded, 11 newly installed, 0 to remove and 137 not upgraded.\n"
        "Need to get 79.4 MB/79.9 MB of archives.\n"
        "After this operation, 329 MB of additional disk space will be used.\n"
    )
    assert apt_summary(text) == "11 packages, 79.4 MB to fetch, 329 MB on disk"
    assert apt_summary("") == "nothing to fetch"


def test_nothing_is_installed_on_an_unknown_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "this_distribution", lambda: Distribution("fedora", "42", "", "Fedora"))
    said: list[str] = []
    with pytest.raises(EngineMissing) as caught:
        bootstrap(said.append)
    assert "dnf install" in str(caught.value.remedy)
    assert said == []


def test_nothing_is_installed_by_a_user_who_is_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "this_distribution", lambda: Distribution("debian", "12", "bookworm", "Debian")
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said: list[str] = []
    with pytest.raises(EngineMissing) as caught:
        bootstrap(said.append)
    assert "sudo mlperf-bake doctor --mend" in str(caught.value.remedy)
    assert said == []


def test_os_release_is_read_with_and_without_quotes() -> None:
    text = '# comment\nID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04 LTS"\nEMPTY=\n'
    assert parse_os_release(text) == Distribution("ubuntu", "24.04", "noble", "Ubuntu 24.04 LTS")


def test_a_daemon_that_someone_chose_is_not_replaced_by_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module, "this_distribution", lambda: Distribution("debian", "12", "bookworm", "Debian")
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2376")
    said: list[str] = []
    missing = EngineMissing("the container engine does not answer", remedy="check DOCKER_HOST")
    with pytest.raises(EngineMissing) as caught:
        bootstrap(said.append, because=missing)
    assert caught.value is missing
    assert said == []


STOPPED = EngineSurvey(
    "/usr/bin/docker",
    Version(28, 0, 0),
    None,
    Version(0, 20, 0),
    ("docker", "buildx"),
    "",
    "it is stopped",
    {},
)


@pytest.mark.parametrize(
    ("dockerd", "expected"), [("28.0.4", ["started"]), ("20.10.24", ["installed", "started"])]
)
def test_an_engine_that_is_only_stopped_is_started_and_an_old_one_replaced(
    monkeypatch: pytest.MonkeyPatch, dockerd: str, expected: list[str]
) -> None:
    done: list[str] = []

    def survey() -> EngineSurvey:
        return replace(STOPPED, server=Version(28, 0, 4)) if "started" in done else STOPPED

    def fake_call(argv: tuple[str, ...], **_: object) -> Finished:
        version = f"Docker version {dockerd}, build 1" if argv[-1] == "--version" else ""
        return Finished(argv, 0, version, "")

    monkeypatch.setattr(
        module, "this_distribution", lambda: Distribution("debian", "12", "bookworm", "Debian")
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module, "daemon_host", lambda: SYSTEM_HOSTS[0])
    monkeypatch.setattr(module, "survey_engine", survey)
    monkeypatch.setattr(module, "call", fake_call)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    monkeypatch.setattr(module, "write_daemon_settings", lambda say: True)
    monkeypatch.setattr(module, "daemon_answers", lambda: "started" in done)
    monkeypatch.setattr(module, "start_daemon", lambda say: done.append("started"))
    monkeypatch.setattr(module, "install", lambda *_: done.append("installed"))
    engine = bootstrap(lambda line: None)
    assert done == expected
    assert engine.server == Version(28, 0, 4)


def test_apt_may_not_remove_and_what_it_does_is_said() -> None:
    assert "--no-remove" in INSTALL
    said: list[str] = []
    done = apt(("sh", "-c", "echo Setting up x; echo 'E: no' >&2; echo 'W: end'; exit 100"), said.append)
    assert (done.exit_code, said, apt_complaint(done)) == (100, ["  Setting up x"], "E: no")
