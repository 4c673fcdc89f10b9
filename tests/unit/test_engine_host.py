"""Which daemon is meant, from docker's own settings."""

import hashlib
import json
from pathlib import Path

import pytest

from mlperf_bake.cli.app import execute
from mlperf_bake.engine.host import DEFAULT_HOST, daemon_host
from mlperf_bake.errors import EngineMissing


def test_without_settings_it_is_the_default_socket(tmp_path: Path) -> None:
    assert daemon_host({"HOME": str(tmp_path)}) == DEFAULT_HOST


def test_the_variable_wins(tmp_path: Path) -> None:
    assert daemon_host({"HOME": str(tmp_path), "DOCKER_HOST": "tcp://far:2376"}) == "tcp://far:2376"


def test_the_current_context_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / ".docker" / "contexts" / "meta" / hashlib.sha256(b"rootless").hexdigest()
    folder.mkdir(parents=True)
    endpoint = {"Endpoints": {"docker": {"Host": "unix:///run/user/1000/docker.sock"}}}
    (folder / "meta.json").write_text(json.dumps(endpoint), encoding="utf-8")
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "rootless"}', encoding="utf-8")
    assert daemon_host({"HOME": str(tmp_path)}) == "unix:///run/user/1000/docker.sock"
    assert daemon_host({"HOME": str(tmp_path), "DOCKER_CONTEXT": "default"}) == DEFAULT_HOST


def test_damaged_settings_are_no_settings(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{", encoding="utf-8")
    assert daemon_host({"HOME": str(tmp_path)}) == DEFAULT_HOST


def test_a_context_that_does_not_exist_is_not_the_default_one(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="a context that does not exist") as named:
        daemon_host({"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})
    assert (named.value.found, named.value.remedy) == ("gone", "unset DOCKER_CONTEXT")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "gone"}', encoding="utf-8")
    with pytest.raises(EngineMissing) as chosen:
        daemon_host({"HOME": str(tmp_path)})
    assert chosen.value.remedy == "docker context use default"
    assert daemon_host({"HOME": str(tmp_path), "DOCKER_HOST": "tcp://far:2376"}) == "tcp://far:2376"


def test_doctor_tells_a_context_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "no-such-context")
    assert execute(["doctor"]) == 7
    told = capsys.readouterr()
    assert "context that does not exist (no-such-context)" in told.out
    assert "unset DOCKER_CONTEXT" in told.err
