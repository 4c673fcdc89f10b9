"""Which daemon is meant, from docker's own settings."""

import hashlib
import json
from pathlib import Path

from mlperf_bake.engine.host import DEFAULT_HOST, daemon_host


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
